//! Backing off from schedules that are due and can't be fired now, so that they hold up no others.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// The pause before the first retry. Each is twice as long as the one before, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// The schedules that are backed off from, by name.
#[derive(Debug, Default)]
pub(super) struct Backoff(HashMap<String, Pause>);

#[derive(Debug)]
struct Pause {
    length: Duration,
    /// `None` while the schedule is being retried.
    until: Option<Instant>,
}

impl Backoff {
    /// Backs off from a schedule, for longer than the last time. Returns for how long.
    pub(super) fn back_off(&mut self, schedule: &str, now: Instant) -> Duration {
        let length = self.0.get(schedule).map_or(FIRST_PAUSE, |pause| (pause.length * 2).min(LAST_PAUSE));
        self.back_off_for(schedule.to_owned(), length, now);
        length
    }

    pub(super) fn back_off_for(&mut self, schedule: String, length: Duration, now: Instant) {
        self.0.insert(schedule, Pause { length, until: Some(now + length) });
    }

    /// The schedule was fired.
    pub(super) fn reset(&mut self, schedule: &str) {
        self.0.remove(schedule);
    }

    /// The schedules may have changed.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The schedules to leave alone.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, pause)| pause.until.is_some()).map(|(name, _)| name.as_str()).collect()
    }

    /// The time until the next retry.
    pub(super) fn next_retry(&self, now: Instant) -> Option<Duration> {
        let until = self.0.values().filter_map(|pause| pause.until).min()?;
        Some(until.saturating_duration_since(now))
    }

    /// Retries the schedule whose pause has been over for longest. False if there is none.
    pub(super) fn retry_one(&mut self, now: Instant) -> bool {
        // Schedules that were retried and not found are gone, or another worker's.
        self.0.retain(|_, pause| pause.until.is_some());
        let over = self.0.values_mut().filter(|pause| pause.until.is_some_and(|until| until <= now));
        let first = over.min_by_key(|pause| pause.until);
        first.is_some_and(|pause| pause.until.take().is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_that_fails_again_is_left_alone_for_longer() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        assert_eq!(backoff.back_off("one", now), FIRST_PAUSE);
        assert!(!backoff.retry_one(now), "its pause is not over");
        assert!(backoff.retry_one(now + FIRST_PAUSE));
        assert_eq!((backoff.names().len(), backoff.back_off("one", now)), (0, FIRST_PAUSE * 2));
        for _ in 0..10 {
            backoff.back_off("one", now);
        }
        assert_eq!(backoff.next_retry(now), Some(LAST_PAUSE));
    }

    #[test]
    fn schedules_are_retried_one_at_a_time_and_each_once() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.back_off("one", now);
        backoff.back_off("two", now + FIRST_PAUSE);
        let later = now + 2 * FIRST_PAUSE;
        assert!(backoff.retry_one(later));
        assert_eq!(backoff.names(), ["two"]);
        assert!(backoff.retry_one(later));
        assert!(!backoff.retry_one(later));
        assert_eq!((backoff.names().len(), backoff.next_retry(later)), (0, None));
    }
}
