//! `stats`.

use sea_orm::DatabaseConnection;
use serde_json::{Value, json};

use super::failure::CommandResult;
use super::output::Output;
use super::{table, text};
use crate::{JobCounts, JobStatus};

pub(super) async fn run(db: &DatabaseConnection, output: Output) -> CommandResult {
    let queues = crate::counts_by_queue(db).await?;
    let all = queues.values().copied().sum();
    let by_queue: Vec<Value> = queues.iter().map(|(queue, jobs)| json!({ "queue": queue, "jobs": jobs })).collect();
    output.show(&json!({ "jobs": all, "queues": by_queue }), || {
        let rows = queues.iter().map(|(queue, jobs)| row(text::line(queue), jobs));
        let statuses: Vec<_> = JobStatus::ALL.iter().map(JobStatus::to_string).collect();
        let statuses = statuses.iter().map(String::as_str);
        let header: Vec<_> = ["QUEUE"].into_iter().chain(statuses).chain(["ALL"]).collect();
        table::table(&header, &["ALL", "CANCELED", "RUNNING"], rows.chain([row("(all)".into(), &all)]))
    })
}

fn row(queue: String, counts: &JobCounts) -> Vec<String> {
    let counts = JobStatus::ALL.iter().map(|status| counts.of(*status)).chain([counts.total()]);
    [queue].into_iter().chain(counts.map(|count| count.to_string())).collect()
}
