//! How fast a queue's slots use up jobs, which says how many to prefetch.

use std::time::{Duration, Instant};

use super::tuning::{PREFETCH_WINDOW, QUICK};

/// The time that one counter covers.
const STEP: Duration = Duration::from_millis(50);

/// How many steps are remembered. The current one is not over yet.
const STEPS: usize = 16;

/// Counts the quick jobs of the last steps.
#[derive(Debug)]
pub(super) struct Throughput {
    /// When the current step began.
    since: Instant,
    /// The current step first.
    counts: [usize; STEPS],
    /// How many steps the prefetched jobs have to last for.
    window: usize,
}

impl Throughput {
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, counts: [0; STEPS], window: 1 }
    }

    /// Records a job that took this long.
    pub(super) fn ended(&mut self, took: Duration, now: Instant) {
        if took < QUICK {
            self.roll(now);
            self.counts[0] += 1;
        }
    }

    /// Records how long a claim took: what is prefetched has to last for the next one, and for a window beside it.
    pub(super) fn claim_took(&mut self, took: Duration) {
        let window = took.saturating_mul(10).clamp(PREFETCH_WINDOW.0, PREFETCH_WINDOW.1);
        self.window = whole_steps((window + took).saturating_add(STEP / 2)).min(STEPS - 1);
    }

    /// How many jobs were used up in about one window.
    pub(super) fn recent(&mut self, now: Instant) -> usize {
        self.roll(now);
        let with_current: usize = self.counts[..self.window].iter().sum();
        let before: usize = self.counts[1..=self.window].iter().sum();
        with_current.max(before)
    }

    fn roll(&mut self, now: Instant) {
        for _ in 0..STEPS {
            if now.duration_since(self.since) < STEP {
                return;
            }
            self.counts.rotate_right(1);
            self.counts[0] = 0;
            self.since += STEP;
        }
        // All counts are over.
        self.since = now;
    }
}

fn whole_steps(time: Duration) -> usize {
    usize::try_from(time.as_millis() / STEP.as_millis()).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);

    /// A hundred quick jobs, in the first step.
    fn after_a_hundred(start: Instant) -> Throughput {
        let mut throughput = Throughput::new(start);
        for _ in 0..100 {
            throughput.ended(MILLISECOND, start + MILLISECOND);
        }
        throughput
    }

    #[test]
    fn slow_jobs_are_never_a_reason_to_prefetch() {
        let start = Instant::now();
        let mut throughput = Throughput::new(start);
        for _ in 0..100 {
            throughput.ended(QUICK, start + QUICK);
        }
        assert_eq!(throughput.recent(start + QUICK), 0);
    }

    #[test]
    fn what_was_used_up_lately_counts_and_is_forgotten_soon() {
        let start = Instant::now();
        let mut throughput = after_a_hundred(start);
        assert_eq!(throughput.recent(start + 2 * MILLISECOND), 100);
        assert_eq!(throughput.recent(start + 60 * MILLISECOND), 100);
        assert_eq!(throughput.recent(start + 120 * MILLISECOND), 0);
    }

    #[test]
    fn the_slower_a_claim_the_longer_its_jobs_have_to_last() {
        let start = Instant::now();
        let lasts_for = |took: u32, jobs_ago: u32| {
            let mut throughput = after_a_hundred(start);
            throughput.claim_took(took * MILLISECOND);
            throughput.recent(start + jobs_ago * MILLISECOND) > 0
        };
        assert!(!lasts_for(5, 101), "a quick claim is soon followed by the next one");
        assert!(lasts_for(15, 199) && !lasts_for(15, 201), "ten times as long as the claim took");
        assert!(lasts_for(100, 399) && !lasts_for(100, 401), "at most for the longest window, and one more claim");
    }

    #[test]
    fn a_claim_that_takes_very_long_counts_as_one_that_takes_as_long_as_is_remembered() {
        let start = Instant::now();
        let mut throughput = after_a_hundred(start);
        throughput.claim_took(Duration::from_hours(1));
        assert_eq!(throughput.recent(start + 749 * MILLISECOND), 100);
        assert_eq!(throughput.recent(start + 801 * MILLISECOND), 0);
    }
}
