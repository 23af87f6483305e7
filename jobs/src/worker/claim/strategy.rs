//! When to claim, when to poll and when to sleep: decided by events and by the time, which both come from outside.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::WhenIdle;
use super::demand::QueueState;
use super::prefetch::Room;
use super::tuning::{
    AWAKE_AFTER, HEARTBEAT_REQUESTS, IDLE_BACKOFF_MIN, RECHECK_OTHERS, RETRY, SHORT_POLL_MAX, SHORT_POLL_MIN,
};
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

    fn when_nothing_can_be_claimed(&mut self, situation: &Situation) -> Action {
        let has_asked = std::mem::take(&mut self.has_asked);
        let idle = self.idle_queues();
        if idle.is_empty() && !self.queues.iter().all(QueueState::is_paused) {
            // All slots are taken: only a free one matters, or a queue that is resumed.
            return match self.paused_at {
                Some(at) if has_asked || !self.must_check_paused(situation) => {
                    Action::Sleep(at + situation.poll_interval)
                }
                _ => Action::CheckPaused,
            };
        }
        if self.when_idle == WhenIdle::Sleep && self.is_awake(situation) && self.backoff < SHORT_POLL_MAX {
            let until = situation.now + self.backoff;
            self.backoff *= 2;
            return Action::ShortPoll(until);
        }
        for queue in &mut self.queues {
            queue.rest();
        }
        Action::FallAsleep(idle)
    }

    /// A claim in one of the queues has returned this many jobs.
    pub(super) fn claimed(&mut self, index: usize, limit: ClaimLimit, jobs: usize) {
        self.queues[index].claimed(limit, jobs);
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

    /// Records that the worker's row says that it sleeps on these queues.
    pub(super) fn is_asleep_on(&mut self, queues: Vec<String>) {
        if queues.is_empty() {
            self.backoff = SHORT_POLL_MIN;
        }
        self.asleep = queues;
    }

    pub(super) fn asleep(&self) -> &[String] {
        &self.asleep
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
        if any {
            self.backoff = self.first_backoff(situation);
        }
        woken.look || is_changed
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

    /// Before it sleeps, the idle queues were asked when their first jobs are due. `was_idle`: nothing was running before.
    pub(super) fn rechecked(&mut self, due: &HashMap<String, Duration>, was_idle: bool, situation: &Situation) {
        self.has_asked = false;
        if self.is_ready(situation) {
            // A queue was resumed.
            return;
        }
        let is_due_now = due.values().any(Duration::is_zero);
        if is_due_now && !self.in_vain {
            // Unless the claim returns something, another transaction holds the due jobs.
            self.in_vain = true;
            return self.wake_due(due);
        }
        self.in_vain = is_due_now;
        let returns = !is_due_now && was_idle && self.when_idle == WhenIdle::Return;
        self.decided = Some(if returns { Action::Return } else { self.sleep(due, situation) });
    }

    /// Sleeps until the first job is due, or it is time to ask again.
    fn sleep(&mut self, due: &HashMap<String, Duration>, situation: &Situation) -> Action {
        let next_due = due.values().filter(|wait| !wait.is_zero()).min();
        let until = situation.now + next_due.map_or(self.backoff, |wait| self.backoff.min(*wait));
        self.backoff = (self.backoff * 2).min(situation.poll_interval);
        let asked_lately = |at| situation.now.duration_since(at) < HEARTBEAT_REQUESTS;
        if self.in_vain && !self.heartbeat_at.is_some_and(asked_lately) {
            // This worker's row may be gone, so that it claims nothing: the next heartbeat will show it.
            self.heartbeat_at = Some(situation.now);
            return Action::SleepInVain(until);
        }
        Action::Sleep(until)
    }

    /// Its time to sleep is over.
    pub(super) fn slept(&mut self) {
        self.in_vain = false;
    }

    /// Its short pause is over: it does not ask first whether anything is due.
    pub(super) fn polled(&mut self) {
        self.queues.iter_mut().filter(|queue| queue.is_idle()).for_each(QueueState::wake);
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

    /// Others do not wake it: it polls by itself.
    fn is_awake(&self, situation: &Situation) -> bool {
        situation.is_notified && self.asleep.is_empty()
    }

    /// A worker that is awake polls again soon: falling asleep, and being woken, costs more.
    fn first_backoff(&self, situation: &Situation) -> Duration {
        if self.is_awake(situation) { SHORT_POLL_MIN } else { IDLE_BACKOFF_MIN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);
    const POLL_INTERVAL: Duration = Duration::from_secs(5);
    const FREE: Room = Room { free_slots: 10, waiting: 0, prefetch: 0 };
    const TAKEN: Room = Room { free_slots: 0, waiting: 0, prefetch: 0 };
    const LIMIT: ClaimLimit = ClaimLimit { total: 10, startable: 10 };

    /// A worker of one queue, `a`, or of two, `a` and `b`, and the time that passes for it.
    struct Worker {
        strategy: Strategy,
        now: Instant,
        rooms: Vec<Room>,
        has_lease: bool,
        is_notified: bool,
    }

    impl Worker {
        fn of(queues: &[&str], when_idle: WhenIdle) -> Self {
            let now = Instant::now();
            let names = queues.iter().map(|&name| name.to_owned()).collect();
            Self {
                strategy: Strategy::new(names, when_idle, now),
                now,
                rooms: vec![FREE; queues.len()],
                has_lease: true,
                is_notified: true,
            }
        }

        /// A worker that knows that no queue is paused.
        fn new(queues: &[&str]) -> Self {
            let mut worker = Self::of(queues, WhenIdle::Sleep);
            assert_eq!(worker.next(), Action::CheckPaused);
            worker.strategy.paused(&HashSet::new(), worker.now);
            worker
        }

        fn with<T>(&mut self, call: impl FnOnce(&mut Strategy, &Situation) -> T) -> T {
            let situation = Situation {
                now: self.now,
                rooms: &self.rooms,
                has_lease: self.has_lease,
                is_notified: self.is_notified,
                poll_interval: POLL_INTERVAL,
            };
            call(&mut self.strategy, &situation)
        }

        fn next(&mut self) -> Action {
            self.with(Strategy::next)
        }

        /// The first queue was claimed.
        fn claimed(&mut self, jobs: usize) {
            self.strategy.claimed(0, LIMIT, jobs);
            if jobs > 0 {
                self.with(Strategy::got_jobs);
            }
        }

        fn rechecked(&mut self, due: &[(&str, Duration)], was_idle: bool) -> Action {
            let due = due.iter().map(|&(name, wait)| (name.to_owned(), wait)).collect();
            self.with(|strategy, situation| strategy.rechecked(&due, was_idle, situation));
            self.next()
        }

        fn woken_for(&mut self, queue: &str) -> bool {
            let woken = Woken { queues: HashSet::from([queue.to_owned()]), ..Woken::default() };
            self.with(|strategy, situation| strategy.woken(&woken, situation))
        }

        fn falls_asleep_on(&mut self, queues: &[&str]) {
            let queues: Vec<_> = queues.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(self.next(), Action::FallAsleep(queues.clone()));
            self.strategy.is_asleep_on(queues);
        }

        /// Gets jobs three times, one after the other within a millisecond.
        fn awakes(&mut self) {
            for _ in 0..AWAKE_AFTER {
                self.now += MILLISECOND;
                self.claimed(10);
            }
        }
    }

    #[test]
    fn a_worker_asks_which_queues_are_paused_before_its_first_claim_and_once_a_poll_interval() {
        let mut worker = Worker::new(&["a"]);
        assert_eq!(worker.next(), Action::Claim(vec![(0, LIMIT)]));
        worker.now += POLL_INTERVAL;
        assert_eq!(worker.next(), Action::CheckPaused);
    }

    #[test]
    fn however_long_the_answer_takes_and_whatever_changes_meanwhile_it_asks_once_and_then_claims() {
        let mut worker = Worker::of(&["a"], WhenIdle::Sleep);
        for _ in 0..3 {
            assert_eq!(worker.next(), Action::CheckPaused);
            let asked_at = worker.now;
            worker.now += 2 * POLL_INTERVAL;
            worker.strategy.paused(&HashSet::new(), asked_at);
            let woken = Woken { changed: HashSet::from(["a".to_owned()]), ..Woken::default() };
            worker.with(|strategy, situation| strategy.woken(&woken, situation));
            assert_eq!(worker.next(), Action::Claim(vec![(0, LIMIT)]));
            worker.claimed(10);
        }
    }

    #[test]
    fn a_worker_whose_lease_does_not_hold_claims_nothing() {
        let mut worker = Worker::new(&["a"]);
        worker.has_lease = false;
        assert_eq!(worker.next(), Action::Sleep(worker.now + RETRY.1));
    }

    #[test]
    fn all_slots_taken_it_sleeps_until_it_asks_which_queues_are_paused() {
        let mut worker = Worker::new(&["a"]);
        worker.rooms = vec![TAKEN];
        assert_eq!(worker.next(), Action::Sleep(worker.now + POLL_INTERVAL));
    }

    #[test]
    fn when_nothing_is_due_it_says_that_it_sleeps_and_asks_once_more() {
        let mut worker = Worker::new(&["a"]);
        // Nothing came before: it is not asleep in its row, and polls four times.
        worker.is_notified = false;
        worker.claimed(0);
        worker.falls_asleep_on(&["a"]);
        assert_eq!(worker.rechecked(&[], false), Action::Sleep(worker.now + IDLE_BACKOFF_MIN));
        worker.strategy.slept();
        worker.falls_asleep_on(&["a"]);
        assert_eq!(
            worker.rechecked(&[], false),
            Action::Sleep(worker.now + 2 * IDLE_BACKOFF_MIN),
            "each pause is longer"
        );
    }

    #[test]
    fn it_sleeps_no_longer_than_until_the_first_job_is_due() {
        let mut worker = Worker::new(&["a"]);
        worker.is_notified = false;
        worker.claimed(0);
        worker.falls_asleep_on(&["a"]);
        assert_eq!(worker.rechecked(&[("a", 7 * MILLISECOND)], false), Action::Sleep(worker.now + 7 * MILLISECOND));
    }

    #[test]
    fn a_worker_that_is_awake_polls_four_times_before_it_falls_asleep() {
        let mut worker = Worker::new(&["a"]);
        worker.awakes();
        worker.claimed(0);
        for pause in [1, 2, 4, 8] {
            assert_eq!(worker.next(), Action::ShortPoll(worker.now + pause * MILLISECOND));
            worker.now += pause * MILLISECOND;
            worker.strategy.polled();
            assert_eq!(worker.next(), Action::Claim(vec![(0, LIMIT)]));
            worker.claimed(0);
        }
        worker.falls_asleep_on(&["a"]);
    }

    #[test]
    fn a_worker_that_sleeps_stays_awake_after_three_claims_with_jobs_each_soon_after_the_other() {
        let mut worker = Worker::new(&["a"]);
        worker.strategy.is_asleep_on(vec!["a".to_owned()]);
        for _ in 0..AWAKE_AFTER {
            worker.now += SHORT_POLL_MAX;
            worker.claimed(10);
            assert_ne!(worker.next(), Action::StayAwake, "too late after the one before");
        }
        worker.awakes();
        worker.woken_for("a");
        assert_eq!(worker.next(), Action::StayAwake);
        worker.strategy.is_asleep_on(Vec::new());
        worker.claimed(0);
        assert_eq!(worker.next(), Action::ShortPoll(worker.now + SHORT_POLL_MIN), "it is said once");
    }

    #[test]
    fn jobs_that_trickle_in_gather_for_a_millisecond_and_a_backlog_does_not() {
        let mut worker = Worker::new(&["a"]);
        worker.awakes();
        assert_eq!(worker.next(), Action::Claim(vec![(0, LIMIT)]), "claims come back full");
        worker.claimed(1);
        assert_eq!(worker.next(), Action::Coalesce(worker.now + SHORT_POLL_MIN));
        worker.now += SHORT_POLL_MIN;
        assert_eq!(worker.next(), Action::Claim(vec![(0, LIMIT)]));
    }

    #[test]
    fn a_wake_up_makes_it_claim_and_shortens_the_next_pause() {
        let mut worker = Worker::new(&["a"]);
        worker.is_notified = false;
        worker.claimed(0);
        worker.falls_asleep_on(&["a"]);
        worker.rechecked(&[], false);
        assert!(!worker.woken_for("another"));
        worker.falls_asleep_on(&["a"]);
        worker.woken_for("a");
        assert_eq!(worker.next(), Action::Claim(vec![(0, LIMIT)]));
        worker.claimed(0);
        worker.falls_asleep_on(&["a"]);
        assert_eq!(worker.rechecked(&[], false), Action::Sleep(worker.now + IDLE_BACKOFF_MIN));
    }

    #[test]
    fn jobs_that_are_due_and_can_not_be_claimed_are_tried_once_and_then_it_asks_for_a_heartbeat_once_a_second() {
        let mut worker = Worker::new(&["a"]);
        worker.is_notified = false;
        worker.claimed(0);
        worker.falls_asleep_on(&["a"]);
        let due = [("a", Duration::ZERO)];
        assert_eq!(worker.rechecked(&due, false), Action::Claim(vec![(0, LIMIT)]));
        worker.claimed(0);
        worker.falls_asleep_on(&["a"]);
        assert_eq!(worker.rechecked(&due, false), Action::SleepInVain(worker.now + IDLE_BACKOFF_MIN));
        worker.falls_asleep_on(&["a"]);
        assert_eq!(worker.rechecked(&due, false), Action::Sleep(worker.now + 2 * IDLE_BACKOFF_MIN));
        worker.strategy.slept();
        let claim = Action::Claim(vec![(0, LIMIT)]);
        assert_eq!(worker.rechecked(&due, false), claim, "time has passed: it is tried again");
    }

    #[test]
    fn while_one_queue_is_busy_the_idle_ones_are_rechecked() {
        let mut worker = Worker::new(&["a", "b"]);
        worker.strategy.claimed(1, LIMIT, 0);
        worker.claimed(10);
        assert_eq!(worker.next(), Action::Claim(vec![(0, LIMIT)]));
        worker.now += RECHECK_OTHERS.0;
        assert_eq!(worker.next(), Action::RecheckOthers(vec!["b".to_owned()]));
        let due = HashMap::from([("b".to_owned(), Duration::ZERO)]);
        let asked_at = worker.now;
        worker.now += 20 * MILLISECOND;
        worker.strategy.rechecked_others(&due, asked_at, worker.now);
        assert_eq!(worker.next(), Action::Claim(vec![(0, LIMIT), (1, LIMIT)]));
        worker.strategy.claimed(1, LIMIT, 0);
        worker.now += 199 * MILLISECOND;
        assert_eq!(worker.next(), Action::Claim(vec![(0, LIMIT)]), "asking takes a tenth of the time at the most");
        worker.now += MILLISECOND;
        assert_eq!(worker.next(), Action::RecheckOthers(vec!["b".to_owned()]));
    }

    #[test]
    fn a_queue_that_is_paused_is_not_claimed_and_is_claimed_when_it_is_resumed() {
        let mut worker = Worker::new(&["a"]);
        worker.strategy.paused(&HashSet::from(["a".to_owned()]), worker.now);
        worker.is_notified = false;
        worker.falls_asleep_on(&[]);
        worker.strategy.paused(&HashSet::new(), worker.now);
        assert_eq!(worker.rechecked(&[], false), Action::Claim(vec![(0, LIMIT)]));
    }

    #[test]
    fn a_change_of_a_queue_of_its_own_makes_it_ask_which_are_paused() {
        let mut worker = Worker::new(&["a"]);
        for (queue, asks) in [("another", false), ("a", true)] {
            let woken = Woken { changed: HashSet::from([queue.to_owned()]), ..Woken::default() };
            assert_eq!(worker.with(|strategy, situation| strategy.woken(&woken, situation)), asks);
            assert_eq!(worker.next() == Action::CheckPaused, asks);
        }
    }

    #[test]
    fn a_queue_that_is_paused_while_the_worker_sleeps_is_not_claimed_before_it_has_asked() {
        let mut worker = Worker::new(&["a"]);
        worker.is_notified = false;
        worker.claimed(0);
        worker.falls_asleep_on(&["a"]);
        worker.strategy.paused(&HashSet::new(), worker.now);
        worker.rechecked(&[], false);
        let woken = Woken {
            changed: HashSet::from(["a".to_owned()]),
            queues: HashSet::from(["a".to_owned()]),
            ..Woken::default()
        };
        worker.with(|strategy, situation| strategy.woken(&woken, situation));
        assert_eq!(worker.next(), Action::CheckPaused);
    }

    #[test]
    fn one_that_runs_until_it_is_idle_returns_when_nothing_was_running_before_it_asked() {
        let mut worker = Worker::of(&["a"], WhenIdle::Return);
        worker.strategy.paused(&HashSet::new(), worker.now);
        worker.claimed(0);
        worker.falls_asleep_on(&["a"]);
        assert_eq!(worker.rechecked(&[], false), Action::Sleep(worker.now + IDLE_BACKOFF_MIN));
        assert_eq!(worker.rechecked(&[], true), Action::Return);
    }
}
