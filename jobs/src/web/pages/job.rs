//! One job: all that is stored about it, and what can be done with it.

use askama::Template;
use axum::response::Response;
use chrono::{TimeDelta, Utc};
use serde::Deserialize;

use super::audit::{self, AuditRow};
use super::job_values::{self, Named};
use crate::client::record::MessageKey;
use crate::job::registry;
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::format::{self, Time};
use crate::web::input::Asked;
use crate::web::layout::{Layout, Page, html};
use crate::{Action, Attempt, AuditAction, AuditFilter, AuditRecord, JobEventId, JobId, JobRecord, JobStatus, Message};

/// The most messages on the page, the newest.
const MESSAGES: usize = 500;

/// The most unsuccessful attempts on the page, the newest.
const ATTEMPTS: usize = 100;

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    layout: Layout,
    /// The last event that the page shows; none if nothing follows.
    follow_after: Option<JobEventId>,
    job: JobRecord,
    facts: Vec<(&'static str, String)>,
    times: Vec<(&'static str, Time)>,
    why: Vec<String>,
    parameters: Vec<Named>,
    results: Vec<Named>,
    attempts: Vec<AttemptRow>,
    /// How many there are on the page if there are older ones.
    only_attempts: Option<usize>,
    messages: Vec<MessageRow>,
    only_messages: Option<usize>,
    audit: Vec<AuditRow>,
    has_older_audit: bool,
    may: May,
    error: Option<String>,
}

/// What fits the job's status, for whoever may do it.
#[expect(clippy::struct_excessive_bools, reason = "one for each button or link")]
struct May {
    cancel: bool,
    run_now: bool,
    retry: bool,
    delete: bool,
    view_audit: bool,
    edit: bool,
    schedule_again: bool,
}

struct AttemptRow {
    number: u32,
    worker: String,
    started: Option<Time>,
    took: String,
    how: String,
    error: Option<String>,
}

struct MessageRow {
    key: String,
    time: Time,
    attempt: u32,
    level: &'static str,
    text: String,
}

/// The job, and what has just been done to it.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    id: JobId,
    done: Option<Done>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Canceled,
    Asked,
    Retried,
    Due,
    Scheduled,
    Changed,
}

pub(in crate::web) async fn show(view: Authorized<View>, Asked(which): Asked<Which>) -> Result<Response, Failure> {
    let (session, id, now) = (view.session(), which.id, Utc::now());
    let job = session.record(id).await?;
    let (attempts, are_more_attempts) = session.newest_failed_attempts(id, ATTEMPTS).await?;
    let (messages, are_more_messages) = session.newest_messages(id, MESSAGES).await?;
    let place = JobEventId::of_reader(&job, messages.last().map(|(key, _)| *key));
    let is_waiting = job.status == JobStatus::Scheduled;
    let reasons = if is_waiting { session.why(id).await?.reasons } else { Vec::new() };
    let audit = session.audit(AuditFilter::new().job(id)).await?;
    let notice = which.done.filter(|done| done.is_so(&job, &audit.records)).map(|done| done.text().to_owned());
    html(&JobPage {
        layout: view.layout(Page::Jobs, format!("{} · job {id}", job.name)).with_age(now).with_notice(notice),
        follow_after: (!job.status.is_closed()).then_some(place),
        facts: facts(&job),
        times: times(&job),
        why: reasons.iter().map(ToString::to_string).collect(),
        parameters: job_values::parameters(&job),
        results: job_values::results(&job),
        attempts: attempts.into_iter().map(AttemptRow::of).collect(),
        only_attempts: are_more_attempts.then_some(ATTEMPTS),
        messages: messages.into_iter().map(MessageRow::of).collect(),
        only_messages: are_more_messages.then_some(MESSAGES),
        has_older_audit: audit.next.is_some(),
        audit: audit.records.into_iter().map(|record| audit::row(record, now)).collect(),
        may: May::of(&view, &job),
        error: job.last_error.clone().filter(|_| !job.payload_hidden),
        job,
    })
}

impl Done {
    /// Anyone can make a link that says so.
    fn is_so(self, job: &JobRecord, audit: &[AuditRecord]) -> bool {
        match self {
            Self::Scheduled => job.status == JobStatus::Scheduled,
            Self::Changed => audit.first().is_some_and(|newest| newest.action == AuditAction::SetParameter),
            Self::Canceled => job.status == JobStatus::Canceled,
            Self::Asked => job.status == JobStatus::Running && job.cancel_requested_at.is_some(),
            Self::Retried => !job.status.is_closed(),
            // The database's clock may be a little ahead.
            Self::Due => !job.status.is_closed() && job.scheduled_at <= Utc::now() + TimeDelta::minutes(1),
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::Canceled => "The job is canceled.",
            Self::Asked => "The job runs, and is asked to stop. It ends as soon as it notices.",
            Self::Retried => "The job is scheduled again.",
            Self::Due => "The job is due now.",
            Self::Scheduled => "The job is scheduled.",
            Self::Changed => "The parameter is changed.",
        }
    }
}

fn facts(job: &JobRecord) -> Vec<(&'static str, String)> {
    let optional = [
        ("Timeout", job.timeout.map(format::duration)),
        ("Worker", job.worker_id.map(|id| id.to_string())),
        ("User", job.user.clone()),
        ("Session", job.session.clone()),
        ("Event", job.event.clone()),
    ];
    let known = optional.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let attempt = format!("{} of {}", job.attempt, job.max_attempts);
    [("Priority", job.priority.to_string()), ("Attempt", attempt)].into_iter().chain(known).collect()
}

fn times(job: &JobRecord) -> Vec<(&'static str, Time)> {
    [
        ("Scheduled", Some(job.created_at)),
        ("Due", Some(job.scheduled_at)),
        ("Nominal time", job.nominal_time),
        ("Started", job.started_at),
        ("Asked to stop", job.cancel_requested_at),
        ("Ended", job.finished_at),
    ]
    .into_iter()
    .filter_map(|(name, time)| Some((name, Time::full(time?))))
    .collect()
}

impl May {
    fn of(view: &Authorized<View>, job: &JobRecord) -> Self {
        let (is_waiting, is_closed) = (job.status == JobStatus::Scheduled, job.status.is_closed());
        let is_stopping = job.cancel_requested_at.is_some();
        Self {
            cancel: !is_closed && !is_stopping && view.may(Action::Cancel),
            run_now: is_waiting && job.scheduled_at > Utc::now() && view.may(Action::RunNow),
            retry: is_closed && view.may(Action::Retry),
            delete: is_closed && view.may(Action::Delete),
            view_audit: view.may(Action::ViewAudit),
            edit: is_waiting && !job.payload_hidden && view.may(Action::Edit),
            schedule_again: !job.payload_hidden && registry::find(&job.name).is_some() && view.may(Action::Schedule),
        }
    }
}

impl AttemptRow {
    fn of(attempt: Attempt) -> Self {
        let took = attempt.started_at.map(|start| format::between(start, attempt.ended_at));
        Self {
            number: attempt.attempt,
            worker: attempt.worker,
            started: attempt.started_at.map(Time::full),
            took: took.unwrap_or_default(),
            how: attempt.how.as_str().replace('_', " "),
            error: attempt.error,
        }
    }
}

impl MessageRow {
    fn of((key, message): (MessageKey, Message)) -> Self {
        Self {
            key: format!("{}-{}", key.version, key.number),
            time: Time::full(message.time),
            attempt: message.attempt,
            level: message.level.as_str(),
            text: message.text,
        }
    }
}
