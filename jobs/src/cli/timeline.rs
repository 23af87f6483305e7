//! The events of a job, in order.

use chrono::{DateTime, Utc};

use super::table;
use crate::{Attempt, JobRecord, JobStatus, Message};

/// An event. Of two at the same position, the one with the lower rank was first.
struct Event {
    time: DateTime<Utc>,
    position: DateTime<Utc>,
    rank: u8,
    attempt: Option<u32>,
    what: String,
}

pub(super) fn table(job: &JobRecord, attempts: &[Attempt], messages: &[Message]) -> String {
    let mut events: Vec<_> = of_job(job, attempts).collect();
    events.extend(attempts.iter().flat_map(of_attempt));
    events.extend(messages.iter().map(|message| of_message(message, end_of(message.attempt, job, attempts))));
    events.sort_by_key(|event| (event.position, event.rank));
    let row = |event: Event| {
        let time = event.time.format("%Y-%m-%d %H:%M:%S%.3fZ").to_string();
        vec![time, table::or_nothing(event.attempt), event.what]
    };
    table::table(&["TIME", "ATTEMPT", "WHAT"], &["ATTEMPT"], events.into_iter().map(row))
}

fn of_job(job: &JobRecord, attempts: &[Attempt]) -> impl Iterator<Item = Event> {
    let at = |time, rank, attempt, what: &str| Event { time, position: time, rank, attempt, what: what.into() };
    // The history has the unsuccessful attempts.
    let is_in_history =
        attempts.iter().any(|attempt| attempt.attempt == job.attempt && attempt.started_at == job.started_at);
    let latest = job.started_at.filter(|_| !is_in_history);
    let end = match job.status {
        JobStatus::Canceled => "the job is canceled",
        JobStatus::Failed => "the job has failed",
        _ => "the job has succeeded",
    };
    let is_closed = job.status.is_closed();
    [
        Some(at(job.created_at, 0, None, "scheduled")),
        latest.map(|time| at(time, 1, Some(job.attempt), "started")),
        job.cancel_requested_at.map(|time| at(time, 3, None, "asked to cancel")),
        job.finished_at.filter(|_| is_closed).map(|time| at(time, 5, None, end)),
    ]
    .into_iter()
    .flatten()
}

fn of_attempt(attempt: &Attempt) -> impl Iterator<Item = Event> {
    let number = Some(attempt.attempt);
    let how = attempt.how.to_string().replace('_', " ");
    let why = attempt.error.as_deref().map(|error| format!(": {error}")).unwrap_or_default();
    let start = attempt.started_at.map(|time| Event {
        time,
        position: time,
        rank: 1,
        attempt: number,
        what: format!("started by {}", attempt.worker),
    });
    let end = Event {
        time: attempt.ended_at,
        position: attempt.ended_at,
        rank: 4,
        attempt: number,
        what: format!("ended, {how}{why}"),
    };
    start.into_iter().chain([end])
}

/// A message is listed before its attempt's end: both are written together, and their times may differ slightly.
fn of_message(message: &Message, end: Option<DateTime<Utc>>) -> Event {
    let position = end.map_or(message.time, |end| message.time.min(end));
    let what = format!("{} {}", message.level, message.text);
    Event { time: message.time, position, rank: 2, attempt: Some(message.attempt), what }
}

fn end_of(number: u32, job: &JobRecord, attempts: &[Attempt]) -> Option<DateTime<Utc>> {
    let ended_at = attempts.iter().find(|attempt| attempt.attempt == number).map(|attempt| attempt.ended_at);
    ended_at.or_else(|| job.finished_at.filter(|_| number == job.attempt))
}
