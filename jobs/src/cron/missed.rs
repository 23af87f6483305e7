//! Which due times fire, and which were missed and follow the policy [`Missed`].

use chrono::{DateTime, TimeDelta, Utc};

use super::times::Times;
use crate::job::Missed;

/// How late a time may be without being missed: longer than a worker takes to learn of a schedule.
pub(super) const LATE: TimeDelta = TimeDelta::minutes(2);

/// Missed times are counted up to this number.
const COUNTED: usize = 1_000;

/// The times to fire, and how many were missed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    /// Oldest first.
    pub(super) to_fire: Vec<DateTime<Utc>>,
    /// How many were missed, up to [`COUNTED`].
    pub(super) missed: usize,
    /// A worker was up all the time: missed times were overtaken by later ones before their turn.
    pub(super) was_up: bool,
}

/// The times due at `now`, if the next time was `first` and a worker that knows the job has been up since `up_since`.
pub(super) fn due(
    policy: Missed,
    times: &Times,
    first: DateTime<Utc>,
    now: DateTime<Utc>,
    up_since: DateTime<Utc>,
) -> Due {
    let limit = if let Missed::All(limit) = policy { limit } else { 1 };
    let mut to_fire = times.latest(first, now, limit as usize);
    let was_up_at = |time: DateTime<Utc>| up_since - time <= LATE;
    let is_in_time = to_fire.last().is_some_and(|last| was_up_at(*last));
    let missed = 1 + times.between(first, now).take(COUNTED - 1).count() - usize::from(is_in_time);
    if policy == Missed::Skip && !is_in_time {
        to_fire.clear();
    }
    Due { to_fire, missed, was_up: was_up_at(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hourly, first due at 01:00: what is due this many minutes later, when a worker starts.
    fn due(policy: Missed, minutes: i64) -> (Vec<String>, usize) {
        due_with_a_worker(policy, minutes, minutes)
    }

    /// Like [`due`], with a worker that has been up since `up_since` minutes after 01:00.
    fn due_with_a_worker(policy: Missed, minutes: i64, up_since: i64) -> (Vec<String>, usize) {
        let hourly = Times::new("0 * * * *", "UTC").unwrap();
        let first: DateTime<Utc> = "2024-01-01T01:00:00Z".parse().unwrap();
        let after = |minutes| first + TimeDelta::minutes(minutes);
        let due = super::due(policy, &hourly, first, after(minutes), after(up_since));
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
        // A later time has come.
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
}
