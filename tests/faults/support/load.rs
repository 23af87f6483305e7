//! The load: jobs of every kind that can happen to a worker.

use std::time::Duration;

use jobs::prelude::*;
use jobs::sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use jobs_tests::{Database, soon};
use tokio::time::Instant;

use crate::support::journal::{self, What};

/// The queue of the load.
pub(crate) const QUEUE: &str = "load";

/// An attempt, as the journal knows it: it ends when its code does, however that comes.
pub(crate) struct Execution {
    job: i64,
    attempt: u32,
}

impl Execution {
    pub(crate) fn of(job: &JobContext) -> Self {
        let execution = Self { job: job.id().get(), attempt: job.attempt() };
        journal::note(What::Start { job: execution.job, attempt: execution.attempt });
        execution
    }
}

impl Drop for Execution {
    fn drop(&mut self) {
        journal::note(What::End { job: self.job, attempt: self.attempt });
    }
}

/// Ends at once.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 50, retry = fixed("10ms"))]
#[job_params]
pub(crate) struct Short;

impl Execute for Short {
    type Output = u32;

    async fn execute(&self, job: &JobContext) -> JobResult<u32> {
        let _execution = Execution::of(job);
        Ok(job.attempt())
    }
}

/// Reports every few milliseconds how far it is, and what time it is.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 50, retry = fixed("10ms"))]
#[job_params]
pub(crate) struct Long {
    steps: u8,
}

impl Execute for Long {
    type Output = u32;

    async fn execute(&self, job: &JobContext) -> JobResult<u32> {
        let _execution = Execution::of(job);
        for step in 0..self.steps() {
            job.set_progress_of(step.into(), self.steps().into());
            job.message(journal::now().to_string());
            job.set_result("attempt", job.attempt())?;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(job.attempt())
    }
}

/// Runs until it is canceled.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 50, retry = fixed("10ms"))]
#[job_params]
pub(crate) struct Endless;

impl Execute for Endless {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        let _execution = Execution::of(job);
        job.stop_requested().await;
        // The worker knows why: a job that was canceled ends as such, one whose worker stops is given back.
        Err("asked to stop")?
    }
}

/// Fails each time.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 3, retry = fixed("10ms"))]
#[job_params]
pub(crate) struct Failing;

impl Execute for Failing {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        let _execution = Execution::of(job);
        Err("it can't be done")?
    }
}

/// Panics each time.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 2, retry = fixed("10ms"))]
#[job_params]
pub(crate) struct Panicking;

impl Execute for Panicking {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        let _execution = Execution::of(job);
        panic!("it blew up")
    }
}

/// Takes too long each time.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 2, timeout = "200ms", retry = fixed("10ms"))]
#[job_params]
pub(crate) struct Stuck;

impl Execute for Stuck {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        let _execution = Execution::of(job);
        std::future::pending().await
    }
}

/// Has an effect in the transaction in which it finishes itself. Its connections are the program's own, and may be silently dead:
/// only a timeout ends what waits for an answer then.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 50, timeout = "2s", retry = fixed("10ms"))]
#[job_params]
pub(crate) struct Effect;

impl Execute for Effect {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        let _execution = Execution::of(job);
        let transaction = job.db().begin().await?;
        let insert = format!("INSERT INTO fault_effect (job_id, attempt) VALUES ({}, {})", job.id(), job.attempt());
        transaction.execute_unprepared(&insert).await?;
        job.finish_in(&transaction, &()).await?;
        transaction.commit().await?;
        Ok(())
    }
}

/// No more than three at once, and one at a time of each key.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 50, retry = fixed("10ms"), limit(running = 3), limit(by(key), running = 1))]
#[job_params]
pub(crate) struct Limited {
    key: u8,
}

impl Limited {
    /// How many run at once at most.
    pub(crate) const MOST: usize = 3;
}

impl Execute for Limited {
    type Output = u32;

    async fn execute(&self, job: &JobContext) -> JobResult<u32> {
        let _execution = Execution::of(job);
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(job.attempt())
    }
}

/// Ends at once, and is not counted.
#[derive(Job, Debug)]
#[job(queue = "load", max_attempts = 50, priority = -1)]
#[job_params]
struct Probe;

impl Execute for Probe {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        Ok(())
    }
}

/// How long it takes until a job is executed. The job leaves no trace.
pub(crate) async fn executed(t: &Database) -> Duration {
    let begin = Instant::now();
    let probe = Probe::new().schedule(t.db()).await.unwrap();
    soon(probe.wait(t.db())).await.unwrap();
    let took = begin.elapsed();
    probe.delete(t.db()).await.unwrap();
    took
}

/// Creates the table of effects. It has no key, so that an effect that happens twice can be seen.
pub(crate) async fn prepare(t: &Database) {
    t.execute("CREATE TABLE fault_effect (job_id BIGINT NOT NULL, attempt INTEGER NOT NULL)").await;
}
