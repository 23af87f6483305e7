//! Metrics of the jobs that a worker executes. See [`crate::metrics`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{Counter, Histogram, counter, histogram};

use crate::client::metrics::{self, count_each};
use crate::model::JobStatus;
use crate::store::finish::FinishRow;
use crate::store::row::Claimed;

/// How long a handle to a metric is used after it was looked up. Recorders may forget metrics that don't change for longer.
const HANDLE_TTL: Duration = Duration::from_secs(10);

/// Measures the jobs of one queue and name. Those of a batch share one: looking a metric up costs more than counting.
pub(super) struct Meter {
    started: Counter,
    wait: Histogram,
    duration: Histogram,
}

impl Meter {
    fn new(job: &Claimed) -> Self {
        let labels = [("queue", job.queue.clone()), ("name", job.name.clone())];
        Self {
            started: counter!(metrics::STARTED_TOTAL, &labels),
            wait: histogram!(metrics::WAIT_SECONDS, &labels),
            duration: histogram!(metrics::DURATION_SECONDS, &labels),
        }
    }

    /// Records the start of an attempt, and how long its job had been due.
    pub(super) fn started(&self, waited: Duration) {
        self.started.increment(1);
        self.wait.record(waited);
    }

    /// Records how long the code of an attempt ran.
    pub(super) fn ended(&self, job: &Claimed, took: Duration) {
        if took < HANDLE_TTL {
            self.duration.record(took);
        } else {
            Self::new(job).duration.record(took);
        }
    }
}

/// The meters of a batch that was claimed from one queue, by the jobs' names.
pub(super) struct Meters(HashMap<String, Arc<Meter>>);

impl Meters {
    pub(super) fn of(claimed: &[Claimed]) -> Self {
        if let [first, ..] = claimed {
            let jobs = u32::try_from(claimed.len()).unwrap_or(u32::MAX);
            histogram!(metrics::CLAIM_BATCH_SIZE, "queue" => first.queue.clone()).record(jobs);
        }
        let mut meters = HashMap::new();
        for job in claimed {
            if !meters.contains_key(&job.name) {
                meters.insert(job.name.clone(), Arc::new(Meter::new(job)));
            }
        }
        Self(meters)
    }

    /// The meter of a job of this batch: every job has one.
    pub(super) fn get(&self, job: &Claimed) -> Arc<Meter> {
        self.0[&job.name].clone()
    }
}

const FINISHED_BY: [&str; 4] = ["queue", "name", "outcome", "status"];
const SUCCESS: &str = "success";
const SNOOZED: &str = "snoozed";

/// Counts ends that were written, each with its job's queue and name.
pub(super) fn finished<'a>(ends: impl Iterator<Item = (&'a str, &'a str, &'a FinishRow)>) {
    let attempts = ends.filter(|(.., end)| !end.never_started());
    let values = attempts.map(|(queue, name, end)| [queue, name, outcome(end), status(end)]);
    count_each(metrics::FINISHED_TOTAL, FINISHED_BY, values);
}

/// Counts a job that `finish_in` has finished.
pub(super) fn finished_in_transaction(job: &Claimed) {
    let values = [&*job.queue, &*job.name, SUCCESS, JobStatus::Terminated.as_str()];
    count_each(metrics::FINISHED_TOTAL, FINISHED_BY, std::iter::once(values));
}

fn outcome(end: &FinishRow) -> &'static str {
    match end.how {
        Some(how) => how.as_str(),
        None if end.status == JobStatus::Scheduled => SNOOZED,
        None => SUCCESS,
    }
}

fn status(end: &FinishRow) -> &'static str {
    end.status.as_str()
}

/// Counts an end that was not written because another worker has the job.
pub(super) fn fenced_out(job: &Claimed) {
    count_each(metrics::FENCED_OUT_TOTAL, ["queue", "name"], std::iter::once([&*job.queue, &*job.name]));
}
