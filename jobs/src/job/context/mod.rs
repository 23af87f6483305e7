//! The context that `execute` receives: facts about its attempt, and ways to report progress and results.

mod blocking;
mod transaction;

use std::any::{TypeId, type_name};
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{DatabaseConnection, DatabaseConnectionType};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::attempt::RunningAttempt;
use super::parameters;
use crate::error::Error;
use crate::model::{JobId, JobStatus, Level, StopReason};

/// The attempt that `execute` runs in. Cheap to clone.
#[derive(Clone)]
pub struct JobContext {
    pub(crate) attempt: Arc<RunningAttempt>,
}

impl JobContext {
    /// The job's identifier.
    #[must_use]
    pub fn id(&self) -> JobId {
        JobId(self.attempt.job.id)
    }

    /// The name under which the job was scheduled.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.attempt.job.name
    }

    /// The number of this attempt; the first is 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        u32::try_from(self.attempt.job.attempt).unwrap_or(0)
    }

    /// The most attempts that may be started.
    #[must_use]
    pub fn max_attempts(&self) -> u32 {
        u32::try_from(self.attempt.job.max_attempts).unwrap_or(0)
    }

    /// The queue that the job waited in.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.attempt.job.queue
    }

    /// When the job was due.
    #[must_use]
    pub fn scheduled_at(&self) -> DateTime<Utc> {
        self.attempt.job.scheduled_at
    }

    /// When the job was scheduled.
    #[must_use]
    pub fn created_at(&self) -> DateTime<Utc> {
        self.attempt.job.created_at
    }

    /// The time of its [schedule](crate::cron) for which the job runs: not later than [`created_at`](Self::created_at), and earlier if
    /// workers were late. `None` if it was scheduled otherwise.
    #[must_use]
    pub fn nominal_time(&self) -> Option<DateTime<Utc>> {
        self.attempt.job.nominal_at
    }

    /// The user on whose behalf the job runs.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.attempt.job.user_id.as_deref()
    }

    /// The session that requested the job.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        self.attempt.job.session_id.as_deref()
    }

    /// The event that requested the job.
    #[must_use]
    pub fn event(&self) -> Option<&str> {
        self.attempt.job.event_id.as_deref()
    }

    /// Reads a stored parameter by name, even if it is secret or the struct does not have it.
    pub fn parameter<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.attempt.parameters.get(name, self.attempt.secrets)
    }

    /// Sets the progress in percent; more than 100 counts as 100. Never blocks; written within half a second.
    pub fn set_progress(&self, percent: u8) {
        self.attempt.updates.set_progress(percent);
    }

    /// Sets the progress as `done` of `total`; 0 of 0 counts as 100 %.
    pub fn set_progress_of(&self, done: u64, total: u64) {
        let percent = if total == 0 { 100 } else { u128::from(done.min(total)) * 100 / u128::from(total) };
        self.set_progress(u8::try_from(percent).unwrap_or(100));
    }

    /// Logs a line with the job, at level `Info`. Never blocks; written within half a second.
    ///
    /// Text over 16 KiB is truncated; if more than a thousand lines, or 1 MiB, are waiting to be written, further ones are dropped, and a
    /// line says how many.
    pub fn message(&self, text: impl Into<String>) {
        self.attempt.updates.log(Level::Info, text.into());
    }

    /// Logs a line with the level `Warn`, like [`message`](Self::message).
    pub fn warn(&self, text: impl Into<String>) {
        self.attempt.updates.log(Level::Warn, text.into());
    }

    /// Logs a line with the level `Error`, like [`message`](Self::message).
    pub fn error(&self, text: impl Into<String>) {
        self.attempt.updates.log(Level::Error, text.into());
    }

    /// Stores a named result, besides the value that `execute` returns (named `output`). A later result of the same name replaces it.
    ///
    /// [`Error::InvalidValue`] if the job's results together would be over 1 MiB of JSON, [`Error::Encode`] if the value can't be
    /// serialized, [`Error::Closed`] after [`finish_in`](Self::finish_in).
    pub fn set_result<T: Serialize>(&self, name: &str, value: T) -> Result<(), Error> {
        let value = parameters::to_value(name, value)?;
        self.attempt.updates.set_result(self.id(), name, value)
    }

    /// Sets the status with which the job ends when `execute` returns, whatever it returns: `Canceled`, `Failed` or `Terminated`.
    ///
    /// The last call counts. An attempt that is cut off before it returns (a panic, a timeout, a shutdown) ends as if nothing had been
    /// set. Other statuses are [`Error::InvalidValue`].
    pub fn set_status(&self, status: JobStatus) -> Result<(), Error> {
        if !status.is_closed() {
            return Err(Error::invalid(
                "status",
                format!("{status} is not an end: set CANCELED, FAILED or TERMINATED"),
            ));
        }
        self.attempt.updates.request_status(self.id(), status)
    }

    /// Waits until the attempt should stop, and returns why: the job was canceled, it timed out, or its worker is shutting down or has lost
    /// the database. A job that keeps running is ended at an `await` when the grace is over.
    ///
    /// Clean up, and return any plain error: the job's next status depends on why it was stopped, and the error's text is ignored. Do not
    /// return [`JobError::cancel`](crate::JobError::cancel), which would end the job for good even if its worker is only shutting down.
    ///
    /// ```
    /// # use jobs::prelude::*;
    /// # struct Film;
    /// # impl Film {
    /// # async fn draw(&self, _: u32) {}
    /// # async fn remove(&self) {}
    /// # async fn render(&self, job: &JobContext) -> JobResult {
    /// for picture in 1..=1000 {
    ///     tokio::select! {
    ///         () = self.draw(picture) => {}
    ///         reason = job.stop_requested() => {
    ///             job.message(format!("stopped at picture {picture}: {reason}"));
    ///             self.remove().await;
    ///             Err("stopped")?;
    ///         }
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// # }
    /// ```
    pub async fn stop_requested(&self) -> StopReason {
        self.attempt.stop.requested().await;
        let Some(reason) = self.stop_reason() else { unreachable!("the reason is there before the signal") };
        reason
    }

    /// Why the attempt should stop; `None` if it should not. If it should, return a plain error, as after
    /// [`stop_requested`](Self::stop_requested).
    #[must_use]
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.attempt.stop.reason().map(|(reason, _)| reason)
    }

    /// The connection that the worker was given.
    ///
    /// # Panics
    ///
    /// In a test that runs the job without a database: [`testing::Run::db`](crate::testing::Run::db) gives it one.
    #[must_use]
    pub fn db(&self) -> &DatabaseConnection {
        let db = &self.attempt.env.db;
        assert!(
            !matches!(db.inner, DatabaseConnectionType::Disconnected),
            "`{}` asks for the database, and this test runs it without one: give it one with `testing::Run::new(job).db(&db)`",
            self.name()
        );
        db
    }

    /// The application state of this type that the worker was given with [`Worker::state`](crate::Worker::state).
    ///
    /// # Panics
    ///
    /// If the worker has none. `#[job(state = …)]` on the definition makes such a worker refuse to start.
    #[must_use]
    pub fn state<S: Send + Sync + 'static>(&self) -> &S {
        self.try_state().unwrap_or_else(|| {
            let name = type_name::<S>();
            panic!("the worker has no state of type `{name}`: give it one with `Worker::state`, and ask for it with `#[job(state = {name})]`")
        })
    }

    /// The application state of this type, or `None` if the worker has none.
    #[must_use]
    pub fn try_state<S: Send + Sync + 'static>(&self) -> Option<&S> {
        self.attempt.env.states.get(&TypeId::of::<S>()).and_then(|state| state.downcast_ref())
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobContext({} {} attempt {})", self.name(), self.id(), self.attempt())
    }
}
