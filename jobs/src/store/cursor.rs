//! The cursor: where claims start in a queue in which many jobs arrive or wait.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use sea_orm::prelude::DateTimeUtc;
use serde::Serialize;

use super::row::Claimed;

/// The groups of a busy queue, and how far earlier claims got in each. A claim that starts there does not step over the index entries that
/// they left behind. It is a hint: groups, and jobs behind the cursor, are looked up again soon.
#[derive(Debug, Default)]
pub(crate) struct ClaimCursor {
    pub(super) groups: Vec<Group>,
    /// Until when the groups are current.
    current_until: Option<Instant>,
    /// When claims start at the beginning of each group again.
    rewind_at: Option<Instant>,
    /// The last claim returned as many jobs as it could.
    pub(super) has_more: bool,
    /// Claims do not wait for their turn before that time.
    turns_after: Option<Instant>,
}

/// The jobs of one priority and name that are due from `since` on.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    pub(super) priority: i16,
    pub(super) name: String,
    pub(super) since: Option<DateTimeUtc>,
    /// Whether the last claim found nothing due in the group.
    #[serde(skip)]
    pub(super) is_empty: bool,
    /// When the group last returned jobs.
    #[serde(skip)]
    claimed_at: Option<Instant>,
}

/// How long groups are current, at least and at most: looking them up may take a tenth of the time.
const CURRENT: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How late a job may become visible, because of a long transaction, and still be found as if it had arrived in time.
const COMMIT_SKEW: TimeDelta = TimeDelta::milliseconds(250);

/// How long it takes at most to find jobs that arrive later still, or that are due before those already claimed.
const REWIND_EVERY: Duration = Duration::from_secs(1);

/// How long after it has returned jobs a group may soon have more, even if none wait there now.
const RECENT: Duration = Duration::from_secs(1);

/// How many empty groups each claim probes. Each costs a probe of the index, and 60 of them made MariaDB's claims 12 times as slow.
const EMPTY_GROUPS: usize = 8;

/// How long claims do not wait after one has waited in vain: whoever has the turn may have vanished.
const NO_TURNS: Duration = Duration::from_secs(10);

impl ClaimCursor {
    /// Whether a claim waits for its turn, if claims of a queue can run side by side. On MariaDB, 8 workers drain 1.3 times as fast in turn, and
    /// 32 twice as fast and more. Claims that fill only free slots are small, and step over few locked rows.
    pub(super) fn takes_turns(&self, prefetches: bool, now: Instant) -> bool {
        self.has_more && prefetches && self.turns_after.is_none_or(|after| now >= after)
    }

    /// A claim begins to wait for its turn: unless it is had, the next claims do not wait.
    pub(super) fn waits_for_turn(&mut self, now: Instant) {
        self.turns_after = Some(now + NO_TURNS);
    }

    /// A claim has had its turn.
    pub(super) fn had_turn(&mut self) {
        self.turns_after = None;
    }

    pub(super) fn is_current(&self, now: Instant) -> bool {
        self.current_until.is_some_and(|until| now < until)
    }

    /// Makes claims probe these groups from now on, and those that have returned jobs recently.
    pub(super) fn set_groups(&mut self, groups: Vec<Group>, now: Instant, took: Duration) {
        let mut known = std::mem::replace(&mut self.groups, groups);
        self.groups.sort_by(Group::compare);
        known.retain_mut(|known| match self.groups.binary_search_by(|group| group.compare(known)) {
            Ok(index) => {
                self.groups[index].since = known.since;
                self.groups[index].claimed_at = known.claimed_at;
                false
            }
            Err(_) => known.claimed_at.is_some_and(|at| now.duration_since(at) < RECENT),
        });
        self.groups.append(&mut known);
        self.groups.sort_by(Group::compare);
        if !self.groups.is_empty() {
            self.current_until = Some(now + (took * 10).clamp(CURRENT.0, CURRENT.1));
        }
    }

    /// Lets the next claim start at the beginning of each group, if it is time.
    pub(super) fn rewind(&mut self, now: Instant) {
        if self.rewind_at.is_none_or(|at| now >= at) {
            self.groups.iter_mut().for_each(|group| group.since = None);
            self.rewind_at = Some(now + REWIND_EVERY);
        }
    }

    /// Moves the cursor past the claimed jobs.
    pub(super) fn advance(&mut self, claimed: &[Claimed], now: Instant) {
        for job in claimed {
            let is_its_group = |group: &Group| (group.priority, &*group.name).cmp(&(job.priority, &*job.name));
            if let Ok(index) = self.groups.binary_search_by(is_its_group) {
                let group = &mut self.groups[index];
                group.since = group.since.max(Some(job.scheduled_at.min(job.started_at - COMMIT_SKEW)));
                group.claimed_at = Some(now);
            }
        }
    }

