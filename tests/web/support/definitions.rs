//! The jobs that the cases look at.

use std::time::Duration;

use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::{Principal, Role};
use jobs_tests::{Database, soon};
use serde_json::json;

/// Says something, and ends as it is told: `well`, or with this error.
#[derive(Job)]
#[job(queue = "talks")]
#[job_params]
pub(crate) struct Talk {
    end: String,
    #[param(secret, default)]
    password: String,
}

impl Execute for Talk {
    type Output = String;

    async fn execute(&self, job: &JobContext) -> JobResult<String> {
        job.message("it begins");
        job.warn("it is odd");
        job.set_result("half", 0.5)?;
        match self.end() {
            "well" => Ok("it is done".to_owned()),
            error => Err(JobError::fail(error.to_owned())),
        }
    }
}

/// Schedules a job that is due in an hour.
pub(crate) async fn later(t: &Database) -> JobId {
    Talk::new("well").schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap().id()
}

/// Schedules a job that nobody executes.
pub(crate) async fn unserved(t: &Database) -> JobId {
    let job = jobs::NamedJob::new("Unknown", json!({ "size": [1, 2] }));
    job.schedule(t.db()).queue("elsewhere").await.unwrap().id()
}

/// A job that has ended so.
pub(crate) async fn ended(t: &Database, end: &str) -> JobId {
    let job = Talk::new(end).with_password("open sesame").schedule(t.db()).await.unwrap().id();
    soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap();
    job
}

/// Fills the database so that each page shows something, and returns the addresses of all pages.
pub(crate) async fn filled(t: &Database) -> Vec<String> {
    let job = ended(t, &"no ".repeat(1_500)).await;
    unserved(t).await;
    let waits = later(t).await;
    let cron = Cron::new("0 3 * * *");
    cron::add(t.db(), "nightly & more", cron, Talk::new("well")).await.unwrap();
    let ada = jobs::acting_as(t.db(), Principal::new("ada", Role::Admin));
    ada.run_schedule_now("nightly & more").await.unwrap();
    ada.pause("talks & more").await.unwrap();
    let name = "name=nightly%20%26%20more";
    [
        "/overview",
        "/jobs",
        "/queues",
        "/workers",
        "/cron",
        "/audit",
        &format!("/job?id={job}"),
        &format!("/job?id={waits}"),
        &format!("/value?id={job}&of=parameters&name=end"),
        &format!("/delete?id={job}"),
        &format!("/parameter?id={waits}&name=end"),
        &format!("/schedule-again?id={job}"),
        "/definitions",
        "/definition?name=Talk",
        "/schedule-job?name=Measure",
        "/add-schedule",
        "/add-schedule?job=Measure",
        "/operations",
        "/cancel-all?filter=name%3ATalk",
        "/delete-all?filter=name%3ATalk",
        &format!("/schedule?{name}"),
        &format!("/remove-schedule?{name}"),
    ]
    .map(str::to_owned)
    .to_vec()
}
