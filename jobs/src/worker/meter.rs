//! What is measured of the jobs that a worker executes. See [`crate::metrics`].

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ::metrics::{Counter, Histogram, counter, histogram};

use crate::client::metrics::{self, count_each};
use crate::model::JobStatus;
use crate::store::batch::Finish;
use crate::store::claimed::Claimed;

/// For how long a metric that was looked for is used: recorders may forget what stands still for longer.
const FRESH: Duration = Duration::from_secs(10);

/// Measures the jobs of one queue and name. Those of a batch share one: to look for a metric costs more than to count.
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

    /// An attempt starts, so long after its job was due.
    pub(super) fn started(&self, waited: Duration) {
        self.started.increment(1);
        self.wait.record(waited);
    }

    /// The code of an attempt at this job has ended.
    pub(super) fn ended(&self, job: &Claimed, took: Duration) {
        if took < FRESH {
            self.duration.record(took);
        } else {
            Self::new(job).duration.record(took);
        }
    }
}

/// The meters of a batch that was claimed from one queue.
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

    /// The one for a job of this batch: each has one.
    pub(super) fn get(&self, job: &Claimed) -> Arc<Meter> {
        self.0[&job.name].clone()
    }
}

const FINISHED_BY: [&str; 4] = ["queue", "name", "outcome", "status"];
const SUCCESS: &str = "success";
const SNOOZED: &str = "snoozed";

/// The ends of these attempts, by queue and name, are written.
pub(super) fn finished<'a>(ends: impl Iterator<Item = (&'a str, &'a str, &'a Finish)>) {
    let attempts = ends.filter(|(.., end)| !end.never_started());
    let values = attempts.map(|(queue, name, end)| [queue, name, outcome(end), status(end)]);
    count_each(metrics::FINISHED_TOTAL, FINISHED_BY, values);
}

/// An attempt has ended its job in a transaction of its own.
pub(super) fn finished_inside(job: &Claimed) {
    let values = [&*job.queue, &*job.name, SUCCESS, JobStatus::Terminated.as_str()];
    count_each(metrics::FINISHED_TOTAL, FINISHED_BY, std::iter::once(values));
}

fn outcome(end: &Finish) -> &'static str {
    end.how.unwrap_or(if end.status == JobStatus::Scheduled.code() { SNOOZED } else { SUCCESS })
}

fn status(end: &Finish) -> &'static str {
    let ends = [JobStatus::Canceled, JobStatus::Failed, JobStatus::Terminated];
    ends.into_iter().find(|status| status.code() == end.status).unwrap_or(JobStatus::Scheduled).as_str()
}

/// The end of an attempt was not written: another worker has the job.
pub(super) fn fenced_out(job: &Claimed) {
    count_each(metrics::FENCED_OUT_TOTAL, ["queue", "name"], std::iter::once([&*job.queue, &*job.name]));
}
