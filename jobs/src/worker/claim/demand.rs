//! How much to claim in one queue, by what the last claims returned.

use super::prefetch::Room;
use super::tuning::{BUSY_AFTER, MAX_CLAIM};
use crate::store::claim::ClaimLimit;

/// The jobs that a claim in a queue may find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Demand {
    /// Nothing was due when it was last asked.
    Idle,
    /// There may be due jobs that must not be prefetched, such as those on their last attempt: the last claim prefetched nothing.
    FreeSlotsOnly,
    /// There may be due jobs: the last claim returned some of many, or there was a wake-up since.
    Any,
}

/// The state of one queue, as the worker knows it.
#[derive(Debug)]
pub(super) struct QueueState {
    demand: Demand,
    /// Nothing is claimed until it is resumed.
    paused: bool,
    /// The last claim returned as many as it could: more are waiting.
    backlogged: bool,
    /// How many claims have returned jobs since nothing was due.
    busy_claims: u32,
}

impl QueueState {
    pub(super) const fn new() -> Self {
        Self { demand: Demand::Any, paused: false, backlogged: false, busy_claims: 0 }
    }

    /// What to claim next; `None` if there is no room, or nothing to claim.
    pub(super) fn limit(&self, room: Room) -> Option<ClaimLimit> {
        if self.paused || self.demand == Demand::Idle || room.waiting > room.low_watermark() {
            return None;
        }
        let startable = room.free_slots;
        let total = (startable + room.prefetch.saturating_sub(room.waiting)).min(MAX_CLAIM);
        let needed = if self.demand == Demand::FreeSlotsOnly { startable } else { total };
        (needed > 0).then_some(ClaimLimit { total, startable })
    }

    /// A claim has returned this many jobs.
    pub(super) fn claimed(&mut self, limit: ClaimLimit, jobs: usize) {
        self.busy_claims = self.busy_claims.saturating_add(u32::from(jobs > 0));
        self.backlogged = jobs == limit.total;
        self.demand = if self.backlogged {
            Demand::Any
        } else if jobs >= limit.startable {
            Demand::FreeSlotsOnly
        } else if self.is_busy() && jobs > 0 {
            // Others may have become due.
            Demand::Any
        } else {
            Demand::Idle
        };
    }

    /// Jobs may be due.
    pub(super) fn wake(&mut self) {
        self.demand = Demand::Any;
    }

    /// Nothing more is expected soon: the next claim does not begin at the cursor.
    pub(super) fn rest(&mut self) {
        if self.demand == Demand::Idle {
            self.busy_claims = 0;
        }
    }

    pub(super) fn set_paused(&mut self, paused: bool) {
        let was_paused = std::mem::replace(&mut self.paused, paused);
        if paused {
            self.backlogged = false;
            self.busy_claims = 0;
        } else if was_paused {
            self.demand = Demand::Any;
        }
    }

    pub(super) fn is_paused(&self) -> bool {
        self.paused
    }

    /// Nothing was due when it was last asked, and it is not paused.
    pub(super) fn is_idle(&self) -> bool {
        self.demand == Demand::Idle && !self.paused
    }

    /// Jobs keep coming.
    pub(super) fn is_busy(&self) -> bool {
        self.busy_claims >= BUSY_AFTER
    }

    /// More are waiting than the last claim could return, and nothing has said otherwise.
    pub(super) fn has_backlog(&self) -> bool {
        self.backlogged && self.demand == Demand::Any
    }

    /// Many jobs come or wait: worth remembering where the last claim ended.
    pub(super) fn is_claimed_from_cursor(&self) -> bool {
        self.backlogged || self.is_busy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: ClaimLimit = ClaimLimit { total: 1, startable: 1 };

    fn room(free_slots: usize, waiting: usize, prefetch: usize) -> Room {
        Room { free_slots, waiting, prefetch, ahead: 0 }
    }

    #[test]
    fn a_new_queue_is_asked_for_as_many_jobs_as_it_has_free_slots() {
        assert_eq!(QueueState::new().limit(room(10, 0, 0)), Some(ClaimLimit { total: 10, startable: 10 }));
    }

    #[test]
    fn quick_jobs_are_prefetched_up_to_what_one_statement_claims() {
        let queue = QueueState::new();
        assert_eq!(queue.limit(room(10, 0, 100)), Some(ClaimLimit { total: 110, startable: 10 }));
        assert_eq!(queue.limit(room(10, 0, 2_000)), Some(ClaimLimit { total: MAX_CLAIM, startable: 10 }));
    }

    #[test]
    fn what_waits_is_topped_up_only_when_half_of_it_has_started() {
        let queue = QueueState::new();
        assert_eq!(queue.limit(room(0, 51, 100)), None);
        assert_eq!(queue.limit(room(0, 50, 100)), Some(ClaimLimit { total: 50, startable: 0 }));
    }

    #[test]
    fn after_a_claim_that_returned_nothing_nothing_is_claimed_until_there_is_a_wake_up() {
        let mut queue = QueueState::new();
        queue.claimed(ONE, 0);
        assert!(queue.is_idle());
        assert_eq!(queue.limit(room(1, 0, 0)), None);
        queue.wake();
        assert_eq!(queue.limit(room(1, 0, 0)), Some(ONE));
    }

    #[test]
    fn a_full_claim_says_that_more_are_waiting() {
        let mut queue = QueueState::new();
        queue.claimed(ONE, 1);
        assert!(queue.has_backlog() && queue.is_claimed_from_cursor());
        assert!(queue.limit(room(1, 0, 0)).is_some());
    }

    #[test]
    fn after_a_claim_that_filled_the_slots_and_prefetched_nothing_only_free_slots_are_claimed_for() {
        let mut queue = QueueState::new();
        queue.claimed(ClaimLimit { total: 20, startable: 10 }, 10);
        assert_eq!(queue.limit(room(0, 0, 10)), None);
        assert_eq!(queue.limit(room(1, 0, 10)), Some(ClaimLimit { total: 11, startable: 1 }));
    }

    #[test]
    fn a_queue_that_has_returned_jobs_three_times_is_asked_again_though_the_last_claim_was_not_full() {
        let mut queue = QueueState::new();
        let limit = ClaimLimit { total: 10, startable: 10 };
        queue.claimed(limit, 1);
        assert!(queue.is_idle());
        queue.claimed(limit, 1);
        queue.claimed(limit, 1);
        assert!(queue.is_busy() && !queue.is_idle() && !queue.has_backlog());
        queue.claimed(limit, 0);
        assert!(queue.is_idle(), "until nothing is due");
        queue.rest();
        assert!(!queue.is_busy());
    }

    #[test]
    fn a_paused_queue_is_neither_claimed_nor_idle_and_is_asked_when_it_is_resumed() {
        let mut queue = QueueState::new();
        queue.claimed(ONE, 0);
        queue.set_paused(true);
        assert!(queue.limit(room(1, 0, 0)).is_none() && !queue.is_idle());
        queue.set_paused(false);
        assert_eq!(queue.limit(room(1, 0, 0)), Some(ONE));
    }
}
