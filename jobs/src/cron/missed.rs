//! What becomes of times that have passed while no worker was up.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::times::Times;
use crate::error::Error;

/// What becomes of times at which no worker that knows the job was up. The next worker that starts finds them.
///
/// A time is missed when another has come after it before it was fired, or when no worker that knows the job was up then, nor within two
/// minutes. One that only had to wait for its turn is not missed. A clock of the database that is set forward by more than a worker's
/// lease looks as if nobody had been up meanwhile: what it passes over is missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missed {
    /// Nothing: it goes on with the next time.
    Skip,
    /// One job for all of them, whose nominal time is the latest.
    #[default]
    Once,
    /// A job for each of the latest so many, 1 to 100, each with its nominal time, oldest first.
    All(u32),
}

/// A time is not missed yet: longer than a worker takes to learn of a schedule.
pub(super) const LATE: TimeDelta = TimeDelta::minutes(2);

/// So many jobs at once are enough.
const MOST: u32 = 100;

/// Beyond it is enough to know that there are many.
const COUNTED: usize = 1_000;

/// What is to be done about the times that are due.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Oldest first.
    pub(super) to_fire: Vec<DateTime<Utc>>,
    /// How many were missed, up to [`COUNTED`].
    pub(super) missed: usize,
    /// A worker was up all the time: other times have come before their turn.
    pub(super) was_up: bool,
}

impl Missed {
    pub(crate) fn check(self) -> Result<Self, Error> {
        match self {
            Self::All(limit) if !(1..=MOST).contains(&limit) => {
                Err(Error::invalid("missed", format!("{limit} jobs at once are not between 1 and {MOST}")))
            }
            policy => Ok(policy),
        }
    }

    /// What is due now, where it was to fire at `first`, and a worker that knows the job has been up since `up_since`.
    pub(super) fn due(self, times: &Times, first: DateTime<Utc>, now: DateTime<Utc>, up_since: DateTime<Utc>) -> Due {
        let limit = if let Self::All(limit) = self { limit } else { 1 };
        let mut to_fire = times.latest(first, now, limit as usize);
        let was_up_at = |time: DateTime<Utc>| up_since - time <= LATE;
        let is_in_time = to_fire.last().is_some_and(|last| was_up_at(*last));
        let missed = 1 + times.between(first, now).take(COUNTED - 1).count() - usize::from(is_in_time);
        if self == Self::Skip && !is_in_time {
            to_fire.clear();
        }
        Due { to_fire, missed, was_up: was_up_at(first) }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Skip => f.write_str("skip"),
            Self::Once => f.write_str("once"),
            Self::All(limit) => write!(f, "all({limit})"),
        }
    }
}

impl FromStr for Missed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let limit = |text: &str| text.strip_prefix("all(")?.strip_suffix(')')?.parse().ok();
        match text {
            "skip" => Ok(Self::Skip),
            "once" => Ok(Self::Once),
            _ => limit(text)
                .map(Self::All)
                .ok_or_else(|| Error::invalid("missed", format!("`{text}` is none of `skip`, `once` and `all(10)`")))?
                .check(),
        }
    }
}

impl Serialize for Missed {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every hour, first due at 01:00, so many minutes later, when a worker starts.
    fn due(policy: Missed, minutes: i64) -> (Vec<String>, usize) {
        due_with_a_worker(policy, minutes, minutes)
    }

    /// The same with a worker that has been up since so many minutes after 01:00.
    fn due_with_a_worker(policy: Missed, minutes: i64, up_since: i64) -> (Vec<String>, usize) {
        let hourly = Times::new("0 * * * *", "UTC").unwrap();
        let first: DateTime<Utc> = "2024-01-01T01:00:00Z".parse().unwrap();
        let after = |minutes| first + TimeDelta::minutes(minutes);
        let due = policy.due(&hourly, first, after(minutes), after(up_since));
        (due.to_fire.iter().map(|time| time.format("%R").to_string()).collect(), due.missed)
    }

    fn to_fire(policy: Missed, minutes: i64) -> Vec<String> {
        due(policy, minutes).0
    }

    #[test]
    fn what_is_in_time_fires_whatever_the_policy() {
        for policy in [Missed::Skip, Missed::Once, Missed::All(5)] {
            assert_eq!(due(policy, 1), (vec!["01:00".into()], 0), "{policy}");
        }
    }

    #[test]
    fn a_time_that_had_to_wait_while_a_worker_was_up_is_not_missed() {
        for policy in [Missed::Skip, Missed::Once, Missed::All(5)] {
            assert_eq!(due_with_a_worker(policy, 50, -60), (vec!["01:00".into()], 0), "{policy}");
            assert_eq!(due_with_a_worker(policy, 50, 2), (vec!["01:00".into()], 0), "{policy}: it started just after");
        }
        assert_eq!(due_with_a_worker(Missed::Skip, 50, 3), (vec![], 1));
        // Another has come after it.
        assert_eq!(due_with_a_worker(Missed::Skip, 70, -60), (vec!["02:00".into()], 1));
        assert_eq!(due_with_a_worker(Missed::All(5), 70, -60).0, ["01:00", "02:00"]);
    }

    #[test]
    fn missed_times_are_skipped_and_one_that_is_in_time_is_not() {
        assert_eq!(due(Missed::Skip, 150), (vec![], 3));
        assert_eq!(due(Missed::Skip, 180), (vec!["04:00".into()], 3));
    }

    #[test]
    fn missed_times_fire_once_for_the_latest() {
        assert_eq!(due(Missed::Once, 150), (vec!["03:00".into()], 3));
        assert_eq!(due(Missed::Once, 3), (vec!["01:00".into()], 1));
    }

    #[test]
    fn missed_times_fire_all_up_to_the_limit_oldest_first() {
        assert_eq!(to_fire(Missed::All(5), 150), ["01:00", "02:00", "03:00"]);
        assert_eq!(to_fire(Missed::All(2), 150), ["02:00", "03:00"]);
    }

    #[test]
    fn after_years_no_more_are_counted_than_say_that_they_are_many() {
        assert_eq!(due(Missed::Once, 60 * 24 * 365 * 10 + 30).1, COUNTED);
    }

    #[test]
    fn a_policy_is_read_as_it_is_written() {
        for policy in [Missed::Skip, Missed::Once, Missed::All(1), Missed::All(100)] {
            assert_eq!(policy.to_string().parse::<Missed>().unwrap(), policy);
        }
        for text in ["", "Skip", "all", "all()", "all(0)", "all(101)", "all(-1)", "all(10"] {
            assert!(text.parse::<Missed>().is_err(), "{text}");
        }
    }
}
