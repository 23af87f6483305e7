//! Following a job: what is told, in which order, and going on from any event.

use jobs::prelude::*;
use jobs::{JobEvent, JobEventKind};
use jobs_tests::{Database, Gate, Running, cases, soon};

use crate::support::definitions::{Aside, Play, Script, work, worker};
use crate::support::events::{after, next, rest, state, text};
use crate::support::rows::until;

cases![
    states_and_messages_of_all_attempts_are_told_in_order_and_the_end_comes_last,
    whoever_goes_on_after_any_event_is_told_exactly_the_rest,
    whoever_goes_on_while_the_job_runs_is_told_exactly_the_rest,
    a_change_of_progress_or_a_request_to_stop_is_told_once,
    a_job_that_is_retried_after_its_end_is_followed_again,
    more_messages_than_are_read_at_once_are_told_completely,
    secrets_stay_hidden_at_the_end,
];

/// Logs before and after the gate, and succeeds at the third attempt.
fn thrice() -> Script {
    Script::new(|job| async move {
        job.message(format!("{} begins", job.attempt()));
        job.set_progress(50);
        job.state::<Gate>().pass().await;
        job.message(format!("{} goes on", job.attempt()));
        job.message(format!("{} ends", job.attempt()));
        if job.attempt() < 3 { Err("once more")? } else { Ok(7) }
    })
}

const SAID: [&str; 9] =
    ["1 begins", "1 goes on", "1 ends", "2 begins", "2 goes on", "2 ends", "3 begins", "3 goes on", "3 ends"];

/// A job that has three attempts, and the events of one who followed from the start: each attempt goes on when its progress was told.
async fn followed(t: &Database) -> (JobHandle<Aside>, Vec<JobEvent>) {
    let gate = Gate::default();
    let handle = Aside::new().schedule(t.db()).max_attempts(3).await.unwrap();
    let mut stream = handle.watch(t.db());
    let mut events = vec![next(&mut stream).await];
    let running = Running::start(Worker::new(t.db().clone()).state(thrice()).state(gate.clone()));
    while let Some(event) = soon(stream.next()).await {
        let event = event.unwrap();
        if matches!(&event.kind, JobEventKind::State(state) if state.progress == 50 && state.status == JobStatus::Running)
        {
            gate.open(1);
        }
        events.push(event);
    }
    running.stop().await;
    (handle, events)
}

async fn states_and_messages_of_all_attempts_are_told_in_order_and_the_end_comes_last(t: Database) {
    let (handle, events) = followed(&t).await;
    let first = state(&events[0]);
    assert_eq!((first.status, first.attempt, first.progress), (JobStatus::Scheduled, 0, 0));
    assert_eq!(events.iter().filter_map(text).collect::<Vec<_>>(), SAID);
    let JobEventKind::End(record) = &events.last().unwrap().kind else { panic!("{events:#?}") };
    assert_eq!(**record, handle.record(t.db()).await.unwrap());
    assert_eq!(record.output::<u8>().unwrap(), 7);

    let mut known = None;
    for event in &events[..events.len() - 1] {
        match &event.kind {
            JobEventKind::State(state) => {
                assert!(known.as_ref() != Some(state), "told twice: {events:#?}");
                known = Some(state.clone());
            }
            JobEventKind::Message(message) => {
                // The last words of an attempt may come with the next one's state, never before their own.
                let attempt = known.as_ref().unwrap().attempt;
                assert_eq!(attempt, message.attempt, "{events:#?}");
            }
            other => panic!("more than one end: {other:?}"),
        }
    }
}

/// A job that is closed has no more states to tell: the rest are messages and the end.
async fn whoever_goes_on_after_any_event_is_told_exactly_the_rest(t: Database) {
    let (handle, live) = followed(&t).await;
    for (place, event) in live.iter().enumerate() {
        let left: Vec<_> =
            live[place + 1..].iter().filter(|event| !matches!(event.kind, JobEventKind::State(_))).collect();
        let told = rest(after(&t, handle, event)).await;
        assert_eq!(kinds(&told), left.iter().map(|event| &event.kind).collect::<Vec<_>>(), "after {event:?}");
    }
    let all = rest(handle.watch(t.db())).await;
    assert_eq!(all.len(), SAID.len() + 1);
    for (place, event) in all.iter().enumerate() {
        assert_eq!(rest(after(&t, handle, event)).await, all[place + 1..], "after {event:?}");
    }
}

fn kinds(events: &[JobEvent]) -> Vec<&JobEventKind> {
    events.iter().map(|event| &event.kind).collect()
}

