//! The rows of a batch, and how many of them it takes.

use serde::{Serialize, Serializer};

use crate::model::outcome::Transition;
use crate::model::{AttemptEnd, JobStatus};
use crate::store::dialect::{Batch, Dialect};
use crate::store::millis;

/// The end of an attempt, as it is written.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FinishRow {
    pub(crate) id: i64,
    /// The version under which the attempt owns the job.
    pub(crate) version: i64,
    #[serde(serialize_with = "as_code")]
    pub(crate) status: JobStatus,
    pub(crate) delay_ms: Option<i64>,
    pub(crate) attempt_change: i32,
    pub(crate) max_attempts_change: i32,
    #[serde(serialize_with = "as_word")]
    pub(crate) how: Option<AttemptEnd>,
    pub(crate) error: Option<String>,
    pub(crate) progress: Option<i16>,
    /// A JSON object.
    pub(crate) results: Option<String>,
    /// The worker that ran it, for the history.
    pub(crate) worker: String,
    /// The worker that writes this, and that the row names from now on; `None` if the job's own worker is gone. With the version, it
    /// shows whether a repeated write was done before.
    pub(crate) owner: Option<i64>,
    #[serde(skip)]
    pub(crate) messages: Vec<NewMessage>,
}

impl FinishRow {
    pub(crate) fn new(id: i64, version: i64, transition: Transition, worker: String, owner: Option<i64>) -> Self {
        Self {
            id,
            version,
            status: transition.status,
            delay_ms: transition.delay.map(millis),
            attempt_change: transition.attempt_change,
            max_attempts_change: transition.max_attempts_change,
            how: transition.how,
            error: transition.error,
            progress: None,
            results: None,
            worker,
            owner,
            messages: Vec::new(),
        }
    }

    /// Whether the job was claimed and given back without being started.
    pub(crate) const fn never_started(&self) -> bool {
        self.attempt_change < 0
    }

    pub(super) fn success(&self) -> Option<SuccessRow<'_>> {
        let is_plain = self.status == JobStatus::Terminated
            && self.how.is_none()
            && self.error.is_none()
            && self.progress == Some(100)
            && self.owner.is_some()
            && self.attempt_change == 0
            && self.max_attempts_change == 0
            && self.messages.is_empty();
        is_plain.then_some(SuccessRow { id: self.id, version: self.version, results: self.results.as_deref() })
    }
}

/// Serializes a status as the tables store it.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn as_code<S: Serializer>(status: &JobStatus, serializer: S) -> Result<S::Ok, S::Error> {
    status.code().serialize(serializer)
}

/// Serializes the end of an attempt as the tables store it.
#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn as_word<S: Serializer>(end: &Option<AttemptEnd>, serializer: S) -> Result<S::Ok, S::Error> {
    end.map(AttemptEnd::as_str).serialize(serializer)
}

/// The end of an attempt that is just a success. Most are, so they take a shorter path.
#[derive(Debug, Serialize)]
pub(super) struct SuccessRow<'a> {
    pub(super) id: i64,
    pub(super) version: i64,
    /// A JSON object.
    results: Option<&'a str>,
}

/// A running attempt's progress, results and messages since they were last written.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) id: i64,
    pub(crate) version: i64,
    pub(crate) progress: Option<i16>,
    pub(crate) results: Option<String>,
    #[serde(skip)]
    pub(crate) messages: Vec<NewMessage>,
}

/// A message to store with its job.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NewMessage {
    pub(crate) job_id: i64,
    pub(crate) attempt: i32,
    pub(crate) version: i64,
    /// Its number among the messages of its attempt: a message that exists is not written again.
    pub(crate) number: i64,
    pub(crate) level: i16,
    /// How long ago it was logged: the database's clock gives the time.
    pub(crate) age_ms: i64,
    pub(crate) text: String,
}

/// A job's id, and the version under which an attempt owns it: its writes take effect only while the job has that version.
pub(crate) type Fence = (i64, i64);

/// A row of a batch.
pub(crate) trait FencedRow: Serialize + Sync {
    fn batch(dialect: &Dialect) -> &Batch;
    fn fence(&self) -> Fence;
    fn messages(&self) -> &[NewMessage];
    fn bytes(&self) -> usize;
    /// Whether the row adds one to the history.
    fn is_history(&self) -> bool {
        false
    }
}

impl FencedRow for FinishRow {
    fn batch(dialect: &Dialect) -> &Batch {
        &dialect.finish
    }

    fn fence(&self) -> Fence {
        (self.id, self.version)
    }

    fn messages(&self) -> &[NewMessage] {
        &self.messages
    }

    fn bytes(&self) -> usize {
        bytes(self.results.as_ref(), &self.messages) + self.error.as_ref().map_or(0, String::len)
    }

    fn is_history(&self) -> bool {
        self.how.is_some()
    }
}

impl FencedRow for Report {
    fn batch(dialect: &Dialect) -> &Batch {
        &dialect.report
    }

    fn fence(&self) -> Fence {
        (self.id, self.version)
    }

    fn messages(&self) -> &[NewMessage] {
        &self.messages
    }

    fn bytes(&self) -> usize {
        bytes(self.results.as_ref(), &self.messages)
    }
}

impl<R: FencedRow> FencedRow for &R {
    fn batch(dialect: &Dialect) -> &Batch {
        R::batch(dialect)
    }

    fn fence(&self) -> Fence {
        R::fence(self)
    }

    fn messages(&self) -> &[NewMessage] {
        R::messages(self)
    }

    fn bytes(&self) -> usize {
        R::bytes(self)
    }

    fn is_history(&self) -> bool {
        R::is_history(self)
    }
}

fn bytes(results: Option<&String>, messages: &[NewMessage]) -> usize {
    let texts: usize = messages.iter().map(|message| message.text.len() + 100).sum();
    texts + results.map_or(0, String::len) + 200
}

/// The limits of a batch, in rows and in bytes.
pub(crate) const MAX_ROWS: usize = 1_000;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A batch of this many bytes or more may exceed what a server takes at once (MySQL's and MariaDB's `max_allowed_packet`).
const LARGE: usize = 256 * 1024;

/// Returns how many of these rows fit into one batch.
pub(crate) fn batch_len<'a, R: FencedRow + 'a>(rows: impl Iterator<Item = &'a R>) -> usize {
    let mut bytes = 0;
    let fitting = rows.take(MAX_ROWS).take_while(|row| {
        bytes += row.bytes();
        bytes <= MAX_BYTES
    });
    fitting.count().max(1)
}

/// Whether a batch may be larger than a server takes at once.
pub(crate) fn is_large<R: FencedRow>(batch: &[R]) -> bool {
    batch.iter().map(FencedRow::bytes).sum::<usize>() >= LARGE
}
