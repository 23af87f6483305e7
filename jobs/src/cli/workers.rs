//! `workers`.

use sea_orm::DatabaseConnection;

use super::failure::CommandResult;
use super::output::Output;
use super::{table, text};
use crate::WorkerRecord;

pub(super) async fn run(db: &DatabaseConnection, output: Output) -> CommandResult {
    let workers = crate::workers(db).await?;
    output.show(&workers, || {
        let header = ["ID", "NAME", "HOST", "PID", "STARTED", "LAST SEEN", "LIVE", "RUNNING", "QUEUES"];
        table::table(&header, &["HOST", "PID", "STARTED", "QUEUES"], workers.iter().map(row))
    })
}

fn row(worker: &WorkerRecord) -> Vec<String> {
    vec![
        worker.id.to_string(),
        text::line(&worker.name),
        text::line(&worker.host),
        worker.pid.to_string(),
        table::time(worker.started_at),
        table::time(worker.last_seen_at),
        if worker.is_live { "yes" } else { "no" }.into(),
        worker.running.to_string(),
        text::line(&worker.queues.join(", ")),
    ]
}
