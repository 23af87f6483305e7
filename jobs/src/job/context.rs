//! The context that `execute` receives: facts about its attempt, and ways to report progress and results.

use std::any::{TypeId, type_name};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseConnectionType, DatabaseTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::attempt::RunningAttempt;
use super::panics::Caught;
use super::parameters::{self, OUTPUT};
use super::updates::PendingUpdates;
use crate::error::Error;
use crate::model::{JobId, JobStatus, Level, StopReason};
use crate::store::control;
use crate::store::dialect::{self, Dialect, connection};
use crate::store::finish::{self, FinishRow};

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

    /// Runs blocking or CPU-bound code on a new thread, one for each call, and returns its result.
    ///
    /// The code does not delay other jobs, and the process does not wait for it when it exits, unlike with tokio's `spawn_blocking`. A
    /// panic in it is the job's panic. For many short pieces of work, make one call that does them all.
    ///
    /// The code can't be stopped from outside: if it runs for long, it should check [`stop_reason`](Self::stop_reason) regularly. If
    /// `execute` does not wait for it to end (for example, because of a `select!` or a timeout), it is asked to stop when `execute` has
    /// returned, and no other attempt starts while it runs. If it was asked to stop and still runs when the
    /// [grace](crate::Worker::cancel_grace) is over, the job ends `FAILED`, and is not retried: two attempts could run at once.
    ///
    /// # Panics
    ///
    /// If the system can't start a thread: the attempt fails, and is retried.
    pub async fn run_blocking<T: Send + 'static>(&self, code: impl FnOnce() -> T + Send + 'static) -> T {
        let blocking = self.attempt.activity.blocking.enter();
        let runtime = tokio::runtime::Handle::current();
        let span = tracing::Span::current();
        let (done, result) = tokio::sync::oneshot::channel();
        // Not a thread of the runtime: the process would wait for its code before it ends.
        let thread = std::thread::Builder::new().name("jobs-blocking".into()).spawn(move || {
            let _until_it_ends = blocking;
            let _runtime = runtime.enter();
            let unheard = done.send(span.in_scope(|| catch_unwind(AssertUnwindSafe(code)).map_err(Caught::new)));
            // If the receiver is gone, the result is dropped here. That may panic, with a payload whose drop panics again: a thread
            // that ends with such a payload ends the process.
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(unheard))) {
                std::mem::forget(panic);
            }
        });
        thread.unwrap_or_else(|error| panic!("no thread can be started for blocking code: {error}"));
        match result.await {
            Ok(Ok(value)) => value,
            Ok(Err(panic)) => panic.resume(),
            Err(_) => unreachable!("the thread sends what its code returns or panics with"),
        }
    }

    /// Begins a transaction, as [`jobs::begin`](crate::begin) does: for what the job reads and writes together, often ending with
    /// [`finish_in`](Self::finish_in). Its writes are not refused if what it has read was changed in the meantime.
    ///
    /// ```standalone_crate
    /// # use jobs::prelude::*;
    /// # use jobs::sea_orm::{ConnectionTrait as _, Statement};
    /// # #[derive(Job)] #[job_params] struct Bill { customer: i64 }
    /// impl Execute for Bill {
    ///     type Output = i64;
    ///
    ///     async fn execute(&self, job: &JobContext) -> JobResult<i64> {
    ///         let transaction = job.begin().await?;
    ///         let sum = "SELECT CAST(COALESCE(SUM(amount), 0) AS INTEGER) AS total FROM consumption";
    ///         let sum = Statement::from_string(transaction.get_database_backend(), sum);
    ///         let total = transaction.query_one_raw(sum).await?.ok_or("no sum")?.try_get("", "total")?;
    ///         transaction.execute_unprepared(&format!("INSERT INTO bill VALUES ({}, {total})", self.customer())).await?;
    ///         job.finish_in(&transaction, &total).await?;
    ///         transaction.commit().await?;
    ///         Ok(total)
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
    /// # let db = jobs::testing::database().await?;
    /// # db.execute_unprepared("CREATE TABLE consumption (amount BIGINT)").await?;
    /// # db.execute_unprepared("CREATE TABLE bill (customer BIGINT, total BIGINT)").await?;
    /// # db.execute_unprepared("INSERT INTO consumption VALUES (3), (4)").await?;
    /// # let bill = Bill::new(1).schedule(&db).await?;
    /// # Worker::new(db.clone()).run_until_idle().await?;
    /// # assert_eq!(bill.output(&db).await?, 7);
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Under the same condition as [`db`](Self::db).
    pub async fn begin(&self) -> Result<DatabaseTransaction, Error> {
        let _call = self.attempt.activity.calls.enter();
        crate::store::connection::begin(self.db()).await
    }

    /// Ends the job `TERMINATED` inside the given transaction: the job's end and everything else that the transaction writes are
    /// committed together, or not at all. Progress, messages and results so far are part of it.
    ///
    /// The transaction should come from [`begin`](Self::begin): if it was begun otherwise and has already read, the database may refuse
    /// the write because something has changed since.
    ///
    /// [`Error::Lost`] if another worker has taken over the job: in that case, roll back. After a success, the context accepts no more
    /// writes ([`Error::Closed`]), and what `execute` returns no longer matters; if the transaction is not committed, the attempt fails.
    pub async fn finish_in<T: Serialize>(&self, transaction: &DatabaseTransaction, output: &T) -> Result<(), Error> {
        let attempt = &*self.attempt;
        let _call = attempt.activity.calls.enter();
        self.set_result(OUTPUT, output)?;
        if attempt.env.worker_id.is_none() {
            // A test runs the job: there is no row to write.
            attempt.updates.close();
            return Ok(());
        }
        let dialect = dialect::of(transaction.get_database_backend())?;
        connection::limit_idle(transaction, attempt.env.lease).await?;
        if !dialect.row_locks {
            attempt.env.updates_written().await;
        }
        // The write skips locked rows: if this one were locked, it would be taken for lost.
        control::lock(transaction, dialect, self.id()).await?;
        if dialect.row_locks {
            // Only now: updates don't wait for a locked row, and other jobs' must not wait while this one waits for it.
            attempt.env.updates_written().await;
        }
        let finished = self.write_finish(transaction, dialect, &attempt.updates.close()).await;
        if finished.is_err() {
            attempt.updates.reopen();
        }
        finished
    }

    async fn write_finish(
        &self,
        transaction: &DatabaseTransaction,
        dialect: &Dialect,
        pending: &PendingUpdates,
    ) -> Result<(), Error> {
        let attempt = &*self.attempt;
        let ending = crate::model::outcome::Ending::closed(JobStatus::Terminated, None, None);
        let mut finish = FinishRow::new(
            attempt.job.id,
            attempt.job.version,
            ending,
            attempt.env.worker.clone(),
            attempt.env.worker_id,
        );
        finish.progress = Some(100);
        finish.results.clone_from(&pending.results);
        finish.messages = pending.messages(attempt.job.id, attempt.job.attempt, attempt.job.version);
        let written = finish::write(transaction, dialect, &[finish]).await?;
        if written.is_empty() { Err(Error::Lost { id: self.id() }) } else { Ok(()) }
    }
}

impl fmt::Debug for JobContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobContext({} {} attempt {})", self.name(), self.id(), self.attempt())
    }
}
