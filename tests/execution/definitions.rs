//! The jobs that the cases schedule.

use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::Gate;

/// Adds two numbers.
#[derive(Job, Debug)]
#[job_params]
pub(crate) struct Add {
    a: i64,
    #[param(default = 1)]
    b: i64,
}

impl Execute for Add {
    type Output = i64;

    async fn execute(&self, _job: &JobContext) -> JobResult<i64> {
        Ok(self.a() + self.b())
    }
}

/// Fails in the way that it is told.
#[derive(Job, Debug)]
#[job(retry = fixed("1h"), max_attempts = 2)]
#[job_params]
pub(crate) struct Misbehave {
    how: String,
}

impl Execute for Misbehave {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        match self.how() {
            "error" => Err("it went wrong")?,
            "fail" => return Err(JobError::fail("it can't be done")),
            "cancel" => return Err(JobError::cancel("nobody wants it")),
            "snooze" => return Err(JobError::snooze(Duration::from_secs(3600))),
            "retry_in" => return Err(JobError::retry_in(Duration::ZERO).because("not yet")),
            "panic" => panic!("it blew up"),
            other => panic!("unknown way to misbehave: {other}"),
        }
        Ok(())
    }
}

/// Waits at the gate that the worker has as its state.
#[derive(Job, Debug)]
#[job(queue = "gated")]
#[job_params]
pub(crate) struct Gated {
    #[param(default)]
    name: String,
}

impl Execute for Gated {
    type Output = String;

    async fn execute(&self, job: &JobContext) -> JobResult<String> {
        job.message(format!("{} has arrived", self.name()));
        job.set_progress(50);
        tokio::select! {
            () = job.state::<Gate>().pass() => Ok(self.name().to_owned()),
            () = job.canceled() => Err("asked to stop")?,
        }
    }
}
