//! A worker is told to stop while jobs run: one ends in time, the other is given back, and a second worker continues it.
//!
//! ```sh
//! cargo run --example graceful_shutdown
//! ```
//!
//! A token stops it here, so that two workers can run in one program. SIGTERM and Ctrl-C do the same without one.

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use jobs::CancellationToken;
use jobs::prelude::*;
use jobs::sea_orm::DatabaseConnection;

/// Writes a report in parts, each to a file of its own. Parts written by an earlier attempt are not written again.
#[derive(Job)]
#[job(queue = "reports")]
#[job_params]
struct WriteReport {
    folder: PathBuf,
    parts: u64,
}

impl Execute for WriteReport {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        tokio::fs::create_dir_all(self.folder()).await?;
        let file = |part| self.folder().join(format!("{part}.txt"));
        let begin = (1..=self.parts()).find(|part| !file(*part).exists()).unwrap_or(1);
        job.message(format!("beginning with part {begin} of {}", self.parts()));
        for part in begin..=self.parts() {
            // The best place to stop is between two parts. A job that never checks is dropped at an `await` after `Worker::cancel_grace`.
            if job.stop_reason().is_some() {
                job.message(format!("stopped before part {part}"));
                Err("stopped")?;
            }
            tokio::time::sleep(Duration::from_millis(100)).await; // stands in for work
            tokio::fs::write(file(part), "numbers").await?;
            job.set_progress_of(part, self.parts());
        }
        job.message("all parts are written");
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), jobs::BoxError> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let folder = tempfile::tempdir()?;
    let report = |name, parts| WriteReport::new(folder.path().join(name), parts);
    // Half a second, and four: with a grace period of two seconds, the second job can't end in time.
    let jobs = [report("short", 5).schedule(&db).await?, report("long", 40).schedule(&db).await?];

    let stop = CancellationToken::new();
    let first = Worker::new(db.clone()).name("first").shutdown_grace(Duration::from_secs(2)).stop_on(stop.clone());
    let mut first = pin!(first.run());
    tokio::select! {
        ended = &mut first => return Ok(ended?),
        begun = all_run(&jobs, &db) => begun?,
    }
    println!("both jobs run: the first worker is told to stop");
    stop.cancel();
    first.await?;
    println!("the first worker has left");
    show(&jobs, &db).await?;

    Worker::new(db.clone()).name("second").run_until_idle().await?;
    println!("the second worker has nothing left to do");
    show(&jobs, &db).await
}

async fn all_run(jobs: &[JobHandle<WriteReport>], db: &DatabaseConnection) -> Result<(), jobs::Error> {
    for job in jobs {
        while job.status(db).await? == JobStatus::Scheduled {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    Ok(())
}

/// Prints what the database says about the jobs.
async fn show(jobs: &[JobHandle<WriteReport>], db: &DatabaseConnection) -> Result<(), jobs::BoxError> {
    for job in jobs {
        let record = job.record(db).await?;
        println!("  job {job} is {} at {} %, after {} attempt(s)", record.status, record.progress, record.attempt);
        for message in job.messages(db).await? {
            println!("    attempt {} said: {}", message.attempt, message.text);
        }
        for attempt in job.failed_attempts(db).await? {
            let error = attempt.error.unwrap_or_default();
            println!("    attempt {} on worker `{}` ended: {error}", attempt.attempt, attempt.worker);
        }
    }
    Ok(())
}
