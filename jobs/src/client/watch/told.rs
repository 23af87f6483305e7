//! From what the database has to what one who follows a job is told.

use std::sync::Arc;

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
pub(super) fn told(after: JobEventId, news: &News, record: Option<&Arc<JobRecord>>) -> Option<Batch> {
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
        events.push(JobEvent { id: id_of_state(at, news), kind: JobEventKind::End(record.clone()) });
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

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::model::JobStatus;
    use crate::store::watch::MAX_MESSAGES;

    fn news(version: i64, status: JobStatus, messages: impl IntoIterator<Item = (i64, i64)>) -> News {
        let message = |(version, number)| message::Model {
            job_id: 1,
            attempt: 1,
            version,
            number,
            level: 0,
            created_at: DateTime::UNIX_EPOCH,
            text: format!("{version}-{number}"),
        };
        News {
            version,
            status,
            attempt: 1,
            progress: 0,
            scheduled_at: DateTime::UNIX_EPOCH,
            cancel_requested_at: None,
            last_error: None,
            messages: messages.into_iter().map(message).collect(),
        }
    }

    /// The messages that are told, and `state` for a state.
    fn texts(after: JobEventId, news: &News) -> Vec<String> {
        let text = |event: JobEvent| match event.kind {
            JobEventKind::Message(message) => message.text,
            JobEventKind::State(_) => "state".into(),
            JobEventKind::End(_) => "end".into(),
        };
        told(after, news, None).map_or_else(Vec::new, |batch| batch.events.into_iter().map(text).collect())
    }

    #[test]
    fn a_state_comes_after_the_messages_of_earlier_versions_and_before_its_own() {
        let news = news(3, JobStatus::Running, [(1, 1), (1, 2), (3, 1)]);
        assert_eq!(texts(JobEventId::START, &news), ["1-1", "1-2", "state", "3-1"]);
    }

    #[test]
    fn a_state_waits_until_the_messages_of_earlier_versions_are_read() {
        let full = news(3, JobStatus::Running, (1..).map(|number| (1, number)).take(MAX_MESSAGES));
        assert!(!texts(JobEventId::START, &full).contains(&"state".into()));
        let reaches = news(3, JobStatus::Running, (1..100).map(|number| (1, number)).chain([(3, 1)]));
        assert!(texts(JobEventId::START, &reaches).ends_with(&["state".into(), "3-1".into()]));
    }

    #[test]
    fn what_is_known_is_not_told() {
        let known = JobEventId { version: 3, message: 4, progress: 0, asked_to_stop: false };
        assert!(told(known, &news(3, JobStatus::Running, []), None).is_none());
        assert_eq!(texts(known, &news(3, JobStatus::Running, [(3, 5)])), ["3-5"]);
        assert_eq!(
            texts(JobEventId { progress: 10, ..known }, &news(3, JobStatus::Running, [(3, 5)])),
            ["state", "3-5"]
        );
    }

    #[test]
    fn nothing_follows_the_end() {
        let end = JobEventId { version: 4, message: 0, progress: 100, asked_to_stop: false };
        let batch = told(end, &news(4, JobStatus::Terminated, []), None).unwrap();
        assert!(batch.is_last && batch.events.is_empty());
    }
}
