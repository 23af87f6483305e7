//! `queues`, `pause`, `resume`.

use clap::Args;
use sea_orm::DatabaseConnection;
use serde_json::json;

use super::failure::Done;
use super::output::Output;
use super::{durations, table, text};
use crate::QueueRecord;

pub(super) async fn run(db: &DatabaseConnection, output: Output) -> Done {
    let queues = crate::queues(db).await?;
    output.show(&queues, || {
        let header = ["QUEUE", "PAUSED SINCE", "SCHEDULED", "RUNNING", "DUE FOR"];
        table::table(&header, &["RUNNING"], queues.iter().map(row))
    })
}

fn row(queue: &QueueRecord) -> Vec<String> {
    vec![
        text::line(&queue.name),
        table::or_nothing(queue.paused_at.map(table::time)),
        queue.counts.scheduled.to_string(),
        queue.counts.running.to_string(),
        table::or_nothing(queue.oldest_due.map(durations::show)),
    ]
}

#[derive(Debug, Args)]
pub(super) struct Queue {
    /// The queue.
    queue: String,
}

impl Queue {
    pub(super) async fn pause(self, db: &DatabaseConnection, output: Output) -> Done {
        crate::pause(db, &self.queue).await?;
        self.show("paused", output)
    }

    pub(super) async fn resume(self, db: &DatabaseConnection, output: Output) -> Done {
        crate::resume(db, &self.queue).await?;
        self.show("resumed", output)
    }

    fn show(&self, done: &str, output: Output) -> Done {
        output.show(&json!({ "queue": self.queue, "done": done }), || format!("queue {} is {done}", self.queue))
    }
}
