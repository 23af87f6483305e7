//! `stats`.

use sea_orm::DatabaseConnection;
use serde_json::json;

use super::failure::Done;
use super::output::Output;
use super::table;
use crate::{JobCounts, JobFilter};

pub(super) async fn run(db: &DatabaseConnection, output: Output) -> Done {
    let counts = crate::counts(db, JobFilter::new()).await?;
    output.show(&json!({ "jobs": counts }), || table::table(&HEADER, [row("all", &counts)]))
}

const HEADER: [&str; 7] = ["QUEUE", "SCHEDULED", "RUNNING", "CANCELED", "FAILED", "TERMINATED", "ALL"];

fn row(queue: &str, counts: &JobCounts) -> Vec<String> {
    let counts = [counts.scheduled, counts.running, counts.canceled, counts.failed, counts.terminated, counts.total()];
    [queue.to_owned()].into_iter().chain(counts.map(|count| count.to_string())).collect()
}
