//! Schedules that are due and can't be fired now, so that they hold up no others.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// The pause before the first further try; each is twice as long as the one before, up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// Names, until when they are left alone, and for how long they were last.
#[derive(Debug, Default)]
pub(super) struct Aside(HashMap<String, Pause>);

#[derive(Debug)]
struct Pause {
    length: Duration,
    /// None: it is being tried.
    until: Option<Instant>,
}

impl Aside {
    /// Leaves it alone for a while: longer than the last time.
    pub(super) fn put(&mut self, schedule: &str, now: Instant) -> Duration {
        let length = self.0.get(schedule).map_or(FIRST_PAUSE, |pause| (pause.length * 2).min(LAST_PAUSE));
        self.put_for(schedule.to_owned(), length, now);
        length
    }

    pub(super) fn put_for(&mut self, schedule: String, length: Duration, now: Instant) {
        self.0.insert(schedule, Pause { length, until: Some(now + length) });
    }

    /// It was fired.
    pub(super) fn forget(&mut self, schedule: &str) {
        self.0.remove(schedule);
    }

    /// They may have changed.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// Those that are left alone.
    pub(super) fn names(&self) -> Vec<&str> {
        self.0.iter().filter(|(_, pause)| pause.until.is_some()).map(|(name, _)| name.as_str()).collect()
    }

    /// How long it is until the next of them is to be tried again.
    pub(super) fn next_try(&self, now: Instant) -> Option<Duration> {
        let until = self.0.values().filter_map(|pause| pause.until).min()?;
        Some(until.saturating_duration_since(now))
    }

    /// Leaves the one alone no more whose pause has been over for longest; false where there is none.
    pub(super) fn try_again(&mut self, now: Instant) -> bool {
        // What was tried before and was not there is somebody else's, or gone.
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
    fn what_fails_again_is_left_alone_for_longer() {
        let (mut aside, now) = (Aside::default(), Instant::now());
        assert_eq!(aside.put("one", now), FIRST_PAUSE);
        assert!(!aside.try_again(now), "its pause is not over");
        assert!(aside.try_again(now + FIRST_PAUSE));
        assert_eq!((aside.names().len(), aside.put("one", now)), (0, FIRST_PAUSE * 2));
        for _ in 0..10 {
            aside.put("one", now);
        }
        assert_eq!(aside.next_try(now), Some(LAST_PAUSE));
    }

    #[test]
    fn one_at_a_time_is_tried_again_and_each_once() {
        let (mut aside, now) = (Aside::default(), Instant::now());
        aside.put("one", now);
        aside.put("two", now + FIRST_PAUSE);
        let later = now + 2 * FIRST_PAUSE;
        assert!(aside.try_again(later));
        assert_eq!(aside.names(), ["two"]);
        assert!(aside.try_again(later));
        assert!(!aside.try_again(later));
        assert_eq!((aside.names().len(), aside.next_try(later)), (0, None));
    }
}
