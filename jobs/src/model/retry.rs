//! How long a job waits before its next attempt.

use std::time::Duration;

/// The pause between an attempt that failed and the next one.
///
/// The default is exponential: 15 seconds before the second attempt, twice as long before each one after, at most an hour,
/// each shortened or lengthened by up to 20 % so that jobs that failed together are not retried together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    pub(crate) first: Duration,
    pub(crate) cap: Duration,
    pub(crate) jitter_percent: u8,
}

impl RetryPolicy {
    /// A constant pause, without jitter.
    #[must_use]
    pub const fn fixed(delay: Duration) -> Self {
        Self { first: delay, cap: delay, jitter_percent: 0 }
    }

    /// A pause of `first`, doubled after each attempt, up to `cap` (before jitter, which is 20 %).
    #[must_use]
    pub const fn exponential(first: Duration, cap: Duration) -> Self {
        Self { first, cap, jitter_percent: 20 }
    }

    /// Shortens or lengthens each pause by a random part of up to `percent` (0–100; more counts as 100).
    #[must_use]
    pub const fn jitter(mut self, percent: u8) -> Self {
        self.jitter_percent = if percent > 100 { 100 } else { percent };
        self
    }

    /// The pause after the attempt of this number (1 is the first). `random` is in 0.0..=1.0.
    pub(crate) fn delay(&self, attempt: i32, random: f64) -> Duration {
        let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(63);
        let pause = self.first.checked_mul(1_u32.checked_shl(doublings).unwrap_or(u32::MAX)).unwrap_or(self.cap);
        let pause = pause.min(self.cap);
        let jitter = f64::from(self.jitter_percent) / 100.0 * (2.0 * random - 1.0);
        Duration::try_from_secs_f64(pause.as_secs_f64() * (1.0 + jitter)).unwrap_or(pause)
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl RetryPolicy {
    /// See the type's documentation.
    pub(crate) const DEFAULT: Self = Self::exponential(Duration::from_secs(15), Duration::from_hours(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_exponential_pause_doubles_up_to_its_cap() {
        let policy = RetryPolicy::exponential(SECOND, 10 * SECOND).jitter(0);
        let pauses: Vec<_> = (1..=6).map(|attempt| policy.delay(attempt, 0.5).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 10, 10]);
        assert_eq!(policy.delay(i32::MAX, 0.5), 10 * SECOND);
    }

    #[test]
    fn jitter_stays_within_its_percentage() {
        let policy = RetryPolicy::exponential(10 * SECOND, 10 * SECOND).jitter(20);
        assert_eq!(policy.delay(1, 0.0), 8 * SECOND);
        assert_eq!(policy.delay(1, 1.0), 12 * SECOND);
    }

    #[test]
    fn a_fixed_pause_never_changes() {
        let policy = RetryPolicy::fixed(3 * SECOND);
        assert_eq!(policy.delay(1, 0.0), policy.delay(40, 1.0));
    }
}
