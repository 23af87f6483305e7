//! Transactions of a job, and ending it inside one.

use sea_orm::{ConnectionTrait as _, DatabaseTransaction};
use serde::Serialize;

use super::JobContext;
use crate::error::Error;
use crate::job::parameters::OUTPUT;
use crate::job::updates::PendingUpdates;
use crate::model::JobStatus;
use crate::model::outcome::Transition;
use crate::store::connection;
use crate::store::dialect::connection::limit_idle;
use crate::store::dialect::{self, Dialect};
use crate::store::finish::{self, FinishRow};
use crate::store::jobs;

impl JobContext {
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
        connection::begin(self.db()).await
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
        limit_idle(transaction, attempt.env.lease).await?;
        if !dialect.row_locks {
            attempt.env.updates_written().await;
        }
        // The write skips locked rows: if this one were locked, it would be taken for lost.
        jobs::lock(transaction, dialect, self.id()).await?;
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
        let transition = Transition::closed(JobStatus::Terminated, None, None);
        let mut finish = FinishRow::new(
            attempt.job.id,
            attempt.job.version,
            transition,
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
