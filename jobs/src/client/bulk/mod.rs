//! Acting on many jobs: first they are counted, then exactly those are acted on, a thousand at a time.

mod action;
mod batch;
mod verb;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Condition, Expr, ExprTrait as _};
use sea_orm::{ColumnTrait as _, ConnectionTrait, DatabaseConnection, QueryFilter as _, Select};
use serde::{Deserialize, Serialize};

use super::list;
use super::{JobCounts, JobFilter};
use crate::error::Error;
use crate::model::{JobId, JobStatus};
use crate::store::bulk::{self as store, Mark};
use crate::store::dialect;
use crate::store::entity::job::{Column, Entity};

pub use action::{BulkAction, BulkSummary};
pub(crate) use verb::Verb;

/// Jobs that were counted, to be acted on all at once: see [`bulk`].
///
/// It can be kept, or sent as JSON and read again, until someone has confirmed what is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulk {
    filter: JobFilter,
    counts: JobCounts,
    mark: Mark,
}

/// Counts the jobs that match the filter, to act on all of them: [`cancel`](Bulk::cancel), [`retry`](Bulk::retry),
/// [`delete`](Bulk::delete) or [`run_now`](Bulk::run_now). The filter's page and limit are ignored.
///
/// ```
/// # use jobs::prelude::*;
/// # use jobs::JobFilter;
/// # #[derive(Job)] #[job_params] struct Send { to: String }
/// # impl Execute for Send {
/// #     type Output = ();
/// #     async fn execute(&self, _: &JobContext) -> JobResult { Err(JobError::fail("the server is down")) }
/// # }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// # jobs::schedule_all(&db, ["ada", "grace"].map(Send::new)).await?;
/// # Worker::new(db.clone()).run_until_idle().await?;
/// let failed = jobs::bulk(&db, JobFilter::new().status(JobStatus::Failed).name("Send")).await?;
/// println!("Retry {} jobs?", failed.counts().failed);
/// let summary = failed.retry(&db).await?;
/// assert_eq!((summary.done, summary.changed), (2, 0));
/// # Ok(()) }
/// ```
///
/// Only jobs that were counted are acted on: neither those that are scheduled later, nor those that end later. Each is acted on as by
/// the function for one job, with the same effects.
///
/// At most 1,000 jobs are acted on in one transaction, the oldest first, and none waits for others: workers continue to claim, and jobs
/// can be scheduled. To stop, drop the future: what the transaction under way has done is rolled back, everything before it stays,
/// and the same call continues.
pub async fn bulk(db: &DatabaseConnection, filter: JobFilter) -> Result<Bulk, Error> {
    // The mark comes first, so that the count contains nothing that the mark excludes.
    let mark = store::mark(db).await?;
    let mut bulk = Bulk { filter, counts: JobCounts::default(), mark };
    bulk.counts = list::count(db, bulk.select(db, bulk.filter.clone()).await?).await?;
    Ok(bulk)
}

impl Bulk {
    /// The number of jobs that matched, in each status. [`BulkAction::jobs`] says how many of them an action can change.
    #[must_use]
    pub const fn counts(&self) -> &JobCounts {
        &self.counts
    }

    /// The filter that they matched.
    pub const fn filter(&self) -> &JobFilter {
        &self.filter
    }

    /// When they were counted, by the database's clock.
    #[must_use]
    pub const fn counted_at(&self) -> DateTime<Utc> {
        self.mark.time
    }

    /// The latest job at that time: none that was scheduled after it is acted on.
    #[must_use]
    pub const fn last(&self) -> JobId {
        JobId(self.mark.last)
    }

    /// Cancels the jobs that wait, and asks those that run to stop. See [`cancel`](crate::cancel).
    pub fn cancel<'b>(&'b self, db: &'b DatabaseConnection) -> BulkAction<'b> {
        BulkAction::new(self, Verb::Cancel, db)
    }

    /// Schedules closed jobs again: the failed ones, unless the filter names other statuses. See [`retry`](crate::retry).
    ///
    /// A job is left as it is if another one holds its unique key; of several with one key, the oldest is retried.
    pub fn retry<'b>(&'b self, db: &'b DatabaseConnection) -> BulkAction<'b> {
        BulkAction::new(self, Verb::Retry, db)
    }

    /// Deletes closed jobs, with their messages and history. See [`delete`](crate::delete).
    pub fn delete<'b>(&'b self, db: &'b DatabaseConnection) -> BulkAction<'b> {
        BulkAction::new(self, Verb::Delete, db)
    }

    /// Makes waiting jobs due now. See [`run_now`](crate::run_now).
    pub fn run_now<'b>(&'b self, db: &'b DatabaseConnection) -> BulkAction<'b> {
        BulkAction::new(self, Verb::RunNow, db)
    }

    /// Selects the jobs that match this filter, and already did when they were counted, as far as their rows show that.
    async fn select<C: ConnectionTrait>(&self, db: &C, filter: JobFilter) -> Result<Select<Entity>, Error> {
        let dialect = dialect::of(db.get_database_backend())?;
        let by_then = |column: Column| {
            let is_by_then = Expr::col((Entity, column)).lte(dialect.time(self.mark.time));
            Condition::any().add(Expr::col((Entity, column)).is_null()).add(is_by_then)
        };
        let statuses = self.filter.statuses();
        let mut select =
            filter.select(db).await?.filter(Column::Id.lte(self.mark.last)).filter(by_then(Column::FinishedAt));
        // If waiting jobs were counted too, those that have started since are among them.
        if statuses.contains(&JobStatus::Running) && !statuses.contains(&JobStatus::Scheduled) {
            let is_not_running = Expr::col((Entity, Column::Status)).ne(JobStatus::Running.code());
            select = select.filter(by_then(Column::StartedAt).add(is_not_running));
        }
        Ok(select)
    }
}
