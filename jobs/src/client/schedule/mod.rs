//! Scheduling jobs: one, many, or by name.

pub(crate) mod insert;
mod schedulable;

use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use super::options::option_setters;
use super::{JobHandle, JobOptions};
use crate::error::Error;
use crate::job::Job;
use crate::model::{OnConflict, UniqueWhile};
use crate::store::connection::Connection;
use crate::store::row::NewJob;
pub(crate) use insert::IntoRow;
use insert::{insert_all, insert_one};
pub use schedulable::{NamedJob, Schedulable};

/// A job about to be scheduled. Nothing happens until it is awaited.
///
/// The insert runs in a [`tracing`](https://docs.rs/tracing) span `jobs.schedule` (level DEBUG) with the fields `name`, `queue`,
/// and `job`: the id, once it is known.
///
/// The job is inserted on the given connection, or in the given transaction: then it exists if and only if the transaction
/// commits.
#[must_use = "a job is scheduled only when this is awaited"]
#[derive(Debug)]
pub struct Schedule<'c, C, J> {
    db: &'c C,
    job: J,
    options: JobOptions,
}

impl<'c, C, J> Schedule<'c, C, J> {
    pub(crate) fn new(db: &'c C, job: J, options: JobOptions) -> Self {
        Self { db, job, options }
    }

    /// Sets all options at once, replacing those set so far.
    pub fn options(mut self, options: JobOptions) -> Self {
        self.options = options;
        self
    }

    option_setters! {
        /// Makes the job due this long after it is scheduled, by the database's clock.
        delay(delay: Duration),
        /// Makes the job due at this time, by the database's clock.
        at(at: DateTime<Utc>),
        /// The priority, −100 to 100; smaller runs first.
        priority(priority: i16),
        /// The queue, 1 to 200 characters.
        queue(queue: impl Into<String>),
        /// The maximum number of attempts, 1 to 32767.
        max_attempts(max_attempts: u32),
        /// How long an attempt may take.
        timeout(timeout: Duration),
        /// The user on whose behalf the job runs, 1 to 200 characters.
        user(user: impl Into<String>),
        /// The session that requested the job, 1 to 200 characters.
        session(session: impl Into<String>),
        /// The event that requested the job, 1 to 200 characters.
        event(event: impl Into<String>),
        /// The unique key. See [`JobOptions::unique_key`].
        unique_key(key: impl Into<String>),
        /// Holds the key for at least this long. See [`JobOptions::unique_within`].
        unique_within(within: Duration),
        /// How long the unique key is held.
        unique_while(holds: UniqueWhile),
        /// Decides what happens if another job holds the key.
        on_conflict(on_conflict: OnConflict),
    }
}

impl<'c, C: Connection, J: IntoRow> IntoFuture for Schedule<'c, C, J> {
    type Output = Result<JobHandle<J>, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { db, job, options } = self;
        // Invalid options are refused before the database is used.
        let row = job.into_row(options);
        Box::pin(async move { insert_one(db, row?).await.map(JobHandle::from_result) })
    }
}

/// A job with its own options, for [`schedule_all`] or to be scheduled later.
#[derive(Debug, Clone)]
pub struct WithOptions<J> {
    job: J,
    options: JobOptions,
}

impl<J> WithOptions<J> {
    pub(crate) fn new(job: J, options: JobOptions) -> Self {
        Self { job, options }
    }

    /// Schedules the job. See [`Schedule`].
    pub fn schedule<C: Connection>(self, db: &C) -> Schedule<'_, C, J> {
        Schedule::new(db, self.job, self.options)
    }
}

/// Schedules many jobs in bulk statements, all or none; the handles come in the order of the jobs.
///
/// Inside the caller's transaction, this is a savepoint.
///
/// ```
/// # use jobs::prelude::*;
/// # #[derive(Job)] #[job_params] struct Greet { name: String }
/// # impl Execute for Greet { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::connect("sqlite::memory:").await?; jobs::migrate(&db).await?;
/// let handles = jobs::schedule_all(&db, ["ada", "grace"].map(Greet::new)).await?;
/// assert_eq!(handles.len(), 2);
/// # Ok(()) }
/// ```
pub fn schedule_all<C, I>(db: &C, jobs: I) -> ScheduleAll<'_, C, <I::Item as Schedulable>::Job>
where
    I: IntoIterator<Item: Schedulable>,
{
    let row = |scheduled: I::Item| {
        let (job, options) = scheduled.into_parts();
        job.into_row(options)
    };
    ScheduleAll { db, rows: jobs.into_iter().map(row).collect(), job: PhantomData }
}

/// Jobs about to be scheduled. Nothing happens until it is awaited. See [`schedule_all`].
///
/// The inserts run in one span `jobs.schedule` (level DEBUG) with the fields `name` and `count`.
#[must_use = "jobs are scheduled only when this is awaited"]
#[derive(Debug)]
pub struct ScheduleAll<'c, C, J> {
    db: &'c C,
    rows: Result<Vec<NewJob>, Error>,
    job: PhantomData<fn() -> J>,
}

impl<'c, C: Connection, J: IntoRow> IntoFuture for ScheduleAll<'c, C, J> {
    type Output = Result<Vec<JobHandle<J>>, Error>;
    type IntoFuture = BoxFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { db, rows, .. } = self;
        Box::pin(async move {
            let results = insert_all(db, &rows?).await?;
            Ok(results.into_iter().map(JobHandle::from_result).collect())
        })
    }
}

/// Schedules a job. The generated `schedule()` calls it.
pub fn schedule<C, J: Job>(job: J, db: &C) -> Schedule<'_, C, J> {
    Schedule::new(db, job, JobOptions::new())
}

/// Gives a job options. The generated `with_options()` calls it.
pub fn with_options<J: Job>(job: J, options: JobOptions) -> WithOptions<J> {
    WithOptions::new(job, options)
}
