//! Errors: the framework's functions return [`Error`], and a job's `execute` returns [`JobError`]. [`fault`] classifies the errors of the
//! database.
//!
//! Imports `model`.

pub(crate) mod fault;
mod job_error;

use std::fmt;
use std::time::Duration;

use sea_orm::DbErr;

use crate::model::{Action, JobId, JobStatus};
pub(crate) use job_error::JobErrorKind;
pub use job_error::{BoxError, JobError, JobResult};

/// The error of this crate's functions.
///
/// `Debug` prints its message and those of its sources on one line, so a `main` that returns it prints something readable.
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
    /// The job is closed, and the operation would change it.
    #[error("job {id} is closed ({status}): only `retry` and `delete` act on a closed job")]
    #[non_exhaustive]
    Closed {
        /// The job.
        id: JobId,
        /// The status with which it ended.
        status: JobStatus,
    },
    /// The operation needs a closed job (or, for `output`, a terminated one), and this one is not.
    #[error("job {id} is {status}: it has to end first, by itself or by `cancel`")]
    #[non_exhaustive]
    NotClosed {
        /// The job.
        id: JobId,
        /// Its status.
        status: JobStatus,
    },
    /// The operation needs a waiting job, and this one is running.
    #[error("job {id} is running: its parameters and its due time can be changed only while it is SCHEDULED")]
    #[non_exhaustive]
    NotScheduled {
        /// The job.
        id: JobId,
    },
    /// Another job holds this job's unique key, and [`OnConflict`](crate::OnConflict) does not let it be used or replaced. `retry` returns
    /// this error if the key has been taken since.
    #[error("job {existing} holds the key of this one: use it, or try again when it has ended")]
    #[non_exhaustive]
    Duplicate {
        /// The job that holds the key. It may have been deleted if the key is held for a fixed time.
        existing: JobId,
    },
    /// No job has this id (or retention or `delete` has removed it). In a `REPEATABLE READ` transaction on MariaDB and MySQL, jobs
    /// that were scheduled after the transaction's first read are not found either.
    #[error("there is no job {id}")]
    #[non_exhaustive]
    NotFound {
        /// The id that was asked for.
        id: JobId,
    },
    /// The job has no result with this name.
    #[error("job {id} has no result named `{name}`")]
    #[non_exhaustive]
    NoResult {
        /// The job.
        id: JobId,
        /// The name that was asked for.
        name: String,
    },
    /// A value is invalid.
    #[error("`{name}` is invalid: {reason}")]
    #[non_exhaustive]
    InvalidValue {
        /// The parameter, option, argument or session setting.
        name: String,
        /// Why it is invalid, and what is valid.
        reason: String,
    },
    /// A value does not serialize.
    #[error("`{name}` does not serialize")]
    #[non_exhaustive]
    Encode {
        /// The parameter or result.
        name: String,
        /// The serializer's error.
        source: serde_json::Error,
    },
    /// A stored or given value does not decode as the requested type.
    #[error("`{name}` does not decode")]
    #[non_exhaustive]
    Decode {
        /// The parameter or result.
        name: String,
        /// The deserializer's error.
        source: serde_json::Error,
    },
    /// Somebody may not do this. Nothing was done.
    #[error("{principal} may not {action}", action = action.in_words())]
    #[non_exhaustive]
    Forbidden {
        /// The name of the [principal](crate::Principal).
        principal: String,
        /// The action that would have to be allowed.
        action: Action,
    },
    /// No definition in this program has this name.
    #[error("no definition is named `{name}`: is the crate that defines it linked? (`use my_app as _;` links it)")]
    #[non_exhaustive]
    UnknownJob {
        /// The name that was asked for.
        name: String,
    },
    /// The attempt no longer owns the job and can't write: another worker has taken it over, or the attempt has ended.
    #[error("job {id} is no longer owned by this attempt: another worker has taken it over, or the attempt has ended")]
    #[non_exhaustive]
    Lost {
        /// The job.
        id: JobId,
    },
    /// The awaited job ended `FAILED`.
    #[error("job {id} failed: {reason}")]
    #[non_exhaustive]
    JobFailed {
        /// The job.
        id: JobId,
        /// Its last error.
        reason: String,
    },
    /// The awaited job ended `CANCELED`.
    #[error("job {id} was canceled")]
    #[non_exhaustive]
    JobCanceled {
        /// The job.
        id: JobId,
    },
    /// The awaited job did not end within the timeout.
    #[error("job {id} has not ended within {waited:?}")]
    #[non_exhaustive]
    WaitTimeout {
        /// The job.
        id: JobId,
        /// How long the call waited.
        waited: Duration,
    },
    /// A schedule with this name already exists.
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
    /// The worker can't continue: one of its own tasks or threads could not be started, or ended too early. Its jobs are taken over when
    /// its lease expires.
    #[error("the worker can't go on: {0}")]
    WorkerFailed(String),
    /// A second signal arrived during shutdown, so the worker left at once.
    #[error(
        "the worker was told to leave at once: {running} job(s) were still running, or their end was not written: another worker takes them over"
    )]
    #[non_exhaustive]
    Aborted {
        /// How many jobs were left behind, either running or with an end that is not yet written.
        running: usize,
    },
    /// The worker has stopped, but code of its jobs still runs: it blocks a thread and did not stop when asked to. Jobs that have not
    /// ended run again elsewhere when the worker's lease expires: end the process before then.
    #[error(
        "code of {running} job(s) went on when the worker had stopped: code that blocks has to look at `stop_reason()` from time to time"
    )]
    #[non_exhaustive]
    StillRunning {
        /// How many jobs have code that is still running.
        running: usize,
    },
    /// The program closed the connection pool that it gave to the worker, so the worker has stopped.
    #[error(
        "the pool of connections was closed while the worker ran: cancel the worker's token first, and close the pool when `run()` has \
         returned"
    )]
    PoolClosed,
    /// The database reported an error or could not be reached. The message contains that of SeaORM's error, which is therefore not also
    /// returned as the source.
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
    /// Whether the same call may succeed if it is repeated: the database was busy, broke a deadlock, or lost the connection.
    /// Inside a transaction, the whole transaction has to be repeated.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Database(error) if crate::error::fault::of(error).is_passing())
    }

    pub(crate) fn invalid(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::InvalidValue { name: name.into(), reason: reason.into() }
    }
}

/// The maximum number of sources that are printed. A chain may be circular.
const MAX_SOURCES: usize = 32;

/// Formats an error and its sources on one line: `outer: inner: innermost`. Omits a source that its outer error repeats, as SeaORM's do and
/// those of other crates may.
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
