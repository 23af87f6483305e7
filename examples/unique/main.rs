//! Unique jobs: reports that nobody needs twice, payments that must not happen twice, and a document that is saved when its author
//! stops typing.
//!
//! ```sh
//! cargo run --example unique
//! ```

use std::time::Duration;

use jobs::prelude::*;
use jobs::{Error, OnConflict};

/// While one for a month is waiting or running, no second one exists.
#[derive(Job)]
#[job(unique(by(month)))]
#[job_params]
struct Report {
    month: String,
    #[param(default = "screen")]
    asked_by: String,
}

impl Execute for Report {
    type Output = String;

    async fn execute(&self, _: &JobContext) -> JobResult<String> {
        Ok(format!("the report for {}, first asked for by {}", self.month(), self.asked_by()))
    }
}

/// Each version replaces the waiting one, and postpones it.
#[derive(Job)]
#[job(unique(by(document), while(scheduled), on_conflict = "replace"))]
#[job_params]
struct Save {
    document: u64,
    text: String,
}

impl Execute for Save {
    type Output = String;

    async fn execute(&self, _: &JobContext) -> JobResult<String> {
        Ok(self.text().to_owned())
    }
}

#[job_fn]
async fn pay(order: u64) -> JobResult<String> {
    tokio::task::yield_now().await; // stands in for work
    Ok(format!("order {order} is paid"))
}

/// Handles a request that the client may send again because it got no answer.
async fn place_order(db: &impl jobs::Connection, order: u64, request: &str) -> Result<JobHandle<Pay>, Error> {
    Pay::new(order).schedule(db).unique_key(request).unique_within(Duration::from_hours(24)).await
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let work = || Worker::new(db.clone()).run_until_idle();

    let report = Report::new("May").with_asked_by("ada").schedule(&db).await?;
    let again = Report::new("May").with_asked_by("grace").schedule(&db).await?;
    println!("report: job {report}; asked for again: job {again}, {}", existed(again));

    let paid = place_order(&db, 7, "request 1f3a").await?;
    work().await?;
    let again = place_order(&db, 7, "request 1f3a").await?;
    println!("{}: job {paid}; the same request again: job {again}, {}", paid.output(&db).await?, existed(again));
    println!("{}", report.output(&db).await?);

    for text in ["T", "Th", "The end"] {
        Save::new(1, text).schedule(&db).delay(Duration::from_millis(200)).await?;
    }
    let saved = Save::new(1, "The end.").schedule(&db).await?;
    work().await?;
    println!("saved once: {}", saved.output(&db).await?);

    let strict = || Report::new("June").schedule(&db).on_conflict(OnConflict::Fail);
    let first = strict().await?;
    match strict().await {
        Err(Error::Duplicate { existing, .. }) => println!("refused: job {existing} is the same as job {first}"),
        other => println!("not refused: {other:?}"),
    }
    Ok(())
}

fn existed<J>(handle: JobHandle<J>) -> &'static str {
    if handle.existed() { "which existed" } else { "which is new" }
}
