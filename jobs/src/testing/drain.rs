//! Executing due jobs, and letting time pass.

use std::time::Duration;

use sea_orm::DatabaseConnection;

use crate::client::counts::JobCounts;
use crate::error::Error;
use crate::store::{testing, wake};
use crate::{Connection, JobRecord, JobStatus, Worker};

/// The jobs that [`drain`] has executed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Drained {
    /// The jobs of which an attempt was started, oldest first, as they are now.
    pub jobs: Vec<JobRecord>,
}

impl Drained {
    /// The number of jobs in each status. `Scheduled` ones wait for another attempt.
    #[must_use]
    pub fn counts(&self) -> JobCounts {
        let mut counts = JobCounts::default();
        for job in &self.jobs {
            *counts.of_mut(job.status) += 1;
        }
        counts
    }

    /// Asserts that all jobs have succeeded.
    ///
    /// # Panics
    ///
    /// If a job is not `Terminated`; the message has the errors.
    #[track_caller]
    pub fn assert_all_terminated(&self) {
        let others: Vec<_> = self.jobs.iter().filter(|job| job.status != JobStatus::Terminated).collect();
        let lines: String = others.iter().map(|job| line(job)).collect();
        assert!(others.is_empty(), "{} of {} jobs have not terminated:{lines}", others.len(), self.jobs.len());
    }
}

fn line(job: &JobRecord) -> String {
    let error = job.last_error.as_deref().unwrap_or("no error");
    format!("\n  {} `{}` {} after attempt {}: {error}", job.id, job.name, job.status, job.attempt)
}

/// Executes all due jobs, in every queue, and those that they schedule, with a worker in this process. Jobs that are due later, such
/// as retries, wait: [`advance`] makes them due.
///
/// ```standalone_crate
/// # use jobs::prelude::*;
/// # use jobs::testing;
/// # #[derive(Job)] #[job_params] struct Fetch { url: String }
/// # impl Execute for Fetch { type Output = (); async fn execute(&self, job: &JobContext) -> JobResult {
/// #     if job.attempt() == 1 { Err("no answer")? } else { Ok(()) } } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// let db = testing::database().await?;
/// let handle = Fetch::new("https://example.org").schedule(&db).await?;
/// // The first attempt fails, and the job waits for the next one.
/// assert_eq!(testing::drain(&db).await?.counts().scheduled, 1);
/// testing::advance(&db, std::time::Duration::from_secs(60)).await?;
/// testing::drain(&db).await?.assert_all_terminated();
/// assert_eq!(handle.record(&db).await?.attempt, 2);
/// # Ok(()) }
/// ```
///
/// Jobs that other workers execute in the meantime are included. Jobs whose name this program does not define are left alone.
///
/// [`Error::Setup`] if a worker would not start: use [`drain_with`] if jobs need state.
pub async fn drain(db: &DatabaseConnection) -> Result<Drained, Error> {
    drain_with(db, |worker| worker).await
}

/// Like [`drain`], with a worker that `set_up` configures: state, definitions registered by hand. `set_up` may be called more than
/// once: if jobs are due in queues that no definition names, another worker serves them. Do not set queues in it.
///
/// ```standalone_crate
/// # use jobs::prelude::*;
/// # use jobs::testing;
/// # #[derive(Job)] #[job(state = String)] #[job_params] struct Greet { name: String }
/// # impl Execute for Greet { type Output = String; async fn execute(&self, job: &JobContext) -> JobResult<String> {
/// #     Ok(format!("{} {}", job.state::<String>(), self.name())) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// let db = testing::database().await?;
/// let handle = Greet::new("ada").schedule(&db).await?;
/// testing::drain_with(&db, |worker| worker.state("hello".to_owned())).await?;
/// assert_eq!(handle.output(&db).await?, "hello ada");
/// # Ok(()) }
/// ```
pub async fn drain_with(db: &DatabaseConnection, set_up: impl Fn(Worker) -> Worker) -> Result<Drained, Error> {
    let attempts = testing::attempts(db).await?;
    // The first worker serves the queues that definitions name. Jobs get into others only by their options.
    let mut queues = Vec::new();
    loop {
        let worker = queues.iter().fold(worker(db), |worker, queue| worker.queue(queue, CONCURRENCY));
        set_up(worker).run_until_idle().await?;
        let mut due = testing::due_queues(db).await?;
        due.retain(|queue| !queues.contains(queue));
        if due.is_empty() {
            break;
        }
        queues.extend(due);
    }
    let executed = testing::executed_since(db, &attempts).await?;
    Ok(Drained { jobs: executed.into_iter().map(JobRecord::of).collect() })
}

/// How many jobs run at once in a queue that no definition names.
const CONCURRENCY: usize = 10;

/// A worker that starts and stops quickly, and does not delete closed jobs.
fn worker(db: &DatabaseConnection) -> Worker {
    let closed = [JobStatus::Canceled, JobStatus::Failed, JobStatus::Terminated];
    let worker = Worker::new(db.clone()).name("test").listen(false);
    closed.into_iter().fold(worker, |worker, status| worker.retention(status, None))
}

/// Lets time pass for all waiting jobs: each is due sooner by `time`, to the millisecond. [`drain`] executes those that become due.
/// Workers in this process notice at once, others when they poll.
///
/// [Schedules](crate::cron) move likewise: their next times come sooner by `time`, and their past firings are moved back.
///
/// ```standalone_crate
/// # use std::time::Duration;
/// # use jobs::prelude::*;
/// # use jobs::testing;
/// # #[derive(Job)] #[job(cron = "0 3 * * *")] #[job_params] struct CleanUp;
/// # impl Execute for CleanUp { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// let db = testing::database().await?;
/// testing::drain(&db).await?; // writes the schedules of definitions
/// testing::advance(&db, Duration::from_secs(24 * 3600)).await?;
/// assert_eq!(testing::drain(&db).await?.counts().terminated, 1);
/// # Ok(()) }
/// ```
///
/// Only due times move: running and closed jobs stay as they are. More than a hundred years count as a hundred.
pub async fn advance<C: Connection>(db: &C, time: Duration) -> Result<(), Error> {
    testing::advance(db, time).await?;
    wake::advanced();
    Ok(())
}
