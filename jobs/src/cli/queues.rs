//! `queues`, `pause`, `resume`.

use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::{CommandResult, note};
use super::output::Output;
use super::{durations, table, text};
use crate::client::answers::QueueDone;
use crate::{QueueRecord, Session};

pub(super) async fn run(db: &DatabaseConnection, output: Output) -> CommandResult {
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
        queue.scheduled.to_string(),
        queue.running.to_string(),
        table::or_nothing(queue.oldest_due.map(durations::show)),
    ]
}

#[derive(Debug, Args)]
pub(super) struct Queue {
    /// The queue.
    queue: String,
}

impl Queue {
    pub(super) async fn pause(self, session: &Session, output: Output) -> CommandResult {
        self.warn_if_unknown(session).await?;
        session.pause(&self.queue).await?;
        self.show("paused", output)
    }

    pub(super) async fn resume(self, session: &Session, output: Output) -> CommandResult {
        self.warn_if_unknown(session).await?;
        session.resume(&self.queue).await?;
        self.show("resumed", output)
    }

    /// Warns if the queue is unknown: its name may be misspelled.
    async fn warn_if_unknown(&self, session: &Session) -> CommandResult {
        if !session.queues().await?.iter().any(|queue| queue.name == self.queue) {
            let queue = &self.queue;
            note(&format!(
                "No job waits or runs in the queue {queue}, no live worker serves it, and it is not paused."
            ));
        }
        Ok(())
    }

    fn show(self, done: &'static str, output: Output) -> CommandResult {
        let done = QueueDone { queue: self.queue, done };
        output.show(&done, || format!("queue {} is {}", done.queue, done.done))
    }
}
