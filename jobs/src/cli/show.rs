//! `show`.

use clap::Args;
use sea_orm::DatabaseConnection;
use serde_json::{Value, json};

use super::failure::CommandResult;
use super::output::Output;
use super::table::or_nothing;
use super::{durations, table, text, timeline, why};
use crate::client::answers::JobDetails;
use crate::{JobId, JobRecord, JobStatus, Why};

#[derive(Debug, Args)]
pub(super) struct Show {
    /// The job.
    id: JobId,
}

impl Show {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> CommandResult {
        let job = crate::record(db, self.id).await?;
        let attempts = crate::failed_attempts(db, self.id).await?;
        let messages = crate::messages(db, self.id).await?;
        let why = if job.status == JobStatus::Scheduled { Some(crate::why(db, self.id).await?) } else { None };
        let details = JobDetails { job, attempts, messages, why };
        output.show(&details, || {
            let JobDetails { job, attempts, messages, why } = &details;
            let about = table::pairs(about(job, why.as_ref()).into_iter().filter(|(_, value)| !value.is_empty()));
            format!("{about}\n\n{}", timeline::table(job, attempts, messages))
        })
    }
}

fn about(job: &JobRecord, why: Option<&Why>) -> Vec<(&'static str, String)> {
    vec![
        ("job", job.id.to_string()),
        ("name", text::line(&job.name)),
        ("status", job.status.to_string()),
        ("why", or_nothing(why.map(why::sentences))),
        ("queue", text::line(&job.queue)),
        ("priority", job.priority.to_string()),
        ("attempt", format!("{} of {}", job.attempt, job.max_attempts)),
        ("timeout", job.timeout.map(durations::show).unwrap_or_default()),
        ("progress", format!("{} %", job.progress)),
        ("created", table::time(job.created_at)),
        ("due", table::time(job.scheduled_at)),
        ("nominal time", or_nothing(job.nominal_time.map(table::time))),
        ("started", or_nothing(job.started_at.map(table::time))),
        ("ended", or_nothing(job.finished_at.map(table::time))),
        ("worker", or_nothing(job.worker_id)),
        ("user", or_nothing(job.user.as_deref())),
        ("session", or_nothing(job.session.as_deref())),
        ("event", or_nothing(job.event.as_deref())),
        ("parameters", values(&job.parameters)),
        ("results", values(&json!(job.results))),
        ("error", job.last_error.clone().unwrap_or_default()),
    ]
}

/// Named values, one per line.
fn values(values: &Value) -> String {
    match values {
        Value::Object(named) => {
            let lines: Vec<_> = named.iter().map(|(name, value)| text::line(&format!("{name} = {value}"))).collect();
            lines.join("\n")
        }
        other => other.to_string(),
    }
}
