//! What happens to a job, as those who follow it are told.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::client::record::{JobRecord, Message, hide_text};
use crate::error::Error;
use crate::model::JobStatus;

/// Something that has happened to a job that is followed. See [`watch`](crate::watch()).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobEvent {
    /// Its place among the job's events: [`JobEvents::after`](crate::JobEvents::after) goes on from there.
    pub id: JobEventId,
    /// What has happened.
    pub kind: JobEventKind,
}

impl JobEvent {
    /// Hides results, errors and texts of messages.
    pub(super) fn hide_payload(&mut self) {
        match &mut self.kind {
            JobEventKind::State(state) => hide_text(&mut state.last_error),
            JobEventKind::Message(message) => message.hide_payload(),
            JobEventKind::End(job) => Arc::make_mut(job).hide_payload(),
        }
    }
}

/// A change of a job that is followed, or a message of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum JobEventKind {
    /// The job has changed, and has not ended. Of changes in quick succession, only the last is told.
    State(JobState),
    /// The job has logged this message.
    Message(Message),
    /// The job has ended: its status, results and last error. This is the last event. All who follow
    /// the job through one pool share the record.
    End(Arc<JobRecord>),
}

/// The state of a job that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobState {
    /// The status.
    pub status: JobStatus,
    /// The number of the latest attempt; 0 if there was none.
    pub attempt: u32,
    /// The progress of the latest attempt, 0 to 100.
    pub progress: u8,
    /// When the job is due; in the past if it is running.
    pub scheduled_at: DateTime<Utc>,
    /// When someone asked the running job to stop.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// The error of the attempt before, while the job waits for the next one.
    pub last_error: Option<String>,
}

/// The place of an event among those of its job.
///
/// Its text fits into `Last-Event-ID` of an event stream, for example: see the [guide](crate::guide::life_of_a_job#following-a-job). It
/// means the same in every process, and to later versions of this library.
///
/// ```
/// # use jobs::JobEventId;
/// let id: JobEventId = "3-17-50".parse()?;
/// assert_eq!(id.to_string(), "3-17-50");
/// let error = "17".parse::<JobEventId>().unwrap_err();
/// assert_eq!(error.to_string(), "`event id` is invalid: `17` is not the id of an event: pass one as `watch` has returned it");
/// # Ok::<_, jobs::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct JobEventId {
    /// The version of the job.
    pub(super) version: i64,
    /// The number of the last message of this version.
    pub(super) message: i64,
    /// What may change without a new version: the progress that was told, and whether the job was asked to stop.
    pub(super) progress: u8,
    pub(super) asked_to_stop: bool,
}

impl JobEventId {
    /// Before the first event.
    pub(super) const START: Self = Self { version: -1, message: 0, progress: 0, asked_to_stop: false };
}

impl fmt::Display for JobEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, message, progress, asked_to_stop } = self;
        write!(f, "{version}-{message}-{progress}{}", if *asked_to_stop { "-stop" } else { "" })
    }
}

impl FromStr for JobEventId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        parse(text).ok_or_else(|| {
            let reason = format!("`{text}` is not the id of an event: pass one as `watch` has returned it");
            Error::invalid("event id", reason)
        })
    }
}

fn parse(text: &str) -> Option<JobEventId> {
    let (numbers, asked_to_stop) = text.strip_suffix("-stop").map_or((text, false), |numbers| (numbers, true));
    let mut numbers = numbers.split('-').map(|number| number.parse::<u32>().ok());
    let mut next = || numbers.next().flatten();
    let (version, message, progress) = (next()?, next()?, u8::try_from(next()?).ok()?);
    let id = JobEventId { version: version.into(), message: message.into(), progress, asked_to_stop };
    // Nothing more, and no other spelling of the same.
    (id.to_string() == text).then_some(id)
}

impl From<JobEventId> for String {
    fn from(id: JobEventId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for JobEventId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        for asked_to_stop in [false, true] {
            let id = JobEventId { version: 3, message: 17, progress: 50, asked_to_stop };
            assert_eq!(id.to_string().parse::<JobEventId>().unwrap(), id);
            let json = serde_json::to_string(&id).unwrap();
            assert_eq!(serde_json::from_str::<JobEventId>(&json).unwrap(), id, "{json}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in [
            "",
            "1",
            "1-2",
            "1-2-3-4",
            "1-2-300",
            "-1-0-0",
            "1-2-3-",
            "01-2-3",
            "+1-2-3",
            "1-2-3 ",
            "1-2-x",
            "4294967296-0-0",
        ] {
            assert!(text.parse::<JobEventId>().is_err(), "{text}");
        }
    }
}
