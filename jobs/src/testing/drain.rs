//! Executing what is due, and letting time pass.

use std::time::Duration;

use sea_orm::DatabaseConnection;

use crate::client::list::JobCounts;
use crate::error::Error;
use crate::store::{testing, wake};
use crate::{Connection, JobRecord, JobStatus, Worker};

/// What [`drain`] has executed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Drained {
    /// Each job of which an attempt was started, oldest first, as it is now.
    pub jobs: Vec<JobRecord>,
}

impl Drained {
    /// How many there are in each status. `Scheduled` are those that wait for another attempt.
    #[must_use]
    pub fn counts(&self) -> JobCounts {
        let mut counts = JobCounts::default();
        for job in &self.jobs {
            *counts.of_mut(job.status) += 1;
        }
        counts
    }

    /// Panics, with their errors, where jobs have ended otherwise than well, or wait for another attempt.
    ///
    /// # Panics
    ///
    /// Where one is not `Terminated`.
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

/// Executes all jobs that are due, in every queue, and those that they schedule, with a worker of this process. What is due later, as
/// retries are, waits: [`advance`] brings it closer.
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
/// Jobs that other workers execute meanwhile are counted too. Jobs of a name that this program does not define are left as they are.
///
/// [`Error::Setup`] where a worker would not start: use [`drain_with`] where jobs need state.
pub async fn drain(db: &DatabaseConnection) -> Result<Drained, Error> {
    drain_with(db, |worker| worker).await
}

/// The same with a worker that is set up further: its state, definitions that are registered by hand. It may be called more than once:
/// where jobs are due in queues that no definition names, another worker serves them. Queues are not to be set here.
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
    // The first worker serves the queues that definitions name. In others jobs are only by their options.
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

/// It comes and goes at once, and leaves alone what it does not execute.
fn worker(db: &DatabaseConnection) -> Worker {
    let closed = [JobStatus::Canceled, JobStatus::Failed, JobStatus::Terminated];
    let worker = Worker::new(db.clone()).name("test").listen(false);
    closed.into_iter().fold(worker, |worker, status| worker.retention(status, None))
}

/// Lets time pass for all jobs that wait: each is due so much sooner, to the millisecond. What is due then, [`drain`] executes. Workers
/// of this process look at once, others at their next look.
///
/// The same goes for [schedules](crate::cron): their next times come so much sooner, and what they have fired for was so much earlier.
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
/// Only due times move: what is stored of jobs that run or have ended stays as it is. More than a hundred years count as a hundred.
pub async fn advance<C: Connection>(db: &C, time: Duration) -> Result<(), Error> {
    testing::advance(db, time).await?;
    wake::advanced();
    Ok(())
}