    /// Skips empty groups until they are looked up again, except for the few that have returned jobs last. If the claim got all there was,
    /// the groups are no longer current.
    pub(super) fn skip_empty(&mut self, got_all: bool) {
        let mut empty: Vec<_> =
            self.groups.iter().filter(|group| group.is_empty).map(|group| group.claimed_at).collect();
        if empty.len() <= EMPTY_GROUPS {
            return;
        }
        empty.sort_unstable();
        let (last, mut left) = (empty[empty.len() - EMPTY_GROUPS], EMPTY_GROUPS);
        self.groups.retain(|group| {
            let is_kept = !group.is_empty || (group.claimed_at.is_some() && group.claimed_at >= last && left > 0);
            left -= usize::from(is_kept && group.is_empty);
            is_kept
        });
        if got_all {
            self.current_until = None;
        }
    }
}

impl Group {
    pub(super) fn new(priority: i16, name: String) -> Self {
        Self { priority, name, since: None, is_empty: false, claimed_at: None }
    }

    fn compare(&self, other: &Self) -> Ordering {
        (self.priority, &self.name).cmp(&(other.priority, &other.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(cursor: &ClaimCursor) -> Vec<&str> {
        cursor.groups.iter().map(|group| &*group.name).collect()
    }

    fn groups<S: ToString>(names: impl IntoIterator<Item = S>) -> Vec<Group> {
        names.into_iter().map(|name| Group::new(0, name.to_string())).collect()
    }

    fn cursor_of<S: ToString>(names: impl IntoIterator<Item = S>, now: Instant) -> ClaimCursor {
        let mut cursor = ClaimCursor::default();
        cursor.set_groups(groups(names), now, Duration::ZERO);
        cursor
    }

    #[test]
    fn groups_are_looked_up_at_most_a_tenth_of_the_time() {
        let now = Instant::now();
        let mut cursor = cursor_of(["a"], now);
        assert!(cursor.is_current(now + Duration::from_millis(49)));
        assert!(!cursor.is_current(now + Duration::from_millis(50)));
        cursor.set_groups(groups(["a"]), now, Duration::from_millis(20));
        assert!(cursor.is_current(now + Duration::from_millis(199)));
        assert!(!cursor_of([""; 0], now).is_current(now), "while nothing waits, each claim looks them up");
    }

    #[test]
    fn groups_that_are_not_found_again_are_forgotten_unless_they_have_returned_jobs_within_a_second() {
        let now = Instant::now();
        let mut cursor = cursor_of(["a", "b", "c"], now);
        cursor.groups[2].claimed_at = Some(now);
        cursor.groups[1].since = Some(DateTimeUtc::UNIX_EPOCH);
        cursor.set_groups(groups(["b"]), now, Duration::ZERO);
        assert_eq!(names(&cursor), ["b", "c"]);
        assert_eq!(
            cursor.groups[0].since,
            Some(DateTimeUtc::UNIX_EPOCH),
            "a group that is found again keeps its place"
        );
        cursor.set_groups(groups(["b"]), now + RECENT, Duration::ZERO);
        assert_eq!(names(&cursor), ["b"]);
    }

    #[test]
    fn once_a_second_claims_begin_at_the_start_again() {
        let now = Instant::now();
        let mut cursor = cursor_of(["a"], now);
        cursor.rewind(now);
        cursor.groups[0].since = Some(DateTimeUtc::UNIX_EPOCH);
        cursor.rewind(now + Duration::from_millis(999));
        assert_eq!(cursor.groups[0].since, Some(DateTimeUtc::UNIX_EPOCH));
        cursor.rewind(now + REWIND_EVERY);
        assert_eq!(cursor.groups[0].since, None);
    }

    #[test]
    fn empty_groups_are_left_out_but_for_those_that_have_returned_jobs_last() {
        let now = Instant::now();
        let mut cursor = cursor_of(10..70, now);
        for group in &mut cursor.groups[..50] {
            group.is_empty = true;
        }
        cursor.groups[7].claimed_at = Some(now);
        cursor.skip_empty(false);
        assert_eq!(cursor.groups.len(), 10 + 1);
        assert_eq!(cursor.groups[0].name, "17");
        assert!(cursor.is_current(now), "while others have more, groups are not looked up");
    }

    #[test]
    fn when_all_is_claimed_and_groups_are_left_out_the_next_claim_looks_them_up() {
        let now = Instant::now();
        let mut cursor = cursor_of(0..9, now);
        cursor.groups.iter_mut().for_each(|group| group.is_empty = true);
        cursor.skip_empty(true);
        assert!(!cursor.is_current(now));
    }

    #[test]
    fn claims_that_prefetch_from_a_backlog_take_turns_but_not_for_ten_seconds_after_one_has_waited_in_vain() {
        let now = Instant::now();
        let mut cursor = cursor_of(["a"], now);
        assert!(!cursor.takes_turns(true, now), "there may be few");
        cursor.has_more = true;
        assert!(cursor.takes_turns(true, now) && !cursor.takes_turns(false, now));
        cursor.waits_for_turn(now);
        cursor.had_turn();
        assert!(cursor.takes_turns(true, now));
        cursor.waits_for_turn(now);
        assert!(!cursor.takes_turns(true, now + Duration::from_millis(9_999)));
        assert!(cursor.takes_turns(true, now + NO_TURNS));
    }
}
