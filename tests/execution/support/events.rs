//! The events of a job that a case follows.

use jobs::prelude::*;
use jobs::{JobEvent, JobEventKind, JobEvents, JobState};
use jobs_tests::{Database, soon};

/// The next event.
pub(crate) async fn next(events: &mut JobEvents) -> JobEvent {
    soon(events.next()).await.expect("an event").unwrap()
}

/// All events that are left.
pub(crate) async fn rest(mut events: JobEvents) -> Vec<JobEvent> {
    let mut rest = Vec::new();
    while let Some(event) = soon(events.next()).await {
        rest.push(event.unwrap());
    }
    rest
}

/// The same events, as a process would tell them that has been given this one as text.
pub(crate) fn after(t: &Database, id: impl Into<JobId>, event: &JobEvent) -> JobEvents {
    jobs::watch(t.db(), id).after(event.id.to_string().parse().unwrap())
}

pub(crate) fn text(event: &JobEvent) -> Option<&str> {
    match &event.kind {
        JobEventKind::Message(message) => Some(&message.text),
        _ => None,
    }
}

pub(crate) fn state(event: &JobEvent) -> &JobState {
    match &event.kind {
        JobEventKind::State(state) => state,
        other => panic!("not a state: {other:?}"),
    }
}
