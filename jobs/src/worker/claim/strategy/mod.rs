//! When to claim, when to poll and when to sleep: decided by events and by the time, which both come from outside.

mod idle;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::WhenIdle;
use super::demand::QueueState;
use super::prefetch::Room;
use super::tuning::{AWAKE_AFTER, IDLE_BACKOFF_MIN, RECHECK_OTHERS, RETRY, SHORT_POLL_MAX, SHORT_POLL_MIN};
use crate::store::claim::ClaimLimit;
use crate::store::wake::Woken;

/// The next action of a worker that claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Action {
    /// Claims in these of its queues.
    Claim(Vec<(usize, ClaimLimit)>),
    /// Lets jobs that trickle in gather until then.
    Coalesce(Instant),
    /// Asks which queues are paused.
    CheckPaused,
    /// Asks whether jobs are due in these queues, while there is work in others.
    RecheckOthers(Vec<String>),
    /// Marks the worker as awake: its row says that it sleeps on no queue.
    StayAwake,
    /// Waits for that long at the most, and claims again.
    ShortPoll(Instant),
    /// Marks the worker as asleep on these queues, and checks once more whether jobs are due.
    FallAsleep(Vec<String>),
    /// Waits until it is woken, for that long at the most.
    Sleep(Instant),
    /// Sleeps like `Sleep`, after it has requested a heartbeat: jobs are due, and it gets none of them.
    SleepInVain(Instant),
    /// Ends: nothing is due or running, and the worker does not wait for more.
    Return,
}

impl Action {
    /// Whether this action shows if claims succeed: the steps that come before a claim may succeed while claims fail.
    pub(super) fn tells_whether_claims_succeed(&self) -> bool {
        !matches!(self, Self::Coalesce(_) | Self::CheckPaused | Self::RecheckOthers(_))
    }
}

/// The state by which it decides, besides what has happened.
#[derive(Debug)]
pub(super) struct Situation<'a> {
    pub(super) now: Instant,
    /// The room of each queue.
    pub(super) rooms: &'a [Room],
    /// Jobs may be claimed: no other worker may take ours.
    pub(super) has_lease: bool,
    /// Whether the database wakes this worker.
    pub(super) is_notified: bool,
    pub(super) poll_interval: Duration,
}

pub(super) struct Strategy {
    names: Vec<String>,
    queues: Vec<QueueState>,
    when_idle: WhenIdle,
    /// The pause before it asks again.
    backoff: Duration,
    /// The action that was decided when it asked whether jobs are due, unless something can be claimed.
    decided: Option<Action>,
    /// Jobs were due when it last asked, and the claim after that returned none.
    in_vain: bool,
    /// The time of the last request for a heartbeat.
    heartbeat_at: Option<Instant>,
    /// How many claims have returned jobs, each soon after the one before, and when the last did.
    streak: u32,
    claimed_at: Instant,
    stays_awake: bool,
    /// The queues for which this worker's row says that it sleeps.
    asleep: Vec<String>,
    /// The time at which it last asked which queues are paused.
    paused_at: Option<Instant>,
    /// It has asked since its last claim: it claims now, however long the answer took.
    has_asked: bool,
    /// The time at which idle queues are rechecked while there is work in others.
    recheck_others_at: Instant,
}

impl Strategy {
    pub(super) fn new(names: Vec<String>, when_idle: WhenIdle, now: Instant) -> Self {
        Self {
            queues: names.iter().map(|_| QueueState::new()).collect(),
            names,
            when_idle,
            backoff: IDLE_BACKOFF_MIN,
            decided: None,
            in_vain: false,
            heartbeat_at: None,
            streak: 0,
            claimed_at: now,
            stays_awake: false,
            asleep: Vec::new(),
            paused_at: None,
            has_asked: false,
            recheck_others_at: now + RECHECK_OTHERS.0,
        }
    }

    pub(super) fn queue(&self, index: usize) -> &QueueState {
        &self.queues[index]
    }

    pub(super) fn is_ready(&self, situation: &Situation) -> bool {
        !self.limits(situation).is_empty()
    }

