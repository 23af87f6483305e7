//! How fast a queue's slots use up jobs, which says how many to prefetch.

use std::time::{Duration, Instant};

use super::tuning::PREFETCH_WINDOW as WINDOW;

/// Counts the quick jobs of the last two windows.
#[derive(Debug)]
pub(super) struct Throughput {
    since: Instant,
    current: usize,
    previous: usize,
}

impl Throughput {
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, current: 0, previous: 0 }
    }

    /// Records a job that took this long.
    pub(super) fn ended(&mut self, took: Duration, now: Instant) {
        if took < WINDOW {
            self.roll(now);
            self.current += 1;
        }
    }

    /// How many jobs were used up in about one window.
    pub(super) fn recent(&mut self, now: Instant) -> usize {
        self.roll(now);
        self.current.max(self.previous)
    }

    fn roll(&mut self, now: Instant) {
        let elapsed = now.duration_since(self.since);
        if elapsed < WINDOW {
            return;
        }
        self.previous = if elapsed < 2 * WINDOW { self.current } else { 0 };
        self.current = 0;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    #[test]
    fn slow_jobs_are_never_a_reason_to_prefetch() {
        let start = Instant::now();
        let mut throughput = Throughput::new(start);
        for _ in 0..100 {
            throughput.ended(WINDOW, start + WINDOW);
        }
        assert_eq!(throughput.recent(start + WINDOW), 0);
    }

    #[test]
    fn what_was_used_up_lately_counts_and_is_forgotten_soon() {
        let start = Instant::now();
        let mut throughput = Throughput::new(start);
        for _ in 0..100 {
            throughput.ended(MILLISECOND, start + MILLISECOND);
        }
        assert_eq!(throughput.recent(start + 2 * MILLISECOND), 100);
        assert_eq!(throughput.recent(start + 60 * MILLISECOND), 100);
        assert_eq!(throughput.recent(start + 120 * MILLISECOND), 0);
    }
}
