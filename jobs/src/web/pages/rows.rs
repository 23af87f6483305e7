//! Rows of tables that several pages have.

use chrono::{DateTime, Utc};

use crate::web::format::{self, Time};
use crate::{JobId, JobRecord, JobStatus, QueueRecord};

/// A job in a list.
pub(in crate::web) struct JobRow {
    pub(in crate::web) id: JobId,
    pub(in crate::web) name: String,
    pub(in crate::web) status: JobStatus,
    /// What the status does not say, such as the progress.
    pub(in crate::web) detail: String,
    pub(in crate::web) queue: String,
    pub(in crate::web) attempt: String,
    pub(in crate::web) created: Time,
    /// The time that matters in its status: due, started or ended.
    pub(in crate::web) what: &'static str,
    pub(in crate::web) when: Time,
    pub(in crate::web) error: Option<String>,
}

impl JobRow {
    pub(in crate::web) fn of(job: JobRecord, now: DateTime<Utc>) -> Self {
        let (what, when) = latest(&job);
        Self {
            id: job.id,
            detail: detail(&job),
            attempt: format!("{} of {}", job.attempt, job.max_attempts),
            created: Time::relative(job.created_at, now),
            what,
            when: Time::relative(when, now),
            error: job
                .last_error
                .as_deref()
                .filter(|_| !job.payload_hidden)
                .map(|error| format::first_line(error, 200)),
            name: job.name,
            status: job.status,
            queue: job.queue,
        }
    }
}

fn latest(job: &JobRecord) -> (&'static str, DateTime<Utc>) {
    match job.status {
        JobStatus::Scheduled => ("due", job.scheduled_at),
        JobStatus::Running => ("started", job.started_at.unwrap_or(job.scheduled_at)),
        _ => ("ended", job.finished_at.unwrap_or(job.created_at)),
    }
}

fn detail(job: &JobRecord) -> String {
    match job.status {
        JobStatus::Running if job.cancel_requested_at.is_some() => "asked to stop".to_owned(),
        JobStatus::Running if job.progress > 0 => format!("{} %", job.progress),
        JobStatus::Scheduled if job.attempt > 0 => "retry".to_owned(),
        _ => String::new(),
    }
}

/// Since when a queue is paused, and what else is known of that.
pub(in crate::web) struct Paused {
    pub(in crate::web) since: Time,
    pub(in crate::web) until: Option<Time>,
    /// Who paused it.
    pub(in crate::web) by: Option<String>,
    pub(in crate::web) reason: Option<String>,
}

impl Paused {
    fn of(queue: &QueueRecord, now: DateTime<Utc>) -> Option<Self> {
        Some(Self {
            since: Time::relative(queue.paused_at?, now),
            until: queue.paused_until.map(|until| Time::relative(until, now)),
            by: queue.paused_by.clone(),
            reason: queue.pause_reason.clone(),
        })
    }
}

/// A queue in a list.
pub(in crate::web) struct QueueRow {
    pub(in crate::web) name: String,
    pub(in crate::web) paused: Option<Paused>,
    pub(in crate::web) scheduled: String,
    pub(in crate::web) running: String,
    pub(in crate::web) oldest: Option<String>,
}

impl QueueRow {
    pub(in crate::web) fn of(queue: QueueRecord, now: DateTime<Utc>) -> Self {
        Self {
            paused: Paused::of(&queue, now),
            scheduled: format::bounded(queue.scheduled),
            running: format::number(queue.running),
            oldest: queue.oldest_due.map(format::duration),
            name: queue.name,
        }
    }
}
