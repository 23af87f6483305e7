//! Scheduling jobs: one, many, or by name.

use std::borrow::Borrow;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use sea_orm::{ConnectionTrait, TransactionSession as _};
use serde_json::Value;
use tracing::Instrument as _;
use tracing::field::Empty;

use super::options::option_setters;
use super::{JobHandle, JobOptions, metrics};
use crate::error::Error;
use crate::job::{Job, JobDefaults, parameters, registry};
use crate::model::{OnConflict, UniqueWhile};
use crate::store::connection::Connection;
use crate::store::insert;
use crate::store::row::NewJob;
use crate::store::unique::{self, InsertResult};
use crate::store::{self, wake};

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

/// A job that is given by its name, with its parameters as JSON: for programs that do not have its definition, or choose it at run time.
///
/// If a definition of that name, or with that alias, is linked into this program, the parameters must decode as its own, and its
/// defaults apply. Otherwise the job waits for a worker that knows the name.
///
/// ```
/// use jobs::NamedJob;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// let job = NamedJob::new("Resize", json!({ "file": "image.png" })).schedule(&db).queue("images").await?;
/// assert!(!job.existed());
/// assert_eq!(jobs::record(&db, job).await?.name, "Resize");
/// # Ok(()) }
/// ```
///
/// It can be scheduled like other jobs: with [options](Self::with_options), by [`schedule_all`], and by [`cron::add`](crate::cron::add). Its
/// handle has no type of output: functions such as [`output`](crate::output) take one.
///
/// A value given as `{"$secret": value}` is secret, whatever the definition says; see [`job_params`](crate::job_params).
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a job is scheduled only by `schedule`"]
pub struct NamedJob {
    name: String,
    parameters: Value,
}

impl NamedJob {
    /// Creates a job of this name with these parameters: an object, or `null` for none.
    pub fn new(name: impl Into<String>, parameters: Value) -> Self {
        Self { name: name.into(), parameters }
    }

    /// Gives the job options.
    #[must_use]
    pub fn with_options(self, options: JobOptions) -> WithOptions<Self> {
        WithOptions::new(self, options)
    }

    /// Schedules the job. See [`Schedule`].
    pub fn schedule<C: Connection>(self, db: &C) -> Schedule<'_, C, Self> {
        Schedule::new(db, self, JobOptions::new())
    }
}

/// Values that [`schedule_all`] and [`cron::add`](crate::cron::add) take: jobs, jobs given [by name](NamedJob), and either [`WithOptions`].
///
/// This trait is sealed: no other type can implement it.
pub trait Schedulable: sealed::Sealed {
    /// The type of the job.
    type Job: sealed::IntoRow;

    /// The job and its options.
    #[doc(hidden)]
    fn into_parts(self) -> (Self::Job, JobOptions);
}

mod sealed {
    use super::{Error, Job, JobOptions, NamedJob, NewJob, WithOptions, new_job, new_job_by_name};

    pub trait Sealed {}

    impl<J: Job> Sealed for J {}
    impl Sealed for NamedJob {}
    impl<J> Sealed for WithOptions<J> {}

    /// A job that can be converted into a row.
    pub trait IntoRow {
        fn into_row(self, options: JobOptions) -> Result<NewJob, Error>;
    }

    impl<J: Job> IntoRow for J {
        fn into_row(self, options: JobOptions) -> Result<NewJob, Error> {
            new_job(&self, options)
        }
    }

    impl IntoRow for NamedJob {
        fn into_row(self, options: JobOptions) -> Result<NewJob, Error> {
            new_job_by_name(&self.name, self.parameters, options)
        }
    }
}
pub(crate) use sealed::IntoRow;

impl<J: Job> Schedulable for J {
    type Job = J;

    fn into_parts(self) -> (J, JobOptions) {
        (self, JobOptions::new())
    }
}

impl Schedulable for NamedJob {
    type Job = Self;

    fn into_parts(self) -> (Self, JobOptions) {
        (self, JobOptions::new())
    }
}

impl<J: IntoRow> Schedulable for WithOptions<J> {
    type Job = J;

