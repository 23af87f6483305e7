//! Following a job: what is told, in which order, and going on from any event.

use jobs::prelude::*;
use jobs::{Error, JobEvent, JobEventKind, JobEvents, JobState};
use jobs_tests::{Database, Gate, Kind, Proxy, Running, cases, soon};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use crate::support::definitions::{Aside, Play, Script, work, worker};
use crate::support::rows::{until, until_status};

cases![
    states_and_messages_of_all_attempts_are_told_in_order_and_the_end_comes_last,
    whoever_goes_on_after_any_event_is_told_exactly_the_rest,
    whoever_goes_on_while_the_job_runs_is_told_exactly_the_rest,
    a_change_of_progress_or_a_request_to_stop_is_told_once,
    a_job_that_is_retried_after_its_end_is_followed_again,
    more_messages_than_are_read_at_once_are_told_completely,
    a_job_that_does_not_exist_or_is_deleted_ends_with_not_found,
    secrets_stay_hidden_at_the_end,
    a_job_that_can_t_be_read_ends_its_own_stream_only,
    following_goes_on_after_the_database_was_away if Kind::locks_rows,
    following_goes_on_after_a_connection_has_silently_died if Kind::locks_rows,
    a_message_is_written_only_under_the_lock_of_its_job if Kind::locks_rows,
    messages_become_visible_in_their_order,
];

/// The next event.
async fn next(events: &mut JobEvents) -> JobEvent {
    soon(events.next()).await.expect("an event").unwrap()
}

/// All events that are left.
async fn rest(mut events: JobEvents) -> Vec<JobEvent> {
    let mut rest = Vec::new();
    while let Some(event) = soon(events.next()).await {
        rest.push(event.unwrap());
    }
    rest
}

/// The same events, as a process would tell them that has been given this one as text.
fn after(t: &Database, id: impl Into<JobId>, event: &JobEvent) -> JobEvents {
    jobs::watch(t.db(), id).after(event.id.to_string().parse().unwrap())
}

fn text(event: &JobEvent) -> Option<&str> {
    match &event.kind {
        JobEventKind::Message(message) => Some(&message.text),
        _ => None,
    }
}

fn state(event: &JobEvent) -> &JobState {
    match &event.kind {
        JobEventKind::State(state) => state,
        other => panic!("not a state: {other:?}"),
    }
}

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

async fn a_job_that_does_not_exist_or_is_deleted_ends_with_not_found(t: Database) {
    let mut nothing = jobs::watch(t.db(), 77);
    let error = soon(nothing.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::NotFound { id, .. } if id == JobId::from(77)), "{error:?}");
    assert!(soon(nothing.next()).await.is_none());

    let handle = Play::new().schedule(t.db()).await.unwrap();
    let mut events = handle.watch(t.db());
    let event = next(&mut events).await;
    t.execute("DELETE FROM jobs_job").await;
    for mut events in [events, after(&t, handle, &event)] {
        let error = soon(events.next()).await.unwrap().unwrap_err();
        assert!(matches!(error, Error::NotFound { id, .. } if id == handle.id()), "{error:?}");
        assert!(soon(events.next()).await.is_none());
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

async fn a_job_that_can_t_be_read_ends_its_own_stream_only(t: Database) {
    let [bad, good] = [(); 2].map(|()| Play::new().schedule(t.db()));
    let (bad, good) = (bad.await.unwrap(), good.await.unwrap());
    let (mut bad_events, mut good_events) = (bad.watch(t.db()), good.watch(t.db()));
    for events in [&mut bad_events, &mut good_events] {
        assert_eq!(state(&next(events).await).status, JobStatus::Scheduled);
    }
    let good_rest = tokio::spawn(rest(good_events));
    // A status that no release knows.
    t.execute(&format!("UPDATE jobs_job SET status = 99, version = version + 1 WHERE id = {bad}")).await;
    let error = soon(bad_events.next()).await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Database(_)), "{error:?}");
    assert!(soon(bad_events.next()).await.is_none());
    work(&t, |_| async { Ok(()) }).await;
    let good_rest = soon(good_rest).await.unwrap();
    assert!(matches!(good_rest.last().unwrap().kind, JobEventKind::End(_)));
}

