//! From what the database has to what one who follows a job is told.

use super::event::{JobEvent, JobEventId, JobEventKind, JobState};
use crate::client::record::{JobRecord, Message, percent, unsigned};
use crate::store::entity::message;
use crate::store::watch::News;

/// The events that are told at once.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) events: Vec<JobEvent>,
    /// Whether nothing follows.
    pub(super) is_last: bool,
}

/// Whether one who knows this event knows that the job has ended.
pub(super) fn knows_end(after: JobEventId, news: &News) -> bool {
    news.status.is_closed() && after.version == news.version
}

/// What is told to one who knows everything up to `after`; `None` if there is nothing new. `record` is needed for the end.
pub(super) fn told(after: JobEventId, news: &News, record: Option<&JobRecord>) -> Option<Batch> {
    if knows_end(after, news) {
        return Some(Batch { events: Vec::new(), is_last: true });
    }
    let mut events = Vec::new();
    let mut at = after;
    let (before, current): (Vec<_>, Vec<_>) = news.messages.iter().partition(|message| message.version < news.version);
    for message in before {
        at = JobEventId { version: message.version, message: message.number, ..JobEventId::START };
        events.push(said(at, message));
    }
    // If there are more messages of earlier versions, they come before the state.
    let reaches_state = !news.is_full() || !current.is_empty();
    if reaches_state && !news.status.is_closed() {
        let state = id_of_state(at, news);
        if state != at {
            at = state;
            events.push(JobEvent { id: at, kind: JobEventKind::State(state_of(news)) });
        }
        for message in current {
            at.message = message.number;
            events.push(said(at, message));
        }
    }
    // If the job has changed since, there is another end to come.
    let end = record.filter(|record| news.has_ended() && record.version == news.version);
    if let Some(record) = end {
        events.push(JobEvent { id: id_of_state(at, news), kind: JobEventKind::End(Box::new(record.clone())) });
    }
    (!events.is_empty()).then_some(Batch { events, is_last: end.is_some() })
}

/// The id of the state, told after the event `at`.
fn id_of_state(at: JobEventId, news: &News) -> JobEventId {
    JobEventId {
        version: news.version,
        message: if at.version == news.version { at.message } else { 0 },
        progress: percent(news.progress),
        asked_to_stop: news.cancel_requested_at.is_some(),
    }
}

fn state_of(news: &News) -> JobState {
    JobState {
        status: news.status,
        attempt: unsigned(news.attempt),
        progress: percent(news.progress),
        scheduled_at: news.scheduled_at,
        cancel_requested_at: news.cancel_requested_at,
        last_error: news.last_error.clone(),
    }
}

fn said(id: JobEventId, message: &message::Model) -> JobEvent {
    JobEvent { id, kind: JobEventKind::Message(Message::of(message.clone())) }
}
