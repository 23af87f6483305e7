//! What came of a job that a test has run.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::client::record::Message;
use crate::error::Error;
use crate::job::attempt::RunningAttempt;
use crate::job::parameters::{OUTPUT, decode_one};
use crate::job::{Execute, Job};
use crate::model::outcome::{Ending, Outcome};
use crate::model::{AttemptEnd, Level, StopReason};
use crate::store::batch::NewMessage;
use crate::worker::decided;
use crate::{JobId, JobStatus};

/// Jobs that have no row have this id, which no scheduled job has.
pub(super) const NO_ID: JobId = JobId(0);

/// What came of one execution of a job: what a worker would have written.
pub struct Ran<J> {
    ending: Ending,
    progress: u8,
    results: BTreeMap<String, Value>,
    messages: Vec<Message>,
    job: PhantomData<fn() -> J>,
}

/// Pauses of a test are neither shortened nor lengthened.
const NO_JITTER: f64 = 0.5;

impl<J: Job> Ran<J> {
    pub(super) fn of(attempt: &RunningAttempt, outcome: Outcome) -> Self {
        let ending = ending::<J>(attempt, outcome);
        let unwritten = attempt.notes.close();
        let progress = if ending.status == JobStatus::Terminated { Some(100) } else { unwritten.progress };
        let results = unwritten.results.as_deref().and_then(|results| serde_json::from_str(results).ok());
        let job = &attempt.job;
        Self {
            ending,
            progress: progress.and_then(|progress| u8::try_from(progress).ok()).unwrap_or(0),
            results: results.unwrap_or_default(),
            messages: unwritten.messages(job.id, job.attempt, job.version).into_iter().map(message).collect(),
            job: PhantomData,
        }
    }

    /// What the execution makes of the job: `Terminated`, `Failed`, `Canceled`, or `Scheduled` where a worker would run it again, after
    /// an error with attempts left or a snooze.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        self.ending.status
    }

    /// What `execute` returned, through JSON and back.
    ///
    /// [`Error::JobFailed`] with the reason where it returned an error, panicked or took too long, also where it would be retried;
    /// [`Error::JobCanceled`] where it was canceled, [`Error::NotClosed`] where it snoozes.
    pub fn output(&self) -> Result<<J as Execute>::Output, Error> {
        match (self.status(), &self.ending.error) {
            (JobStatus::Terminated, _) => self.result(OUTPUT),
            (JobStatus::Canceled, _) => Err(Error::JobCanceled { id: NO_ID }),
            (_, Some(reason)) => Err(Error::JobFailed { id: NO_ID, reason: reason.clone() }),
            (status, None) => Err(Error::NotClosed { id: NO_ID, status }),
        }
    }

    /// How it ended, where it did not end well: an error, a panic, a time-out, parameters that do not decode, a cancellation.
    #[must_use]
    pub fn failure(&self) -> Option<AttemptEnd> {
        self.ending.how
    }

    /// Why it did not end well: the error with its sources, in one line.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.ending.error.as_deref()
    }

    /// How long it waits until its next attempt, where it has one: the pause of its definition without jitter, or the one it asked for.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.ending.delay
    }

    /// The last progress it set, 0 to 100; of a job that has `Terminated`, 100.
    #[must_use]
    pub fn progress(&self) -> u8 {
        self.progress
    }

    /// What it said, oldest first.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// All its results by name. What `execute` returned is the one named `output`.
    #[must_use]
    pub fn results(&self) -> &BTreeMap<String, Value> {
        &self.results
    }

    /// One of its results. [`Error::NoResult`] where it set none of this name.
    pub fn result<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        match self.results.get(name) {
            Some(value) => decode_one(name, value),
            // Nothing is kept of an output that is nothing.
            None if name == OUTPUT && self.status() == JobStatus::Terminated => decode_one(name, &Value::Null),
            None => Err(Error::NoResult { id: NO_ID, name: name.to_owned() }),
        }
    }
}

/// What a worker would make of the outcome.
fn ending<J: Job>(attempt: &RunningAttempt, outcome: Outcome) -> Ending {
    if attempt.notes.is_closed() {
        // It has finished itself in a transaction: what came after does not matter.
        return Ending::closed(JobStatus::Terminated, None, None);
    }
    let mut ending = decided(attempt, outcome, J::DEFAULTS.retry, NO_JITTER);
    let is_canceled = matches!(attempt.stop.reason(), Some((StopReason::Canceled, _)));
    if is_canceled && !ending.status.is_closed() {
        ending.status = JobStatus::Canceled;
        ending.delay = None;
    }
    ending
}

fn message(message: NewMessage) -> Message {
    Message {
        time: Utc::now() - TimeDelta::milliseconds(message.age_ms),
        attempt: u32::try_from(message.attempt).unwrap_or(0),
        level: Level::from_code(message.level),
        text: message.text,
    }
}

// By hand, because what is shown does not depend on the job.
impl<J> fmt::Debug for Ran<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Ran");
        shown.field("status", &self.ending.status).field("error", &self.ending.error).field("progress", &self.progress);
        shown.field("results", &self.results).field("messages", &self.messages).finish()
    }
}
