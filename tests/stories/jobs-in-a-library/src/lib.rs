//! The jobs of the stories. Nothing but this crate defines them, and the programs that execute them name it once:
//! `use story_jobs as _;`.
//!
//! Jobs say what happens on standard output, a line each. The gate that they wait at is a semaphore, the worker's state.

use std::sync::Arc;
use std::time::Duration;

use jobs::prelude::*;
use sea_orm::ConnectionTrait as _;
use tokio::sync::Semaphore;

/// The line that a process prints when an attempt begins.
#[must_use]
pub fn started(id: JobId, attempt: u32) -> String {
    format!("started {id} {attempt}")
}

/// The line that a process prints when an attempt that was asked to stop has nevertheless run to its end.
#[must_use]
pub fn went_on(id: JobId, attempt: u32) -> String {
    format!("went on {id} {attempt}")
}

fn say_started(job: &JobContext) {
    println!("{}", started(job.id(), job.attempt()));
}

async fn pass_the_gate(job: &JobContext) {
    let gate = job.state::<Arc<Semaphore>>();
    gate.acquire().await.expect("the gate is never closed").forget();
}

/// Its first attempt waits at the gate, or until it is asked to stop; later ones end at once. Its output is the attempt's number.
#[derive(Job, Debug)]
#[job(queue = "held", retry = fixed("1ms"), state = Arc<Semaphore>)]
#[job_params]
pub struct Hold {
    /// Does not check whether it should stop.
    #[param(default)]
    deaf: bool,
}

impl Execute for Hold {
    type Output = u32;

    async fn execute(&self, job: &JobContext) -> JobResult<u32> {
        say_started(job);
        if job.attempt() == 1 {
            tokio::select! {
                () = pass_the_gate(job) => {}
                _ = job.stop_requested(), if !self.deaf() => Err("asked to stop")?,
            }
        }
        Ok(job.attempt())
    }
}

/// Waits for what never comes, until it is asked to stop; its second attempt ends at once.
#[derive(Job, Debug)]
#[job(queue = "held", retry = fixed("1ms"))]
#[job_params]
pub struct Wait {
    /// Does not check whether it should stop.
    #[param(default)]
    deaf: bool,
}

impl Execute for Wait {
    type Output = u32;

    async fn execute(&self, job: &JobContext) -> JobResult<u32> {
        say_started(job);
        if job.attempt() == 1 {
            tokio::select! {
                () = std::future::pending() => {}
                _ = job.stop_requested(), if !self.deaf() => Err("asked to stop")?,
            }
        }
        Ok(job.attempt())
    }
}

/// Its first attempt keeps running when it is asked to stop, and writes whatever it can. Its second waits at the gate.
#[derive(Job, Debug)]
#[job(queue = "held", retry = fixed("1ms"), state = Arc<Semaphore>)]
#[job_params]
pub struct Stubborn;

impl Execute for Stubborn {
    type Output = u32;

    async fn execute(&self, job: &JobContext) -> JobResult<u32> {
        say_started(job);
        job.message("begun");
        job.set_result("attempt", job.attempt())?;
        if job.attempt() > 1 {
            pass_the_gate(job).await;
            return Ok(job.attempt());
        }
        job.stop_requested().await;
        job.message("asked to stop, and going on");
        job.set_progress(99);
        job.set_result("attempt", "the stale one")?;
        // Past the next time at which what running jobs report is written.
        tokio::time::sleep(Duration::from_millis(700)).await;
        job.message("ended");
        println!("{}", went_on(job.id(), job.attempt()));
        Ok(job.attempt())
    }
}

/// Blocks its thread forever, even if it is asked to stop; its second attempt ends at once.
#[job_fn(queue = "held", retry = fixed("1ms"))]
pub fn block(job: &JobContext) -> JobResult<u32> {
    say_started(job);
    while job.attempt() == 1 {
        std::thread::park();
    }
    Ok(job.attempt())
}

/// Keeps a row of each execution in the table `story_note`.
#[derive(Job, Debug)]
#[job(queue = "notes", retry = fixed("1ms"))]
#[job_params]
pub struct Note;

impl Execute for Note {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        let (id, attempt, pid) = (job.id(), job.attempt(), std::process::id());
        job.db()
            .execute_unprepared(&format!(
                "INSERT INTO story_note (job_id, attempt, pid) VALUES ({id}, {attempt}, {pid})"
            ))
            .await?;
        Ok(())
    }
}

/// Kills the process that executes it.
#[derive(Job, Debug)]
#[job(queue = "poison", max_attempts = 2, retry = fixed("1ms"))]
#[job_params]
pub struct Poison;

impl Execute for Poison {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        say_started(job);
        std::process::abort()
    }
}
