//! Several processes share one database and its jobs: each job is executed once.
//!
//! ```sh
//! cargo run --example many_workers -- postgres://user:password@localhost/app
//! cargo run --example many_workers    # JOBS_DATABASE_URL, or else a temporary file of SQLite
//! ```
//!
//! The program starts copies of itself as workers. In a database that has other jobs, it touches only its own: they are in a queue
//! that nobody else uses, and are deleted at the end.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::time::Duration;

use jobs::prelude::*;
use jobs::sea_orm::DatabaseConnection;
use jobs::{BoxError, JobFilter};
use tokio::process::Command;

const WORKERS: usize = 3;
const JOBS: u64 = 600;

/// Takes a moment, and returns the id of the process that executed it.
#[job_fn]
async fn work(milliseconds: u64) -> JobResult<u32> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    Ok(std::process::id())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let from_environment = std::env::var("JOBS_DATABASE_URL").ok().filter(|url| !url.is_empty());
    match (arguments.as_slice(), from_environment) {
        ([flag, queue], Some(url)) if flag == "--worker" => run_worker(&url, queue).await,
        ([], Some(url)) => share(&url).await,
        ([url], _) if !url.starts_with('-') => share(url).await,
        ([], None) => {
            println!(
                "no database is given, as postgres://user:password@localhost/app: a temporary file of SQLite it is"
            );
            let folder = tempfile::tempdir()?;
            share(&format!("sqlite:{}", folder.path().join("jobs.db").display())).await
        }
        _ => Err("usage: many_workers [URL]".into()),
    }
}

/// Runs one of the worker processes. A permanent one would `run()` until it is told to stop.
async fn run_worker(url: &str, queue: &str) -> Result<(), BoxError> {
    let mut worker = Worker::new(jobs::connect(url).await?).queue(queue, 4);
    // A worker deletes old jobs in all queues, which an example should not.
    for status in [JobStatus::Canceled, JobStatus::Failed, JobStatus::Terminated] {
        worker = worker.retention(status, None);
    }
    Ok(worker.run_until_idle().await?)
}

/// Schedules the jobs, has them executed, and shows by which processes.
async fn share(url: &str) -> Result<(), BoxError> {
    let db = jobs::connect(url).await?;
    jobs::migrate(&db).await?;
    let queue = format!("many_workers-{}", std::process::id());
    let work = |_| Work::new(20).with_options(JobOptions::new().queue(&queue));
    jobs::schedule_all(&db, (0..JOBS).map(work)).await?;
    println!("{JOBS} jobs wait in the queue {queue}");

    let ended = run_workers(url, &queue).await;
    let executed = take_stock(&db, &queue).await?;
    if let Some(status) = ended?.into_iter().find(|status| !status.success()) {
        return Err(format!("a worker has ended with {status}").into());
    }
    for (process, jobs) in &executed {
        println!("process {process} has executed {jobs} jobs");
    }
    if executed.values().sum::<u64>() != JOBS {
        return Err(format!("these are not {JOBS} jobs, executed once each").into());
    }
    println!("{JOBS} jobs were executed once each, by {} processes", executed.len());
    Ok(())
}

/// Runs all workers to their end.
async fn run_workers(url: &str, queue: &str) -> Result<Vec<ExitStatus>, BoxError> {
    // The URL may have a password: an argument would show it to everyone on this machine.
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--worker", queue]).env("JOBS_DATABASE_URL", url).kill_on_drop(true);
    let workers: Vec<_> = (0..WORKERS).map(|_| command.spawn()).collect::<Result<_, _>>()?;
    let mut ended = Vec::new();
    for mut worker in workers {
        ended.push(worker.wait().await?);
    }
    Ok(ended)
}

/// Counts the jobs that each process has executed at the first attempt, and deletes them all.
async fn take_stock(db: &DatabaseConnection, queue: &str) -> Result<BTreeMap<u32, u64>, jobs::Error> {
    let mut executed = BTreeMap::new();
    for job in jobs::list(db, JobFilter::new().queue(queue).limit(JOBS)).await?.jobs {
        match job.output() {
            Ok(process) if job.attempt == 1 => *executed.entry(process).or_default() += 1,
            Ok(_) => {}
            // Not executed: only closed jobs can be deleted.
            Err(_) => drop(jobs::cancel(db, job.id).await),
        }
        jobs::delete(db, job.id).await?;
    }
    Ok(executed)
}
