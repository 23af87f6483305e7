//! Claims about the strategy, without a database and without time passing.

use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);
const POLL_INTERVAL: Duration = Duration::from_secs(5);
const FREE: Room = Room { free_slots: 10, waiting: 0, prefetch: 0, ahead: 0 };
const TAKEN: Room = Room { free_slots: 0, waiting: 0, prefetch: 0, ahead: 0 };
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
    assert_eq!(worker.rechecked(&[], false), Action::Sleep(worker.now + 2 * IDLE_BACKOFF_MIN), "each pause is longer");
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
fn a_worker_whose_queues_are_all_paused_does_not_poll_more_often_for_it() {
    let mut worker = Worker::new(&["a"]);
    worker.strategy.is_asleep_on(vec!["a".to_owned()]);
    worker.strategy.paused(&HashSet::from(["a".to_owned()]), worker.now);
    worker.falls_asleep_on(&[]);
    assert_eq!(worker.rechecked(&[], false), Action::Sleep(worker.now + IDLE_BACKOFF_MIN));
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
    let woken =
        Woken { changed: HashSet::from(["a".to_owned()]), queues: HashSet::from(["a".to_owned()]), ..Woken::default() };
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