async fn whoever_goes_on_while_the_job_runs_is_told_exactly_the_rest(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        (1..=3).for_each(|number| job.message(number.to_string()));
        job.set_progress(20);
        job.state::<Gate>().pass().await;
        job.message("4");
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    until(|| async { handle.messages(t.db()).await.unwrap().len() == 3 }).await;
    let mut events = handle.watch(t.db());
    let mut known = Vec::new();
    for _ in 0..4 {
        known.push(next(&mut events).await);
    }
    assert_eq!((state(&known[0]).attempt, state(&known[0]).progress), (1, 20));
    let mut others = Vec::new();
    for (place, event) in known.iter().enumerate() {
        let mut other = after(&t, handle, event);
        for expected in &known[place + 1..] {
            assert_eq!(&next(&mut other).await, expected);
        }
        others.push(other);
    }
    gate.open(1);
    let expected = rest(events).await;
    assert_eq!(text(&expected[0]), Some("4"));
    for other in others {
        assert_eq!(kinds(&rest(other).await), kinds(&expected));
    }
    running.stop().await;
}

async fn a_change_of_progress_or_a_request_to_stop_is_told_once(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        for percent in [10, 90] {
            job.set_progress(percent);
            job.state::<Gate>().pass().await;
        }
        job.stop_requested().await;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    let mut events = handle.watch(t.db());
    let mut told = Vec::new();
    while let Some(event) = soon(events.next()).await {
        let event = event.unwrap();
        let JobEventKind::State(state) = &event.kind else { break };
        let state = (state.progress, state.cancel_requested_at.is_some());
        match state {
            (10, false) => gate.open(1),
            (90, false) => {
                gate.open(1);
                jobs::cancel(t.db(), handle).await.unwrap();
            }
            _ => {}
        }
        told.push((state, event));
    }
    let states: Vec<_> = told.iter().map(|(state, _)| *state).filter(|(progress, _)| *progress > 0).collect();
    assert!(states.starts_with(&[(10, false), (90, false)]), "{states:?}");
    assert!(states.len() <= 3, "{states:?}");
    running.stop().await;
}

async fn a_job_that_is_retried_after_its_end_is_followed_again(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        job.message(format!("attempt {}", job.attempt()));
        Ok(())
    })
    .await;
    let first = rest(handle.watch(t.db())).await;
    let end = first.last().unwrap();
    assert!(rest(after(&t, handle, end)).await.is_empty());
    handle.retry(t.db()).await.unwrap();
    let mut again = after(&t, handle, end);
    assert_eq!(state(&next(&mut again).await).status, JobStatus::Scheduled);
    work(&t, |job| async move {
        job.message(format!("attempt {}", job.attempt()));
        Ok(())
    })
    .await;
    let rest = rest(again).await;
    assert_eq!(rest.iter().filter_map(text).collect::<Vec<_>>(), ["attempt 2"]);
    assert!(matches!(rest.last().unwrap().kind, JobEventKind::End(_)));
}

async fn more_messages_than_are_read_at_once_are_told_completely(t: Database) {
    let handle = Aside::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        for number in 0..250 {
            job.message(format!("{} {number}", job.attempt()));
        }
        if job.attempt() < 2 { Err("once more")? } else { Ok(()) }
    })
    .await;
    let events = rest(handle.watch(t.db())).await;
    let expected = (1..=2).flat_map(|attempt| (0..250).map(move |number| format!("{attempt} {number}")));
    assert_eq!(events.iter().filter_map(text).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    assert_eq!(events.len(), 501);
    for place in [0, 98, 99, 100, 249, 250, 399, 499, 500] {
        assert_eq!(rest(after(&t, handle, &events[place])).await, events[place + 1..], "after {place}");
    }
}

/// Opens a safe.
#[derive(Job)]
#[job(queue = "safes")]
#[job_params]
struct OpenSafe {
    #[param(secret)]
    code: String,
}

impl Execute for OpenSafe {
    type Output = usize;

    async fn execute(&self, _job: &JobContext) -> JobResult<usize> {
        Ok(self.code().len())
    }
}

async fn secrets_stay_hidden_at_the_end(t: Database) {
    let handle = OpenSafe::new("opensesame").schedule(t.db()).await.unwrap();
    work(&t, |_| async { Ok(()) }).await;
    let events = rest(handle.watch(t.db())).await;
    let JobEventKind::End(record) = &events[0].kind else { panic!("{events:#?}") };
    assert_eq!(record.output::<usize>().unwrap(), 10);
    let json = serde_json::to_string(&events).unwrap();
    assert!(!json.contains("opensesame"), "{json}");
    assert_eq!(serde_json::from_str::<Vec<JobEvent>>(&json).unwrap(), events);
}
