//! The jobs that the cases schedule.

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

/// Returns its text.
#[derive(Job, Debug)]
#[job_params]
pub(crate) struct Note {
    text: String,
}

impl Execute for Note {
    type Output = String;

    async fn execute(&self, _job: &JobContext) -> JobResult<String> {
        Ok(self.text().to_owned())
    }
}

/// Returns its address, which has an older name too.
#[derive(Job)]
#[job_params]
pub(crate) struct Send {
    #[serde(alias = "to")]
    address: String,
    #[param(secret, default)]
    pin: u16,
}

impl Execute for Send {
    type Output = String;

    async fn execute(&self, _job: &JobContext) -> JobResult<String> {
        Ok(format!("{} {}", self.address(), self.pin()))
    }
}

/// Has no parameters.
#[derive(Job, Debug)]
#[job_params]
pub(crate) struct Ping;

impl Execute for Ping {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

/// Sets every option.
#[derive(Job, Debug)]
#[job(name = "configured", alias = "formerly", alias = "Früher", queue = "images", priority = -5, max_attempts = 3, timeout = "5m")]
#[job_params]
pub(crate) struct Configured {
    #[param(default)]
    number: u8,
}

impl Execute for Configured {
    type Output = String;

    async fn execute(&self, job: &JobContext) -> JobResult<String> {
        Ok(format!("{} {} in {}", job.name(), self.number(), job.queue()))
    }
}

/// Logs and stores a lot, then ends as it is told: `well`, `error`, `fail` or `cancel`.
#[derive(Job, Debug)]
#[job(retry = fixed("1h"), max_attempts = 2)]
#[job_params]
pub(crate) struct Talk {
    end: String,
}

impl Execute for Talk {
    type Output = String;

    async fn execute(&self, job: &JobContext) -> JobResult<String> {
        job.message("it begins");
        job.warn("it is odd");
        job.error("it is wrong");
        job.set_progress(70);
        job.set_result("half", 0.5)?;
        job.set_result("names", ["ada", "grace"])?;
        match self.end() {
            "well" => Ok("done".to_owned()),
            "error" => Err("it went wrong")?,
            "fail" => Err(JobError::fail("it can't be done")),
            "cancel" => Err(JobError::cancel("nobody wants it")),
            other => panic!("unknown end: {other}"),
        }
    }
}

/// Waits at the gate, which is the worker's state.
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
        tokio::select! {
            () = job.state::<Gate>().pass() => Ok(self.name().to_owned()),
            _ = job.stop_requested() => Err("asked to stop")?,
        }
    }
}
