//! What the command line and the HTTP API answer, both as JSON, where it is not a record.

use serde::Serialize;

use super::bulk::Verb;
use super::health::Finding;
use super::{Attempt, Cancellation, JobRecord, Message, Session};
use crate::error::Error;
use crate::model::{JobId, Why};

/// A job with its history.
#[derive(Debug, Serialize)]
pub(crate) struct JobDetails {
    pub(crate) job: JobRecord,
    /// The unsuccessful attempts.
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) messages: Vec<Message>,
    /// Why it waits, if it does.
    pub(crate) why: Option<Why>,
}

/// A job that was to be scheduled.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ScheduledJob {
    pub(crate) id: JobId,
    /// Whether another call had scheduled it before: it holds the unique key.
    pub(crate) existed: bool,
}

/// What was done to a job.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct JobDone {
    pub(crate) id: JobId,
    pub(crate) done: &'static str,
}

/// What was done to a queue.
#[derive(Debug, Serialize)]
pub(crate) struct QueueDone {
    pub(crate) queue: String,
    pub(crate) done: &'static str,
}

/// What was done to a schedule.
#[derive(Debug, Serialize)]
pub(crate) struct ScheduleDone {
    pub(crate) schedule: String,
    pub(crate) done: &'static str,
}

/// The job of a schedule that was run now.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct ScheduleRun {
    pub(crate) id: JobId,
}

/// What checks have found.
#[derive(Debug, Serialize)]
pub(crate) struct Diagnosis {
    /// Whether nothing is known to be wrong.
    pub(crate) is_well: bool,
    pub(crate) findings: Vec<Finding>,
}

impl Diagnosis {
    pub(crate) fn of(findings: Vec<Finding>) -> Self {
        Self { is_well: !findings.iter().any(Finding::is_wrong), findings }
    }
}

impl Session {
    /// Does this to a job, and tells in words what was done.
    pub(crate) async fn act(&self, verb: Verb, id: JobId) -> Result<JobDone, Error> {
        let done = match verb {
            Verb::Cancel => match self.cancel(id).await? {
                Cancellation::Done => "canceled",
                Cancellation::Requested => "asked to stop",
            },
            Verb::Retry => self.retry(id).await.map(|()| "scheduled again")?,
            Verb::Delete => self.delete(id).await.map(|()| "deleted")?,
            Verb::RunNow => self.run_now(id).await.map(|()| "due now")?,
        };
        Ok(JobDone { id, done })
    }
}