    pub(super) fn next(&mut self, situation: &Situation) -> Action {
        if std::mem::take(&mut self.stays_awake) && situation.is_notified && !self.asleep.is_empty() {
            return Action::StayAwake;
        }
        let (limits, decided) = (self.limits(situation), self.decided.take());
        if limits.is_empty() {
            return decided.unwrap_or_else(|| self.when_nothing_can_be_claimed(situation));
        }
        if !situation.has_lease {
            // Others may take our jobs soon; the next good heartbeat wakes us.
            self.has_asked = false;
            return Action::Sleep(situation.now + RETRY.1);
        }
        let gathered_at = self.claimed_at + SHORT_POLL_MIN;
        if self.is_trickle() && situation.now < gathered_at {
            return Action::Coalesce(gathered_at);
        }
        let idle = self.idle_queues();
        if !idle.is_empty() && situation.now >= self.recheck_others_at {
            return Action::RecheckOthers(idle);
        }
        if !self.has_asked && self.must_check_paused(situation) {
            return Action::CheckPaused;
        }
        self.has_asked = false;
        Action::Claim(limits)
    }

    /// A claim in one of the queues has returned this many jobs.
    pub(super) fn claimed(&mut self, index: usize, limit: ClaimLimit, jobs: usize) {
        self.queues[index].claimed(limit, jobs);
    }

    /// There may be jobs in this queue.
    pub(super) fn may_have_jobs(&mut self, index: usize) {
        self.queues[index].wake();
    }

    /// All queues that had room were claimed, and some had jobs.
    pub(super) fn got_jobs(&mut self, situation: &Situation) {
        let is_soon = situation.now.duration_since(self.claimed_at) < SHORT_POLL_MAX;
        self.streak = if is_soon { self.streak.saturating_add(1) } else { 1 };
        self.claimed_at = situation.now;
        self.stays_awake = self.streak >= AWAKE_AFTER;
        self.in_vain = false;
        if self.stays_awake && situation.is_notified {
            self.backoff = SHORT_POLL_MIN;
        } else {
            self.backoff = self.first_backoff(situation);
        }
    }

    /// Handles wake-ups. Returns true if it is time to ask again, whatever it was waiting for.
    pub(super) fn woken(&mut self, woken: &Woken, situation: &Situation) -> bool {
        let is_changed = woken.all || self.names.iter().any(|name| woken.changed.contains(name));
        if is_changed {
            self.paused_at = None;
        }
        let mut any = is_changed;
        for (name, queue) in self.names.iter().zip(&mut self.queues) {
            if woken.all || woken.queues.contains(name) {
                queue.wake();
                any |= !queue.is_paused();
            }
        }
        // One that is about to stay awake has the backoff of a worker that is.
        if any && !self.stays_awake {
            self.backoff = self.first_backoff(situation);
        }
        woken.recheck_due || is_changed
    }

    /// Pauses these queues and resumes all others, as of `asked_at`, when the database was asked.
    pub(super) fn paused(&mut self, paused: &HashSet<String>, asked_at: Instant) {
        self.paused_at = Some(asked_at);
        self.has_asked = true;
        for (name, queue) in self.names.iter().zip(&mut self.queues) {
            queue.set_paused(paused.contains(name));
        }
    }

    /// While others had work, the idle queues were asked when their first jobs are due.
    pub(super) fn rechecked_others(&mut self, due: &HashMap<String, Duration>, asked_at: Instant, now: Instant) {
        self.recheck_others_at = now + (now.duration_since(asked_at) * 10).clamp(RECHECK_OTHERS.0, RECHECK_OTHERS.1);
        self.wake_due(due);
    }

    fn limits(&self, situation: &Situation) -> Vec<(usize, ClaimLimit)> {
        let limits = self.queues.iter().zip(situation.rooms).map(|(queue, room)| queue.limit(*room));
        limits.enumerate().filter_map(|(index, limit)| Some((index, limit?))).collect()
    }

    fn idle_queues(&self) -> Vec<String> {
        let queues = self.names.iter().zip(&self.queues);
        queues.filter(|(_, queue)| queue.is_idle()).map(|(name, _)| name.clone()).collect()
    }

    fn wake_due(&mut self, due: &HashMap<String, Duration>) {
        for (name, queue) in self.names.iter().zip(&mut self.queues) {
            if due.get(name).is_some_and(Duration::is_zero) {
                queue.wake();
            }
        }
    }

    /// Jobs keep coming, and each claim so far has returned all that were due.
    fn is_trickle(&self) -> bool {
        self.queues.iter().any(QueueState::is_busy) && !self.queues.iter().any(QueueState::has_backlog)
    }

    fn must_check_paused(&self, situation: &Situation) -> bool {
        self.paused_at.is_none_or(|at| situation.now.duration_since(at) >= situation.poll_interval)
    }
}
