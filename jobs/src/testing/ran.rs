//! The result of running a job in a test.

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
use crate::model::outcome::{Outcome, Transition};
use crate::model::{AttemptEnd, Level, StopReason};
use crate::store::finish::NewMessage;
use crate::worker::transition_of;
use crate::{JobId, JobStatus};

/// The id of jobs without a row; no scheduled job has it.
pub(super) const NO_ID: JobId = JobId(0);

/// The result of one execution of a job: what a worker would have written.
pub struct Ran<J> {
    transition: Transition,
    progress: u8,
    results: BTreeMap<String, Value>,
    messages: Vec<Message>,
    job: PhantomData<fn() -> J>,
}

/// The middle of the jitter range: backoff is neither shortened nor lengthened.
const NO_JITTER: f64 = 0.5;

impl<J: Job> Ran<J> {
    pub(super) fn of(attempt: &RunningAttempt, outcome: Outcome) -> Self {
        let transition = transition::<J>(attempt, outcome);
        let pending = attempt.updates.close();
        let progress = if transition.status == JobStatus::Terminated { Some(100) } else { pending.progress };
        let results = pending.results.as_deref().and_then(|results| serde_json::from_str(results).ok());
        let job = &attempt.job;
        Self {
            transition,
            progress: progress.and_then(|progress| u8::try_from(progress).ok()).unwrap_or(0),
            results: results.unwrap_or_default(),
            messages: pending.messages(job.id, job.attempt, job.version).into_iter().map(message).collect(),
            job: PhantomData,
        }
    }

    /// The job's status after the execution: `Terminated`, `Failed`, `Canceled`, or `Scheduled` if a worker would run it again, after
    /// an error with attempts left or a snooze.
    #[must_use]
    pub fn status(&self) -> JobStatus {
        self.transition.status
    }

    /// The value that `execute` returned, through JSON and back.
    ///
    /// [`Error::JobFailed`] with the reason if it returned an error, panicked or timed out, even if it would be retried;
    /// [`Error::JobCanceled`] if it was canceled, [`Error::NotClosed`] if it snoozes.
    pub fn output(&self) -> Result<<J as Execute>::Output, Error> {
        match (self.status(), &self.transition.error) {
            (JobStatus::Terminated, _) => self.result(OUTPUT),
            (JobStatus::Canceled, _) => Err(Error::JobCanceled { id: NO_ID }),
            (_, Some(reason)) => Err(Error::JobFailed { id: NO_ID, reason: reason.clone() }),
            (status, None) => Err(Error::NotClosed { id: NO_ID, status }),
        }
    }

    /// How the attempt failed, if it did: an error, a panic, a timeout, parameters that do not decode, a cancellation.
    #[must_use]
    pub fn failure(&self) -> Option<AttemptEnd> {
        self.transition.how
    }

    /// The error of a failed attempt, with its sources, in one line.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.transition.error.as_deref()
    }

    /// How long the job waits until its next attempt, if it has one: its definition's backoff without jitter, or the delay it asked for.
    #[must_use]
    pub fn delay(&self) -> Option<Duration> {
        self.transition.delay
    }

    /// The last progress that the job set, 0 to 100; 100 if it `Terminated`.
    #[must_use]
    pub fn progress(&self) -> u8 {
        self.progress
    }

    /// The job's messages, oldest first.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// All results by name. The value that `execute` returned is named `output`.
    #[must_use]
    pub fn results(&self) -> &BTreeMap<String, Value> {
        &self.results
    }

    /// The result of this name. [`Error::NoResult`] if the job set none.
    pub fn result<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        match self.results.get(name) {
            Some(value) => decode_one(name, value),
            // An output that is nothing is not stored.
            None if name == OUTPUT && self.status() == JobStatus::Terminated => decode_one(name, &Value::Null),
            None => Err(Error::NoResult { id: NO_ID, name: name.to_owned() }),
        }
    }
}

/// The transition that a worker would write for the outcome.
fn transition<J: Job>(attempt: &RunningAttempt, outcome: Outcome) -> Transition {
    if attempt.updates.is_closed() {
        // It has finished itself in a transaction: anything after that is ignored.
        return Transition::closed(JobStatus::Terminated, None, None);
    }
    let mut transition = transition_of(attempt, outcome, J::DEFAULTS.retry, NO_JITTER);
    let is_canceled = matches!(attempt.stop.reason(), Some((StopReason::Canceled, _)));
    if is_canceled && !transition.status.is_closed() {
        transition.status = JobStatus::Canceled;
        transition.delay = None;
    }
    transition
}

fn message(message: NewMessage) -> Message {
    Message {
        time: Utc::now() - TimeDelta::milliseconds(message.age_ms),
        attempt: u32::try_from(message.attempt).unwrap_or(0),
        level: Level::stored(message.level),
        text: message.text,
    }
}

// By hand, because a derive would add a bound on `J`.
impl<J> fmt::Debug for Ran<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Ran");
        shown
            .field("status", &self.transition.status)
            .field("error", &self.transition.error)
            .field("progress", &self.progress);
        shown.field("results", &self.results).field("messages", &self.messages).finish()
    }
}
