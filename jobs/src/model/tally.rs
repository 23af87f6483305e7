//! What a worker counts: how attempts ended, and how long they had waited and ran.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::histogram::Histogram;
use super::outcome::AttemptEnd;
use super::status::JobStatus;

/// How many pairs of queue and name are counted one by one. Those that come after them are counted together.
pub(crate) const MOST_PAIRS: usize = 100;

/// Attempts that have ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tally {
    /// Jobs that are closed.
    pub(crate) terminated: u64,
    pub(crate) failed: u64,
    pub(crate) canceled: u64,
    /// Attempts that went wrong, after which the job waits for another.
    pub(crate) retried: u64,
    /// From when a job was due to when its attempt started.
    pub(crate) wait: Histogram,
    /// From when an attempt started to when it ended.
    pub(crate) run: Histogram,
}

impl Tally {
    /// Counts an attempt after which the job has this status.
    pub(crate) fn count(&mut self, status: JobStatus, how: Option<AttemptEnd>) {
        let count = match (status, how) {
            (JobStatus::Terminated, _) => &mut self.terminated,
            (JobStatus::Failed, _) => &mut self.failed,
            (JobStatus::Canceled, _) => &mut self.canceled,
            // A job that snoozes, or that its worker gives back when it stops, has not gone wrong.
            (JobStatus::Scheduled, None | Some(AttemptEnd::Shutdown)) | (JobStatus::Running, _) => return,
            (JobStatus::Scheduled, Some(_)) => &mut self.retried,
        };
        *count = count.saturating_add(1);
    }

    pub(crate) fn record(&mut self, waited: Duration, ran: Duration) {
        self.wait.record(waited);
        self.run.record(ran);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.terminated = self.terminated.saturating_add(other.terminated);
        self.failed = self.failed.saturating_add(other.failed);
        self.canceled = self.canceled.saturating_add(other.canceled);
        self.retried = self.retried.saturating_add(other.retried);
        self.wait.add(&other.wait);
        self.run.add(&other.run);
    }
}

/// Tallies by queue and name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Tallies {
    by_queue: BTreeMap<String, BTreeMap<String, Tally>>,
    /// Of all pairs that came when there were [`MOST_PAIRS`].
    other: Tally,
}

impl Tallies {
    /// The tally of the jobs with this name in this queue, or that of all others.
    pub(crate) fn of(&mut self, queue: &str, name: &str) -> &mut Tally {
        if !self.has(queue, name) && self.pairs() < MOST_PAIRS {
            self.by_queue.entry(queue.to_owned()).or_default().insert(name.to_owned(), Tally::default());
        }
        let names = self.by_queue.get_mut(queue);
        names.and_then(|names| names.get_mut(name)).unwrap_or(&mut self.other)
    }

    fn has(&self, queue: &str, name: &str) -> bool {
        self.by_queue.get(queue).is_some_and(|names| names.contains_key(name))
    }

    /// The number of pairs.
    pub(crate) fn pairs(&self) -> usize {
        self.by_queue.values().map(BTreeMap::len).sum()
    }

    pub(crate) fn add(&mut self, others: &Self) {
        for (queue, names) in &others.by_queue {
            for (name, tally) in names {
                self.of(queue, name).add(tally);
            }
        }
        self.other.add(&others.other);
    }

    /// The sum of all.
    pub(crate) fn total(&self) -> Tally {
        let mut total = self.sum(None, None);
        total.add(&self.other);
        total
    }

    /// The sum of those in this queue, if one is given, and with this name, if one is given, without those that were counted together.
    pub(crate) fn sum(&self, queue: Option<&str>, name: Option<&str>) -> Tally {
        let mut sum = Tally::default();
        let of_queue = self.by_queue.iter().filter(|(of, _)| queue.is_none_or(|queue| queue == of.as_str()));
        let of_name = of_queue.flat_map(|(_, names)| names);
        for (_, tally) in of_name.filter(|(of, _)| name.is_none_or(|name| name == of.as_str())) {
            sum.add(tally);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_end_is_counted_as_what_it_is() {
        let mut tally = Tally::default();
        tally.count(JobStatus::Terminated, None);
        tally.count(JobStatus::Failed, Some(AttemptEnd::Panic));
        tally.count(JobStatus::Canceled, Some(AttemptEnd::Canceled));
        tally.count(JobStatus::Scheduled, Some(AttemptEnd::Timeout));
        let each_once = Tally { terminated: 1, failed: 1, canceled: 1, retried: 1, ..Tally::default() };
        assert_eq!(tally, each_once);
        // A snooze, and a worker that stops.
        tally.count(JobStatus::Scheduled, None);
        tally.count(JobStatus::Scheduled, Some(AttemptEnd::Shutdown));
        assert_eq!(tally, each_once);
    }

    #[test]
    fn pairs_beyond_the_most_are_counted_together() {
        let mut tallies = Tallies::default();
        for number in 0..MOST_PAIRS + 20 {
            tallies.of(if number % 2 == 0 { "even" } else { "odd" }, &format!("Job{number}")).terminated += 1;
        }
        tallies.of("even", "Job0").terminated += 1;
        assert_eq!((tallies.pairs(), tallies.other.terminated), (MOST_PAIRS, 20));
        assert_eq!(tallies.total().terminated, 121);
        assert_eq!(tallies.sum(Some("even"), None).terminated, 51);
        assert_eq!(tallies.sum(None, Some("Job0")).terminated, 2);
        assert_eq!(tallies.sum(Some("odd"), Some("Job0")), Tally::default());

        // Nor do two documents together have more.
        let mut both = Tallies::default();
        both.of("third", "Job0").terminated += 1;
        both.add(&tallies);
        assert_eq!((both.pairs(), both.total().terminated), (MOST_PAIRS, 122));
    }

    #[test]
    fn what_is_written_is_read() {
        let mut tallies = Tallies::default();
        tallies.of("a \"queue\"", "Näme").record(Duration::from_millis(7), Duration::from_secs(3));
        tallies.other.retried = 3;
        let value = serde_json::to_value(&tallies).unwrap();
        assert_eq!(serde_json::from_value::<Tallies>(value).unwrap(), tallies);
        assert_eq!(serde_json::from_str::<Tallies>("{}").unwrap(), Tallies::default());
    }
}
