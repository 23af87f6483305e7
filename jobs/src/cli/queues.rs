//! `queues`, `pause`, `resume`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::{CommandResult, note};
use super::output::Output;
use super::{durations, table, text};
use crate::client::answers::QueueDone;
use crate::{PauseOptions, QueueRecord, Session};

pub(super) async fn run(db: &DatabaseConnection, output: Output) -> CommandResult {
    let queues = crate::queues(db).await?;
    output.show(&queues, || {
        let header = ["QUEUE", "PAUSED SINCE", "UNTIL", "BY", "REASON", "SCHEDULED", "RUNNING", "DUE FOR"];
        table::table(&header, &["RUNNING"], queues.iter().map(row))
    })
}

fn row(queue: &QueueRecord) -> Vec<String> {
    vec![
        text::line(&queue.name),
        table::or_nothing(queue.paused_at.map(table::time)),
        table::or_nothing(queue.paused_until.map(table::time)),
        table::or_nothing(queue.paused_by.as_deref().map(text::line)),
        table::or_nothing(queue.pause_reason.as_deref().map(text::line)),
        queue.scheduled.to_string(),
        queue.running.to_string(),
        table::or_nothing(queue.oldest_due.map(durations::show)),
    ]
}

#[derive(Debug, Args)]
pub(super) struct Pause {
    #[command(flatten)]
    queue: Queue,

    /// Why, for all who see the queue.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// End the pause after this time, such as 30m or 2h.
    #[arg(long = "for", value_name = "DURATION", value_parser = durations::parse)]
    lasting: Option<Duration>,

    /// End the pause at this time, such as 2026-11-28T10:30:00Z.
    #[arg(long, value_name = "TIME", value_parser = time, conflicts_with = "lasting")]
    until: Option<DateTime<Utc>>,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    text.parse().map_err(|_| format!("`{text}` is not a time: write one with its offset, such as 2026-11-28T10:30:00Z"))
}

impl Pause {
    pub(super) async fn run(self, session: &Session, output: Output) -> CommandResult {
        self.queue.warn_if_unknown(session).await?;
        session.pause_with(&self.queue.queue, self.options()).await?;
        self.queue.show("paused", output)
    }

    fn options(&self) -> PauseOptions {
        let mut options = PauseOptions::new();
        if let Some(reason) = &self.reason {
            options = options.reason(reason);
        }
        if let Some(lasting) = self.lasting {
            options = options.lasting(lasting);
        }
        self.until.map_or(options.clone(), |until| options.until(until))
    }
}

#[derive(Debug, Args)]
pub(super) struct Queue {
    /// The queue.
    queue: String,
}

impl Queue {
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
