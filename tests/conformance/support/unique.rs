//! Unique jobs, each with its own rules.

use jobs::Error;
use jobs::prelude::*;

/// Only one exists with the same parameters.
#[derive(Job, Debug)]
#[job(unique, alias = "Only")]
#[job_params]
pub(crate) struct Solo {
    file: String,
    #[param(default = 32)]
    width: u32,
}

impl Execute for Solo {
    type Output = String;

    async fn execute(&self, _job: &JobContext) -> JobResult<String> {
        if self.file() == "broken" {
            Err(JobError::fail("broken"))
        } else {
            Ok(format!("{} {}", self.file(), self.width()))
        }
    }
}

/// Only one exists with the same file; a second is refused.
#[derive(Job, Debug)]
#[job(unique(by(file), on_conflict = "fail"))]
#[job_params]
pub(crate) struct Strict {
    file: String,
    #[param(default = 1)]
    copies: u32,
}

impl Execute for Strict {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

/// Waits, and is replaced by the next one in the meantime.
#[derive(Job, Debug)]
#[job(unique(by(document), while(scheduled), on_conflict = "replace"))]
#[job_params]
pub(crate) struct Save {
    document: String,
    version: u32,
}

impl Execute for Save {
    type Output = u32;

    async fn execute(&self, _job: &JobContext) -> JobResult<u32> {
        Ok(self.version())
    }
}

/// Only one exists within an hour.
#[derive(Job, Debug)]
#[job(unique(within = "1h"))]
#[job_params]
pub(crate) struct Hourly;

impl Execute for Hourly {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

/// The job that is named by the error.
#[track_caller]
pub(crate) fn existing<T: std::fmt::Debug>(result: Result<T, Error>) -> JobId {
    match result {
        Err(Error::Duplicate { existing, .. }) => existing,
        other => panic!("no duplicate: {other:?}"),
    }
}
