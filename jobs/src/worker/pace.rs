//! How fast a queue uses up jobs: so many may be claimed ahead of free slots.

use std::time::{Duration, Instant};

/// What is used up in this time is claimed ahead. A job that takes longer is never a reason to claim another one early: slow jobs
/// spread over the workers.
const WINDOW: Duration = Duration::from_millis(50);

/// Counts the quick jobs of the last two windows.
#[derive(Debug)]
pub(super) struct Pace {
    since: Instant,
    now: usize,
    before: usize,
}

impl Pace {
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, now: 0, before: 0 }
    }

    /// A job that was started then has ended.
    pub(super) fn ended(&mut self, started: Instant, now: Instant) {
        if now.duration_since(started) < WINDOW {
            self.roll(now);
            self.now += 1;
        }
    }

    /// How many were used up in about one window.
    pub(super) fn lately(&mut self, now: Instant) -> usize {
        self.roll(now);
        self.now.max(self.before)
    }

    fn roll(&mut self, now: Instant) {
        let elapsed = now.duration_since(self.since);
        if elapsed < WINDOW {
            return;
        }
        self.before = if elapsed < 2 * WINDOW { self.now } else { 0 };
        self.now = 0;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn slow_jobs_are_never_a_reason_to_claim_ahead() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for _ in 0..100 {
            pace.ended(start, start + 1000 * MILLISECOND);
        }
        assert_eq!(pace.lately(start + 1000 * MILLISECOND), 0);
    }

    #[test]
    fn what_was_used_up_lately_counts_and_is_forgotten_soon() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        for _ in 0..100 {
            pace.ended(start, start + MILLISECOND);
        }
        assert_eq!(pace.lately(start + 2 * MILLISECOND), 100);
        assert_eq!(pace.lately(start + 60 * MILLISECOND), 100);
        assert_eq!(pace.lately(start + 120 * MILLISECOND), 0);
    }
}
