//! `stats`.

use sea_orm::DatabaseConnection;
use serde_json::{Value, json};

use super::failure::CommandResult;
use super::output::Output;
use super::{table, text};
use crate::JobCounts;

const HEADER: [&str; 7] = ["QUEUE", "SCHEDULED", "RUNNING", "CANCELED", "FAILED", "TERMINATED", "ALL"];

pub(super) async fn run(db: &DatabaseConnection, output: Output) -> CommandResult {
    let queues = crate::counts_by_queue(db).await?;
    let all = queues.values().copied().sum();
    let by_queue: Vec<Value> = queues.iter().map(|(queue, jobs)| json!({ "queue": queue, "jobs": jobs })).collect();
    output.show(&json!({ "jobs": all, "queues": by_queue }), || {
        let rows = queues.iter().map(|(queue, jobs)| row(text::line(queue), jobs));
        table::table(&HEADER, &["ALL", "CANCELED", "RUNNING"], rows.chain([row("(all)".into(), &all)]))
    })
}

fn row(queue: String, counts: &JobCounts) -> Vec<String> {
    let counts = [counts.scheduled, counts.running, counts.canceled, counts.failed, counts.terminated, counts.total()];
    [queue].into_iter().chain(counts.map(|count| count.to_string())).collect()
}
