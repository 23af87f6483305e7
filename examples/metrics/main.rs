//! Prints a worker's metrics in Prometheus format.
//!
//! ```sh
//! cargo run --example metrics
//! ```
//!
//! A service would serve the same text under `/metrics`, or let `metrics-exporter-prometheus` do so (its feature
//! `http-listener`). `jobs::metrics` lists all metrics.

use std::time::Duration;

use jobs::BoxError;
use jobs::prelude::*;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};

/// Sends a newsletter to one reader.
#[derive(Job)]
#[job(queue = "mail", max_attempts = 2, retry = fixed("1s"))]
#[job_params]
struct Newsletter {
    reader: String,
}

impl Execute for Newsletter {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        // This event is in the attempt's span: job, name, queue, attempt and worker are printed with it.
        tracing::info!(reader = self.reader(), "sending");
        tokio::time::sleep(Duration::from_millis(20)).await;
        match self.reader() {
            "nobody" => Err(JobError::fail("there is no such reader")),
            "later" if job.attempt() == 1 => Err("the mailbox is full".into()),
            _ => Ok(()),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    // One recorder for the whole program: everything that uses the `metrics` facade goes there.
    let metrics = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &[0.01, 0.1, 1.0, 10.0, 60.0])?
        .install_recorder()?;

    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let readers = ["ada", "grace", "nobody", "later"].map(Newsletter::new);
    jobs::schedule_all(&db, readers).await?;
    Newsletter::new("tomorrow").schedule(&db).delay(Duration::from_hours(24)).await?;

    Worker::new(db.clone()).sample_queues(Duration::from_secs(15)).run_until_idle().await?;
    // Required from time to time without a reader; the exporter's listener does it itself.
    metrics.run_upkeep();
    print!("{}", metrics.render());
    Ok(())
}