    fn into_parts(self) -> (J, JobOptions) {
        (self.job, self.options)
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

async fn insert_all<C: Connection>(db: &C, rows: &[NewJob]) -> Result<Vec<InsertResult>, Error> {
    let name = rows.first().map(|row| row.name.as_str());
    let span = tracing::debug_span!("jobs.schedule", name, count = rows.len());
    let results = store::repeat_call(db, || insert_in_transaction(db, rows)).instrument(span).await?;
    announce(rows.iter().zip(&results));
    Ok(results)
}

async fn insert_in_transaction<C: Connection>(db: &C, rows: &[NewJob]) -> Result<Vec<InsertResult>, Error> {
    // Without options: inside the caller's transaction this is a savepoint, which takes none.
    let transaction = db.begin().await?;
    let results = insert(&transaction, rows).await?;
    transaction.commit().await?;
    Ok(results)
}

/// Inserts jobs with and without keys, and returns them in order. If there is more than one, call it in a transaction.
pub(crate) async fn insert<C: ConnectionTrait, R: Borrow<NewJob>>(
    db: &C,
    rows: &[R],
) -> Result<Vec<InsertResult>, Error> {
    let (keyed, others): (Vec<_>, Vec<_>) =
        rows.iter().map(Borrow::borrow).partition(|row: &&NewJob| row.key.is_some());
    let mut others = insert::insert(db, &others).await?.into_iter().map(|id| InsertResult { id, existed: false });
    if keyed.is_empty() {
        return Ok(others.collect());
    }
    let mut keyed = unique::insert(db, &keyed).await?.into_iter();
    // Both return as many as they were given.
    Ok(rows.iter().filter_map(|row| if row.borrow().key.is_some() { keyed.next() } else { others.next() }).collect())
}

fn new_job<J: Job>(job: &J, options: JobOptions) -> Result<NewJob, Error> {
    options.into_row(J::DEFAULTS.name, &J::DEFAULTS, parameters::encode(job)?, || job.unique_values())
}

fn new_job_by_name(name: &str, parameters: Value, options: JobOptions) -> Result<NewJob, Error> {
    let definition = registry::find(name);
    let text = parameters::encode_value(parameters, definition.map_or(&[], |definition| definition.secrets))?;
    let Some(definition) = definition else {
        return options.into_row(name, &JobDefaults::new("unknown"), text, || Ok(Value::Null));
    };
    let job = definition.decode(&parameters::parse(&text)?.into())?;
    options.into_row(name, &definition.defaults, text, || job.unique_values())
}

pub(crate) async fn insert_one<C: Connection>(db: &C, row: NewJob) -> Result<InsertResult, Error> {
    let rows = [row];
    let [row] = &rows;
    let span = tracing::debug_span!("jobs.schedule", name = row.name, queue = row.queue, job = Empty);
    let inserted = async || {
        if row.key.is_none() || unique::is_one_statement(db) {
            return insert(db, &rows).await;
        }
        match unique::result_if_certain(db, row).await? {
            Some(existing) => Ok(vec![existing]),
            None => insert_in_transaction(db, &rows).await,
        }
    };
    let results = store::repeat_call(db, inserted).instrument(span.clone()).await?;
    span.record("job", results.first().map(|result| result.id));
    announce(rows.iter().zip(&results));
    // There is one for each row.
    results.first().copied().ok_or_else(|| Error::Database(sea_orm::DbErr::RecordNotInserted))
}

/// Announces inserted jobs: counts the new ones, and wakes the workers that may execute them.
pub(crate) fn announce<'r>(results: impl Iterator<Item = (&'r NewJob, &'r InsertResult)> + Clone) {
    let new =
        results.clone().filter(|(_, result)| !result.existed).map(|(row, _)| [row.queue.as_str(), row.name.as_str()]);
    metrics::count_each(metrics::SCHEDULED_TOTAL, ["queue", "name"], new);
    let mut queues: Vec<_> = results.map(|(row, _)| row.queue.as_str()).collect();
    queues.sort_unstable();
    queues.dedup();
    queues.into_iter().for_each(wake::scheduled);
}

/// Schedules a job. The generated `schedule()` calls it.
pub fn schedule<C, J: Job>(job: J, db: &C) -> Schedule<'_, C, J> {
    Schedule::new(db, job, JobOptions::new())
}

/// Gives a job options. The generated `with_options()` calls it.
pub fn with_options<J: Job>(job: J, options: JobOptions) -> WithOptions<J> {
    WithOptions::new(job, options)
}
