//! What can go wrong: [`Error`] is what the framework's functions return, [`JobError`] what a job's `execute` returns; [`fault`] tells what
//! kind of fault an error of the database is.
//!
//! Imports `model`.

pub(crate) mod fault;

use std::fmt;
use std::time::Duration;

use sea_orm::DbErr;

use crate::model::{JobId, JobStatus};

/// A boxed error of any kind, as `?` in `execute` makes it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The result of `execute`: its output, or how the attempt ended instead.
pub type JobResult<T = ()> = Result<T, JobError>;

/// The error of this crate's functions.
///
/// Its `Debug` is its message followed by those of its sources, in one line, so that a `main` that returns it prints something readable.
///
/// ```
/// # use jobs::Error;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
/// # let db = jobs::testing::database().await?;
/// let error = jobs::status(&db, 7).await.unwrap_err();
/// assert_eq!(format!("{error:?}"), "there is no job 7");
/// # Ok(()) }
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The job has ended, and what was asked would change it.
    #[error("job {id} is closed ({status}): only `retry` and `delete` act on a closed job")]
    #[non_exhaustive]
    Closed {
        /// The job.
        id: JobId,
        /// How it ended.
        status: JobStatus,
    },
    /// The operation needs a closed job (or, for `output`, a terminated one), and this one is not.
    #[error("job {id} is {status}: it has to end first, by itself or by `cancel`")]
    #[non_exhaustive]
    NotClosed {
        /// The job.
        id: JobId,
        /// Where it stands.
        status: JobStatus,
    },
    /// The operation needs a waiting job, and this one is running.
    #[error("job {id} is running: its parameters can be changed only while it is SCHEDULED")]
    #[non_exhaustive]
    NotScheduled {
        /// The job.
        id: JobId,
    },
    /// Another job holds the key of this one, and [`OnConflict`](crate::OnConflict) does not say to use it; or one that is retried can't
    /// have its key again.
    #[error("job {existing} holds the key of this one: use it, or try again when it has ended")]
    #[non_exhaustive]
    Duplicate {
        /// The job that holds the key. One whose time to be unique outlives it may have been deleted.
        existing: JobId,
    },
    /// No job has this id (or retention or `delete` has removed it). In a transaction of the caller's that is `REPEATABLE READ`, on MariaDB
    /// and MySQL, neither has a job that was scheduled after the transaction first read.
    #[error("there is no job {id}")]
    #[non_exhaustive]
    NotFound {
        /// The id that was asked for.
        id: JobId,
    },
    /// The job has no result of this name.
    #[error("job {id} has no result named `{name}`")]
    #[non_exhaustive]
    NoResult {
        /// The job.
        id: JobId,
        /// The name that was asked for.
        name: String,
    },
    /// A value that can't be accepted.
    #[error("`{name}` is invalid: {reason}")]
    #[non_exhaustive]
    InvalidValue {
        /// The parameter, option or argument, or the setting of the session.
        name: String,
        /// What is wrong with it, and what would be right.
        reason: String,
    },
    /// A value does not serialize.
    #[error("`{name}` does not serialize")]
    #[non_exhaustive]
    Encode {
        /// The parameter or result.
        name: String,
        /// What the encoder says.
        source: serde_json::Error,
    },
    /// A stored or given value does not decode as the type that was asked for.
    #[error("`{name}` does not decode")]
    #[non_exhaustive]
    Decode {
        /// The parameter or result.
        name: String,
        /// What the decoder says.
        source: serde_json::Error,
    },
    /// No definition in this program answers to the name.
    #[error("no definition is named `{name}`: is the crate that defines it linked? (`use my_app as _;` links it)")]
    #[non_exhaustive]
    UnknownJob {
        /// The name that was asked for.
        name: String,
    },
    /// The attempt no longer owns the job, and can't write: another worker has taken it over, or the attempt has ended.
    #[error("job {id} is no longer owned by this attempt: another worker has taken it over, or the attempt has ended")]
    #[non_exhaustive]
    Lost {
        /// The job.
        id: JobId,
    },
    /// The job that was waited for ended `FAILED`.
    #[error("job {id} failed: {reason}")]
    #[non_exhaustive]
    JobFailed {
        /// The job.
        id: JobId,
        /// Its last error.
        reason: String,
    },
    /// The job that was waited for ended `CANCELED`.
    #[error("job {id} was canceled")]
    #[non_exhaustive]
    JobCanceled {
        /// The job.
        id: JobId,
    },
    /// The job had not ended when the time to wait was over.
    #[error("job {id} has not ended within {waited:?}")]
    #[non_exhaustive]
    WaitTimeout {
        /// The job.
        id: JobId,
        /// How long was waited.
        waited: Duration,
    },
    /// A schedule of this name is there already.
    #[error("there is a schedule named `{name}` already: `cron::replace` changes it")]
    #[non_exhaustive]
    ScheduleExists {
        /// The name.
        name: String,
    },
    /// No schedule has this name.
    #[error("there is no schedule named `{name}`")]
    #[non_exhaustive]
    NoSchedule {
        /// The name that was asked for.
        name: String,
    },
    /// The worker can't start with this configuration, program or database.
    #[error("the worker can't start: {0}")]
    Setup(String),
    /// The worker can't go on: a task or a thread of its own could not be started, or ended too early. Its jobs are taken over when its
    /// lease expires.
    #[error("the worker can't go on: {0}")]
    WorkerFailed(String),
    /// A second signal arrived during shutdown: the worker left at once.
    #[error(
        "the worker was told to leave at once: {running} job(s) were still running, or their end was not written: another worker takes them over"
    )]
    #[non_exhaustive]
    Aborted {
        /// How many jobs were left behind, running or with an end that is not written.
        running: usize,
    },
    /// The worker has stopped, but code of its jobs still runs: it blocks a thread, and did not stop when it was asked to. Those jobs that
    /// have not ended run again elsewhere when the worker's lease expires: end the process before that.
    #[error(
        "code of {running} job(s) went on when the worker had stopped: code that blocks has to look at `stop_reason()` from time to time"
    )]
    #[non_exhaustive]
    StillRunning {
        /// How many jobs have code that still runs.
        running: usize,
    },
    /// The program has closed the pool of connections that it gave to the worker, which has stopped.
    #[error(
        "the pool of connections was closed while the worker ran: cancel the worker's token first, and close the pool when `run()` has \
         returned"
    )]
    PoolClosed,
    /// The database refused, or could not be reached. The message contains that of SeaORM's error, which is therefore not returned as the
    /// source as well.
    #[error("the database: {0}{advice}", advice = crate::error::fault::advice(.0))]
    Database(DbErr),
}

