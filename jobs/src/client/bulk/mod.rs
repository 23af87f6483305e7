//! Acting on many jobs: first they are counted, then those are acted on, a thousand at a time.

mod action;
mod batch;
mod select;
mod verb;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use serde::{Deserialize, Serialize};

#[cfg(feature = "web")]
use super::BoundedCounts;
use super::{JobCounts, JobFilter};
use crate::error::Error;
use crate::store::bulk::{self as store, Mark};

pub use action::{BulkAction, BulkSummary};
pub(crate) use verb::Verb;

/// Jobs that were counted, to be acted on all at once: see [`bulk`].
///
/// It can be kept, or sent as JSON and read again, until someone has confirmed what is to be done. Don't read it back from a browser:
/// the filter and the moment would be the client's, and it could name any jobs. Keep it on the server, for example in the session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bulk {
    filter: JobFilter,
    counts: JobCounts,
    mark: Mark,
}

/// Counts the jobs that match the filter, to act on all of them: [`cancel`](Bulk::cancel), [`retry`](Bulk::retry),
/// [`delete`](Bulk::delete) or [`run_now`](Bulk::run_now). The filter's page and limit are ignored.
///
/// ```standalone_crate
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
/// Jobs that are scheduled after the count are left, and so are those that end after it. This is told from the jobs' ids and times, so
/// two kinds of jobs that were not counted may be taken as well: those that were there and match only since (a job that ran, and now waits
/// for its next attempt), and those whose transaction began before the count and was committed after it. Each job is acted on as by the
/// function for one job, with the same effects. Durations in the filter, such as `since:2h`, count back from the moment of the count.
///
/// It examines as many jobs as it takes, and for conditions on errors or parameters it reads those of all jobs that fulfill the others.
///
/// At most 1,000 jobs are acted on in one transaction, the oldest first. Jobs that others have locked are skipped and tried again later,
/// so workers continue to claim, and jobs can be scheduled. Only `retry` and `delete` of unique jobs wait for others, as the functions for
/// one job do: for transactions that have just acquired the same keys, and `retry` on MariaDB and MySQL for those that have locked the
/// jobs that hold them. On SQLite, which has one writer, others write between the transactions.
///
/// To stop, drop the future: what the transaction under way has done is rolled back, unless it was just being committed; everything before
/// it stays, and the same call continues. On a connection that was not made by [`connect`](crate::connect()), a dropped future may leave its
/// transaction open: see there.
pub async fn bulk(db: &DatabaseConnection, filter: JobFilter) -> Result<Bulk, Error> {
    // The mark comes first, so that the count contains nothing that the mark excludes.
    let mark = store::mark(db).await?;
    let bulk = Bulk { filter, counts: JobCounts::default(), mark };
    let counts = bulk.count(db).await?;
    Ok(Bulk { counts, ..bulk })
}

impl Bulk {
    /// Counts as [`bulk`] does, at a bounded cost: in the statuses that the verb can change, and not further than
    /// [`bounded_counts`](crate::bounded_counts) does.
    #[cfg(feature = "web")]
    pub(crate) async fn bounded(
        db: &DatabaseConnection,
        verb: Verb,
        filter: &JobFilter,
    ) -> Result<(Self, BoundedCounts), Error> {
        let filter = verb.restrict(filter)?;
        let mark = store::mark(db).await?;
        let found = super::bounded_counts(db, filter.clone()).await?;
        Ok((Self { filter, counts: found.counts, mark }, found))
    }

    /// Counts all jobs that matched at the first count, and still do.
    #[cfg(feature = "web")]
    pub(crate) async fn count_all(self, db: &DatabaseConnection) -> Result<Self, Error> {
        Ok(Self { counts: self.count(db).await?, ..self })
    }

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

    /// Cancels the jobs that wait, and asks those that run to stop. See [`cancel`](crate::cancel).
    pub fn cancel<'b>(&'b self, db: &'b DatabaseConnection) -> BulkAction<'b> {
        BulkAction::new(self, Verb::Cancel, db)
    }

    /// Schedules closed jobs again: the failed ones, unless the filter names other statuses. See [`retry`](crate::retry).
    ///
    /// A job is left as it is if another one holds its unique key; of several with one key, the oldest is retried, and the next one as well
    /// if that has ended before its turn.
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
}
