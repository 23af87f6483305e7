//! A program with all commands and its own jobs.

use std::process::ExitCode;

use jobs::prelude::*;

/// Logs the sum of two numbers before it returns it.
#[job_fn(queue = "sums")]
fn add(job: &JobContext, left: i64, #[param(default = 1)] right: i64) -> JobResult<i64> {
    job.message(format!("adding {left} and {right}"));
    job.set_progress(50);
    left.checked_add(right).ok_or_else(|| "the sum is too large".into())
}

/// Fails with this reason, without retries.
#[job_fn(queue = "failures", timeout = "1m30s")]
fn fail(_job: &JobContext, reason: String) -> JobResult {
    Err(JobError::fail(reason))
}

/// Logs the length of the password.
#[job_fn(queue = "sign-ins")]
fn sign_in(_job: &JobContext, user: String, #[param(secret)] password: String) -> JobResult<usize> {
    if user == "nobody" { Err(JobError::fail("there is no such user")) } else { Ok(password.len()) }
}

#[tokio::main]
async fn main() -> ExitCode {
    let queues = ["sums", "failures", "sign-ins", "long-running"];
    jobs::cli::main_with(|worker| queues.into_iter().fold(worker, |worker, queue| worker.queue(queue, 4))).await
}
