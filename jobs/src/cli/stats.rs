//! `stats`.

use sea_orm::DatabaseConnection;
use serde_json::{Value, json};

use super::failure::Done;
use super::output::Output;
use super::{table, text};
use crate::{JobCounts, JobFilter};

const HEADER: [&str; 7] = ["QUEUE", "SCHEDULED", "RUNNING", "CANCELED", "FAILED", "TERMINATED", "ALL"];

pub(super) async fn run(db: &DatabaseConnection, output: Output) -> Done {
    let all = crate::counts(db, JobFilter::new()).await?;
    let queues = crate::queues(db).await?;
    let by_queue: Vec<Value> =
        queues.iter().map(|queue| json!({ "queue": queue.name, "jobs": queue.counts })).collect();
    output.show(&json!({ "jobs": all, "queues": by_queue }), || {
        let rows = queues.iter().map(|queue| row(text::line(&queue.name), &queue.counts));
        table::table(&HEADER, &["ALL", "CANCELED", "RUNNING"], rows.chain([row("(all)".into(), &all)]))
    })
}

fn row(queue: String, counts: &JobCounts) -> Vec<String> {
    let counts = [counts.scheduled, counts.running, counts.canceled, counts.failed, counts.terminated, counts.total()];
    [queue].into_iter().chain(counts.map(|count| count.to_string())).collect()
}
