//! Which workers are dead.
//!
//! The database's clock may be set at any time, forward or back, so it can't tell. A worker is dead if its row shows no new heartbeat for as
//! long as its lease, by the monotonic clock of the worker that observes. The database's clock only tells when, between two observations, a
//! heartbeat took place; if it was set in between, the heartbeat counts from a later time. Only a clock that is set forward and back between
//! two observations makes it count from an earlier one, and never from before the first of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sea_orm::prelude::DateTimeUtc;

use crate::store::maintain::{Heartbeat, WorkersSeen};

/// The heartbeats of all workers, as one worker has observed them.
#[derive(Debug)]
pub(super) struct FailureDetector {
    began: Instant,
    last: Option<Observation>,
    workers: HashMap<i64, LastBeat>,
}

/// A query for the rows of all workers.
#[derive(Debug, Clone, Copy)]
struct Observation {
    sent: Instant,
    /// The database's time at `began`, calculated from the answer: the true time or an earlier one.
    epoch: DateTimeUtc,
}

/// The latest heartbeat of a worker.
#[derive(Debug)]
struct LastBeat {
    /// The time in its row.
    seen_at: DateTimeUtc,
    /// The heartbeat took place at this time of our clock, or earlier.
    no_later_than: Instant,
    lease: Duration,
}

impl LastBeat {
    fn expires(&self) -> Instant {
        self.no_later_than + self.lease
    }
}

impl FailureDetector {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), last: None, workers: HashMap::new() }
    }

    /// Records an observation that was sent and answered at these times.
    pub(super) fn observe(&mut self, sent: Instant, answered: Instant, seen: &WorkersSeen) {
        let observation = Observation { sent, epoch: seen.clock - answered.duration_since(self.began) };
        let mut before = std::mem::take(&mut self.workers);
        for beat in &seen.heartbeats {
            let known = before.remove(&beat.worker).filter(|known| known.seen_at == beat.seen_at);
            let last = known.unwrap_or_else(|| LastBeat {
                seen_at: beat.seen_at,
                no_later_than: self.last.map_or(answered, |last| self.latest_time(beat, last, observation, answered)),
                lease: beat.lease(),
            });
            self.workers.insert(beat.worker, last);
        }
        self.last = Some(observation);
    }

    /// The latest time at which a heartbeat can have taken place that the observation before did not show. The clock that dated it may have been
    /// set between the two observations: by the earlier of its two epochs, the heartbeat took place later.
    fn latest_time(&self, beat: &Heartbeat, before: Observation, now: Observation, answered: Instant) -> Instant {
        let since_epoch = (beat.seen_at - before.epoch.min(now.epoch)).to_std().unwrap_or_default();
        self.began.checked_add(since_epoch).unwrap_or(answered).clamp(before.sent, answered)
    }

    /// The last heartbeats of the dead workers. They are dead only as long as their rows show no other.
    pub(super) fn dead(&self, now: Instant) -> Vec<(i64, DateTimeUtc)> {
        let dead = self.workers.iter().filter(|(_, beat)| beat.expires() <= now);
        dead.map(|(worker, beat)| (*worker, beat.seen_at)).collect()
    }

    /// The time at which the next worker is dead, unless it beats.
    pub(super) fn next_expiry(&self, now: Instant) -> Option<Instant> {
        self.workers.values().map(LastBeat::expires).filter(|expires| *expires > now).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::workers::WorkerProcess;

    const SECOND: Duration = Duration::from_secs(1);
    const LEASE: Duration = Duration::from_secs(30);

    /// A database with one worker, and a detector that observes it. An answer takes a second.
    struct Scene {
        detector: FailureDetector,
        clock: DateTimeUtc,
        seen_at: DateTimeUtc,
        now: Instant,
    }

    impl Scene {
        fn new() -> Self {
            let detector = FailureDetector::new();
            let clock = DateTimeUtc::from_timestamp(1_700_000_000, 0).expect("a time");
            Self { now: detector.began, detector, clock, seen_at: clock }
        }

        fn pass(&mut self, seconds: u32) {
            self.now += SECOND * seconds;
            self.clock += SECOND * seconds;
        }

        fn beat(&mut self) {
            self.seen_at = self.clock;
        }

        fn observe(&mut self) {
            let sent = self.now;
            self.pass(1);
            let process = WorkerProcess { name: "one".into(), host: "here".into(), pid: 1 };
            let beat = Heartbeat { worker: 1, process, seen_at: self.seen_at, expires_at: self.seen_at + LEASE };
            self.detector.observe(
                sent,
                self.now,
                &WorkersSeen { clock: self.clock, has_orphans: false, heartbeats: vec![beat] },
            );
        }

        fn is_dead(&self) -> bool {
            !self.detector.dead(self.now).is_empty()
        }
    }

    #[test]
    fn a_heartbeat_counts_from_its_own_time_if_the_clock_was_not_set() {
        let mut scene = Scene::new();
        scene.observe();
        scene.pass(2);
        scene.beat();
        scene.pass(5);
        scene.observe();
        // It took place six seconds before the answer.
        let expires = scene.detector.next_expiry(scene.now).expect("it is not dead");
        assert_eq!(expires - scene.now, SECOND * 24);
    }

    #[test]
    fn a_new_detector_gives_every_worker_a_whole_lease() {
        let mut scene = Scene::new();
        scene.pass(3_600);
        scene.observe();
        assert!(!scene.is_dead());
        scene.pass(29);
        assert!(!scene.is_dead());
        scene.pass(1);
        assert!(scene.is_dead());
    }

    #[test]
    fn a_clock_that_steps_forward_makes_nobody_dead() {
        for beats_before_the_step in [true, false] {
            let mut scene = Scene::new();
            scene.beat();
            scene.observe();
            scene.pass(3);
            if beats_before_the_step {
                scene.beat();
            }
            scene.clock += SECOND * 3_600;
            scene.observe();
            assert!(!scene.is_dead());
            scene.pass(10);
            scene.beat();
            scene.observe();
            assert!(!scene.is_dead());
        }
    }

    #[test]
    fn a_clock_that_steps_back_hides_no_dead_worker() {
        let mut scene = Scene::new();
        scene.observe();
        scene.pass(3);
        scene.beat();
        scene.clock -= SECOND * 3_600;
        scene.observe();
        scene.pass(28);
        scene.observe();
        assert!(!scene.is_dead());
        scene.pass(1);
        assert!(scene.is_dead());
    }

    #[test]
    fn wherever_the_clock_steps_a_heartbeat_never_counts_from_before_it_took_place() {
        for (forward, back) in [(0, 0), (3_600, 0), (0, 3_600), (7, 0), (0, 7)] {
            for beats_after_the_step in [true, false] {
                let mut scene = Scene::new();
                scene.observe();
                scene.pass(4);
                let mut beat = scene.now;
                scene.beat();
                scene.clock = scene.clock + SECOND * forward - SECOND * back;
                if beats_after_the_step {
                    scene.pass(1);
                    beat = scene.now;
                    scene.beat();
                }
                scene.pass(5);
                scene.observe();
                let expires = scene.detector.next_expiry(scene.now).expect("it is not dead");
                assert!(expires >= beat + LEASE, "{forward} {back} {beats_after_the_step}");
                assert!(expires <= scene.now + LEASE);
            }
        }
    }
}