async fn following_goes_on_after_the_database_was_away(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    let handle = Play::new().schedule(t.db()).await.unwrap();
    let mut events = handle.watch(&db);
    assert_eq!(state(&next(&mut events).await).status, JobStatus::Scheduled);
    proxy.stall();
    let following = tokio::spawn(rest(events));
    work(&t, |job| async move {
        job.message("nobody hears this now");
        Ok(())
    })
    .await;
    proxy.cut();
    proxy.flow();
    let rest = soon(following).await.unwrap();
    assert_eq!(rest.iter().filter_map(text).collect::<Vec<_>>(), ["nobody hears this now"]);
    assert!(matches!(rest.last().unwrap().kind, JobEventKind::End(_)));
}

/// It takes as long as a read may take.
async fn following_goes_on_after_a_connection_has_silently_died(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    let handle = Play::new().schedule(t.db()).await.unwrap();
    let mut events = handle.watch(&db);
    assert_eq!(state(&next(&mut events).await).status, JobStatus::Scheduled);
    proxy.forget();
    let following = tokio::spawn(rest(events));
    work(&t, |_| async { Ok(()) }).await;
    let rest = soon(following).await.unwrap();
    assert!(matches!(rest.last().unwrap().kind, JobEventKind::End(_)));
}

/// Says what it is told at the gate, then ends.
fn talker(t: &Database, gate: &Gate) -> Worker {
    let worker = worker(t, |job| async move {
        job.message("one");
        if job.parameter::<String>("name")? == "locked" {
            job.state::<Gate>().pass().await;
            job.message("two");
            job.state::<Gate>().arrive();
            job.state::<Gate>().pass().await;
            job.message("three");
        }
        Ok(())
    });
    worker.state(gate.clone())
}

/// Otherwise messages could be written after those of a later attempt: one who has followed so far would miss them.
async fn a_message_is_written_only_under_the_lock_of_its_job(t: Database) {
    let gate = Gate::default();
    let running = Running::start(talker(&t, &gate));
    let handle = Play::new().with_name("locked").schedule(t.db()).await.unwrap();
    let texts = async || {
        let messages = handle.messages(t.db()).await.unwrap();
        messages.into_iter().map(|message| message.text).collect::<Vec<_>>()
    };
    let others_write = async || {
        let other = Play::new().schedule(t.db()).await.unwrap();
        soon(other.wait(t.db())).await.unwrap();
        assert_eq!(other.messages(t.db()).await.unwrap().len(), 1);
    };
    until(|| async { texts().await == ["one"] }).await;
    gate.arrivals(1).await;

    for (said, is_end) in [(&["one", "two"][..], false), (&["one", "two", "three"], true)] {
        let transaction = t.db().begin().await.unwrap();
        let lock = format!("SELECT id FROM jobs_job WHERE id = {} FOR UPDATE", handle.id());
        transaction.execute_unprepared(&lock).await.unwrap();
        gate.open(1);
        if !is_end {
            gate.arrivals(2).await;
        }
        // The worker writes all that it has at once, what was said before included.
        for _ in 0..3 {
            others_write().await;
        }
        assert_eq!(texts().await, said[..said.len() - 1]);
        transaction.rollback().await.unwrap();
        until(|| async { texts().await == said }).await;
    }
    until_status(&t, handle, JobStatus::Terminated).await;
    running.stop().await;
}

async fn messages_become_visible_in_their_order(t: Database) {
    let worker = worker(&t, |job| async move {
        for number in 0..20 {
            job.message(format!("{} {number}", job.attempt()));
            tokio::time::sleep(std::time::Duration::from_millis(40)).await;
        }
        if job.attempt() < 2 { Err("once more")? } else { Ok(()) }
    });
    let running = Running::start(worker);
    let handle = Aside::new().schedule(t.db()).await.unwrap();
    let mut known = Vec::new();
    while known.len() < 40 {
        let now = soon(handle.messages(t.db())).await.unwrap();
        assert!(now.starts_with(&known), "{known:#?} became {now:#?}");
        known = now;
    }
    running.stop().await;
}