impl From<DbErr> for Error {
    fn from(error: DbErr) -> Self {
        Self::Database(error)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self))
    }
}

impl Error {
    /// Whether the same call may succeed if it is made again: the database was busy, broke a deadlock, or lost the connection.
    /// Inside a transaction it is the whole transaction that has to be repeated.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Database(error) if crate::error::fault::of(error).is_passing())
    }

    pub(crate) fn invalid(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InvalidValue { name: name.into(), reason: reason.into() }
    }
}

/// The error of `execute`: how an attempt ended without success.
///
/// Any error becomes one with `?`: the attempt is recorded and the job retried with backoff while it has attempts left.
/// The constructors say otherwise:
///
/// ```
/// # use std::time::Duration;
/// # use jobs::{JobError, JobResult};
/// fn check(status: u16) -> JobResult {
///     match status {
///         200 => Ok(()),
///         404 => Err(JobError::fail("the page is gone")),                 // no retry
///         429 => Err(JobError::snooze(Duration::from_secs(60))),          // later; counts as no attempt
///         503 => Err(JobError::retry_in(Duration::from_secs(5)).because("busy")), // a retry at a time of one's own
///         _ => Err(format!("unexpected status {status}"))?,               // a retry with backoff
///     }
/// }
/// ```
pub struct JobError {
    pub(crate) kind: JobErrorKind,
    pub(crate) source: Option<BoxError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JobErrorKind {
    Retry,
    RetryIn(Duration),
    Snooze(Duration),
    Fail,
    Cancel,
}

impl JobError {
    /// The job ends `FAILED` now, whatever attempts it has left.
    pub fn fail(error: impl Into<BoxError>) -> Self {
        Self { kind: JobErrorKind::Fail, source: Some(error.into()) }
    }

    /// The job ends `CANCELED`: the job itself has found that nobody needs it.
    ///
    /// Not for a job that was asked to stop ([`JobContext::stop_requested`](crate::JobContext::stop_requested)): its worker may only be
    /// shutting down, and another attempt would do the work. A plain error is right there.
    pub fn cancel(reason: impl Into<BoxError>) -> Self {
        Self { kind: JobErrorKind::Cancel, source: Some(reason.into()) }
    }

    /// The attempt failed; the next one, if any is left, starts after `delay` instead of the definition's backoff.
    #[must_use]
    pub fn retry_in(delay: Duration) -> Self {
        Self { kind: JobErrorKind::RetryIn(delay), source: None }
    }

    /// The job is not ready: it runs again after `delay`, and this attempt does not count against `max_attempts`.
    #[must_use]
    pub fn snooze(delay: Duration) -> Self {
        Self { kind: JobErrorKind::Snooze(delay), source: None }
    }

    /// Says why, for `retry_in` and `snooze`.
    #[must_use]
    pub fn because(mut self, error: impl Into<BoxError>) -> Self {
        self.source = Some(error.into());
        self
    }

    /// The error and its sources in one line, each once.
    pub(crate) fn reason(&self) -> String {
        self.source.as_deref().map_or_else(|| self.to_string(), |error| chain(error))
    }
}

/// How many sources of an error are told. A chain may be circular.
const MAX_SOURCES: usize = 32;

/// An error and its sources, in one line: `outer: inner: innermost`. A source that its outer error repeats, as SeaORM's do and those of
/// other crates may, is left out.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    for inner in std::iter::successors(error.source(), |inner| inner.source()).take(MAX_SOURCES) {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
    }
    text
}

impl<E: Into<BoxError>> From<E> for JobError {
    fn from(error: E) -> Self {
        Self { kind: JobErrorKind::Retry, source: Some(error.into()) }
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.source, self.kind) {
            (Some(source), _) => source.fmt(f),
            (None, JobErrorKind::RetryIn(delay)) => write!(f, "asked to be retried in {delay:?}"),
            (None, JobErrorKind::Snooze(delay)) => write!(f, "asked to run again in {delay:?}"),
            (None, kind) => write!(f, "{kind:?}"),
        }
    }
}

impl fmt::Debug for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobError").field("kind", &self.kind).field("source", &self.source).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn what_a_main_prints_is_the_message_and_its_sources() {
        let source = serde_json::from_str::<u8>("\"x\"").unwrap_err();
        let error = Error::Decode { name: "width".into(), source };
        let expected = "`width` does not decode: invalid type: string \"x\", expected u8 at line 1 column 3";
        assert_eq!(format!("{error:?}"), expected);
    }

    #[test]
    fn an_error_of_the_database_is_told_once() {
        let error = Error::from(DbErr::Custom("no space left".into()));
        assert_eq!(error.to_string(), "the database: Custom Error: no space left");
        assert!(error.source().is_none());
        assert_eq!(format!("{error:?}"), error.to_string());
    }
}
