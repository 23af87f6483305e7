//! Why a job waits: each reason, and which of several comes first.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{AttemptEnd, PauseOptions, WaitReason, Why};
use jobs_tests::{Database, Gate, cases};
use sea_orm::TransactionTrait as _;

use crate::support::common::{assert_not_found, assert_read_back, closed_jobs, work, worker_at};
use crate::support::definitions::{Add, Gated, Note, Ping, Talk};

cases![
    a_job_that_is_due_later_says_when,
    a_job_that_failed_says_which_attempt_and_when_the_next_one_is_due,
    a_job_that_snoozes_waits_for_its_time_and_not_for_a_retry,
    a_paused_queue_says_since_when,
    a_queue_without_a_worker_says_when_one_was_last_seen,
    a_name_that_no_worker_of_the_queue_knows_is_told,
    the_jobs_that_are_claimed_before_it_are_counted,
    jobs_that_nobody_claims_are_not_before_it,
    a_long_backlog_is_counted_up_to_ten_thousand,
    a_backlog_of_too_many_names_to_count_is_told,
    workers_that_run_jobs_of_its_queue_may_be_busy,
    a_due_job_that_nothing_holds_is_told,
    several_reasons_are_told_at_once_and_the_decisive_is_the_first,
    a_job_that_runs_or_has_ended_does_not_wait,
    a_job_that_does_not_exist_is_an_error,
    it_is_asked_in_the_transaction_that_schedules_the_job,
];

const QUEUE: &str = "long-running";

/// Inserts a worker elsewhere, whose lease ends in this many seconds.
async fn insert_worker(t: &Database, lease: i64, queue: &str, names: &[&str]) {
    let (now, end) = (t.seconds_from_now(0), t.seconds_from_now(lease));
    let serves = serde_json::json!({ "queues": [queue], "names": names });
    t.execute(&format!(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves)
         VALUES ('far', 'elsewhere', 4711, {now}, {now}, {end}, '{serves}')"
    ))
    .await;
}

/// A live worker that knows the jobs of the cases.
async fn serve(t: &Database) {
    insert_worker(t, 3600, QUEUE, &["Add", "Ping", "Talk"]).await;
}

async fn why(t: &Database, id: impl Into<JobId>) -> Why {
    let why = jobs::why(t.db(), id).await.unwrap();
    assert_read_back(&why);
    why
}

async fn reasons(t: &Database, id: impl Into<JobId>) -> Vec<WaitReason> {
    let why = why(t, id).await;
    assert_eq!(why.status, JobStatus::Scheduled);
    why.reasons
}

/// The only reason.
async fn reason(t: &Database, id: impl Into<JobId>) -> WaitReason {
    let mut reasons = reasons(t, id).await;
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    reasons.remove(0)
}

/// How many jobs are before it, as the only reason; `None` if none are.
async fn before(t: &Database, id: impl Into<JobId>) -> Option<u64> {
    match reason(t, id).await {
        WaitReason::Behind { jobs, or_more: false, .. } => Some(jobs),
        WaitReason::NothingKnown { .. } => None,
        other => panic!("{other:?}"),
    }
}

async fn a_job_that_is_due_later_says_when(t: Database) {
    serve(&t).await;
    let handle = Ping::new().schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    let why = handle.why(t.db()).await.unwrap();
    assert!(matches!(why.reasons[..], [WaitReason::DueLater { at, .. }] if at == record.scheduled_at), "{why:?}");
    assert!(why.asked_at >= record.created_at && why.asked_at < record.scheduled_at, "{why:?} {record:?}");
    t.make_due().await;
    assert!(matches!(reason(&t, handle).await, WaitReason::NothingKnown { .. }));
}

async fn a_job_that_failed_says_which_attempt_and_when_the_next_one_is_due(t: Database) {
    serve(&t).await;
    let handle = Talk::new("error").schedule(t.db()).await.unwrap();
    work(&t).await;
    let record = handle.record(t.db()).await.unwrap();
    let WaitReason::RetryLater { at, attempt, max_attempts, how, error, .. } = reason(&t, handle).await else {
        panic!("it does not wait for its next attempt")
    };
    assert_eq!((at, attempt, max_attempts), (record.scheduled_at, 1, 2));
    assert_eq!((how, error.as_str()), (AttemptEnd::Error, "it went wrong"));
    let text = handle.why(t.db()).await.unwrap().to_string();
    let expected = format!("Job {handle} waits. Attempt 1 of 2 ended (error): it went wrong. The next is due at 2");
    assert!(text.starts_with(&expected), "{text}");
    // Once an operator has retried it, the error is no longer why it waits.
    t.make_due().await;
    work(&t).await;
    handle.retry(t.db()).await.unwrap();
    let later = t.seconds_from_now(3600);
    t.execute(&format!("UPDATE jobs_job SET scheduled_at = {later}")).await;
    assert!(matches!(reason(&t, handle).await, WaitReason::DueLater { .. }));
}

async fn a_job_that_snoozes_waits_for_its_time_and_not_for_a_retry(t: Database) {
    serve(&t).await;
    let handle = Talk::new("error").schedule(t.db()).await.unwrap();
    work(&t).await;
    // As an attempt leaves it that snoozes after one that failed.
    t.execute(&format!("UPDATE jobs_job SET attempt = 2, max_attempts = 3 WHERE id = {handle}")).await;
    assert!(matches!(reason(&t, handle).await, WaitReason::DueLater { .. }));
}

async fn a_paused_queue_says_since_when(t: Database) {
    serve(&t).await;
    let handle = Ping::new().schedule(t.db()).await.unwrap();
    jobs::pause(t.db(), "another").await.unwrap();
    assert_eq!(before(&t, handle).await, None);
    jobs::pause(t.db(), QUEUE).await.unwrap();
    let paused_at = jobs::queues(t.db()).await.unwrap().into_iter().find(|queue| queue.name == QUEUE);
    let paused_at = paused_at.and_then(|queue| queue.paused_at).unwrap();
    let reason = reason(&t, handle).await;
    assert!(matches!(&reason, WaitReason::QueuePaused { queue, since, .. } if queue == QUEUE && *since == paused_at));
    jobs::pause_with(t.db(), QUEUE, PauseOptions::new().reason("too much").lasting(Duration::from_hours(1)))
        .await
        .unwrap();
    let (reason, says) = (self::reason(&t, handle).await, "too much");
    let WaitReason::QueuePaused { since, until, by: None, pause_reason, .. } = reason else { panic!("{reason:?}") };
    assert!(since == paused_at && until > Some(since) && pause_reason.as_deref() == Some(says), "{since} {until:?}");
    let ended = t.seconds_from_now(-1);
    t.execute(&format!("UPDATE jobs_queue SET paused_until = {ended}")).await;
    assert_eq!(before(&t, handle).await, None);
    jobs::resume(t.db(), QUEUE).await.unwrap();
    assert_eq!(before(&t, handle).await, None);
}

async fn a_queue_without_a_worker_says_when_one_was_last_seen(t: Database) {
    let handle = Ping::new().schedule(t.db()).await.unwrap();
    insert_worker(&t, 3600, "another", &["Ping"]).await;
    insert_worker(&t, -1, "another", &["Ping"]).await;
    let reason_now = reason(&t, handle).await;
    assert!(matches!(&reason_now, WaitReason::NoWorker { queue, last_seen_at: None, .. } if queue == QUEUE));
    insert_worker(&t, -1, QUEUE, &["Ping"]).await;
    insert_worker(&t, -1, QUEUE, &["Ping"]).await;
    let first = t.seconds_from_now(-60);
    let id = t.number("SELECT MAX(id) FROM jobs_worker").await - 1;
    t.execute(&format!("UPDATE jobs_worker SET last_seen_at = {first} WHERE id = {id}")).await;
    let latest = jobs::workers(t.db()).await.unwrap().pop().unwrap().last_seen_at;
    let reason_now = reason(&t, handle).await;
    assert!(
        matches!(reason_now, WaitReason::NoWorker { last_seen_at: Some(at), .. } if at == latest),
        "{reason_now:?}"
    );
    serve(&t).await;
    assert_eq!(before(&t, handle).await, None);
}

async fn a_name_that_no_worker_of_the_queue_knows_is_told(t: Database) {
    let handle = Note::new("x").schedule(t.db()).await.unwrap();
    serve(&t).await;
    serve(&t).await;
    insert_worker(&t, -1, QUEUE, &["Note"]).await;
    insert_worker(&t, 3600, "another", &["Note"]).await;
    let WaitReason::UnknownName { queue, name, workers, .. } = reason(&t, handle).await else {
        panic!("its name is known")
    };
    assert_eq!((queue.as_str(), name.as_str(), workers), (QUEUE, "Note", 2));
    insert_worker(&t, 3600, QUEUE, &["Note"]).await;
    assert_eq!(before(&t, handle).await, None);
}

async fn the_jobs_that_are_claimed_before_it_are_counted(t: Database) {
    serve(&t).await;
    // Their order is that of their claim: priority, due time, id; whatever their names.
    let options = JobOptions::new;
    let (past, long_past) = (t.seconds_from_now(-60), t.seconds_from_now(-3600));
    let mut ordered = Vec::new();
    for (options, due, is_add) in [
        (options().priority(-1), &past, true),
        (options().priority(-1), &past, false),
        (options(), &long_past, false),
        (options(), &past, true),
        (options(), &past, false),
        (options(), &past, true),
        (options().priority(1), &long_past, false),
    ] {
        let id = if is_add {
            Add::new(1).schedule(t.db()).options(options).await.unwrap().id()
        } else {
            Ping::new().schedule(t.db()).options(options).await.unwrap().id()
        };
        ordered.push((id, due));
    }
    // Neither another queue nor what is due later is before anything.
    Ping::new().schedule(t.db()).queue("another").priority(-100).await.unwrap();
    Ping::new().schedule(t.db()).priority(-100).delay(Duration::from_hours(1)).await.unwrap();
    // In one statement, so that they are due at the same time.
    let is_past = ordered.iter().filter(|(_, due)| **due == past).map(|(id, _)| id.to_string()).collect::<Vec<_>>();
    t.execute(&format!(
        "UPDATE jobs_job SET scheduled_at = CASE WHEN id IN ({}) THEN {past} ELSE {long_past} END
         WHERE queue = '{QUEUE}' AND priority > -100",
        is_past.join(", ")
    ))
    .await;
    let mut counted = Vec::new();
    for (id, _) in ordered {
        counted.push(before(&t, id).await.unwrap_or(0));
    }
    assert_eq!(counted, [0, 1, 2, 3, 4, 5, 6]);
}

async fn jobs_that_nobody_claims_are_not_before_it(t: Database) {
    jobs::schedule_all(t.db(), [Note::new("a"), Note::new("b")]).await.unwrap();
    Add::new(1).schedule(t.db()).await.unwrap();
    let handle = Ping::new().schedule(t.db()).await.unwrap();
    let all = reasons(&t, handle).await;
    assert!(matches!(all[..], [WaitReason::NoWorker { .. }, WaitReason::Behind { jobs: 3, .. }]), "{all:?}");
    serve(&t).await;
    assert_eq!(before(&t, handle).await, Some(1), "no worker knows notes");
    // One that does not know this job either takes nothing from those that do.
    insert_worker(&t, 3600, QUEUE, &["Note"]).await;
    assert_eq!(before(&t, handle).await, Some(1));
    insert_worker(&t, 3600, QUEUE, &["Note", "Ping"]).await;
    assert_eq!(before(&t, handle).await, Some(3));
}

async fn a_long_backlog_is_counted_up_to_ten_thousand(t: Database) {
    serve(&t).await;
    jobs::schedule_all(t.db(), (0..9_999).map(Add::new)).await.unwrap();
    let first = Ping::new().schedule(t.db()).await.unwrap();
    let second = Ping::new().schedule(t.db()).await.unwrap();
    let third = Ping::new().schedule(t.db()).await.unwrap();
    let past = t.seconds_from_now(-60);
    t.execute(&format!("UPDATE jobs_job SET scheduled_at = {past}")).await;
    assert_eq!((before(&t, first).await, before(&t, second).await), (Some(9_999), Some(10_000)));
    let reason = reason(&t, third).await;
    assert!(matches!(reason, WaitReason::Behind { jobs: 10_000, or_more: true, .. }), "{reason:?}");
    assert_eq!(reason.to_string(), "At least 10,000 jobs are before it in queue `long-running`.");
}

async fn a_backlog_of_too_many_names_to_count_is_told(t: Database) {
    serve(&t).await;
    let handle = Ping::new().schedule(t.db()).await.unwrap();
    // With its own name, as many as are counted.
    for number in 0..19 {
        let unknown = jobs::NamedJob::new(format!("Another{number}"), serde_json::json!({}));
        unknown.schedule(t.db()).queue(QUEUE).await.unwrap();
    }
    assert_eq!(before(&t, handle).await, None, "all names are looked at");
    Note::new("x").schedule(t.db()).await.unwrap();
    let reason = reason(&t, handle).await;
    assert!(matches!(reason, WaitReason::Behind { jobs: 0, or_more: true, .. }), "{reason:?}");
    assert!(reason.to_string().starts_with("Other jobs may be before it in queue"), "{reason}");
}

async fn workers_that_run_jobs_of_its_queue_may_be_busy(t: Database) {
    let gate = Gate::default();
    let worker = jobs_tests::Running::start(Worker::new(t.db().clone()).state(gate.clone()).queue("gated", 1));
    Gated::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let waiting = Gated::new().schedule(t.db()).await.unwrap();
    let elsewhere = Gated::new().schedule(t.db()).queue("another").await.unwrap();
    let reason = reason(&t, waiting).await;
    assert!(matches!(&reason, WaitReason::WorkersBusy { queue, running: 1, .. } if queue == "gated"), "{reason:?}");
    assert!(matches!(reasons(&t, elsewhere).await[..], [WaitReason::NoWorker { .. }]));
    gate.open(2);
    worker.stop().await;
}

async fn a_due_job_that_nothing_holds_is_told(t: Database) {
    serve(&t).await;
    let handle = Ping::new().schedule(t.db()).await.unwrap();
    let transaction = t.db().begin().await.unwrap();
    if t.kind().locks_rows() {
        jobs::set_parameter(&transaction, handle, "held", 1).await.unwrap();
    }
    let why = why(&t, handle).await;
    assert!(matches!(why.reasons[..], [WaitReason::NothingKnown { .. }]), "{why:?}");
    assert!(why.to_string().contains("unless another transaction has locked its row"), "{why}");
    transaction.rollback().await.unwrap();
}

async fn several_reasons_are_told_at_once_and_the_decisive_is_the_first(t: Database) {
    jobs::schedule_all(t.db(), [Ping::new(), Ping::new()]).await.unwrap();
    let handle = Ping::new().schedule(t.db()).priority(1).delay(Duration::from_hours(1)).await.unwrap();
    jobs::pause(t.db(), QUEUE).await.unwrap();
    let later = reasons(&t, handle).await;
    let [WaitReason::DueLater { .. }, WaitReason::QueuePaused { .. }, WaitReason::NoWorker { .. }] = later[..] else {
        panic!("{later:?}")
    };
    t.make_due().await;
    let running = Ping::new().schedule(t.db()).await.unwrap();
    t.execute(&format!("UPDATE jobs_job SET status = 1 WHERE id = {running}")).await;
    insert_worker(&t, 3600, QUEUE, &["Add"]).await;
    let unknown = reasons(&t, handle).await;
    let [WaitReason::QueuePaused { .. }, WaitReason::UnknownName { .. }, WaitReason::Behind { jobs: 2, .. }] =
        unknown[..]
    else {
        panic!("no worker that could execute it is busy: {unknown:?}")
    };
    serve(&t).await;
    let due = why(&t, handle).await;
    let [
        WaitReason::QueuePaused { .. },
        WaitReason::Behind { jobs: 2, .. },
        WaitReason::WorkersBusy { running: 1, .. },
    ] = due.reasons[..]
    else {
        panic!("{due:?}")
    };
    let sentences: Vec<_> = due.reasons.iter().map(ToString::to_string).collect();
    assert_eq!(due.to_string(), format!("Job {handle} waits. {}", sentences.join(" ")));
}

async fn a_job_that_runs_or_has_ended_does_not_wait(t: Database) {
    let gate = Gate::default();
    let running = Gated::new().schedule(t.db()).await.unwrap();
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    let now = why(&t, running).await;
    assert_eq!((now.id, now.status, &now.reasons[..]), (running.id(), JobStatus::Running, &[][..]));
    assert_eq!(now.to_string(), format!("Job {running} does not wait: it is RUNNING."));
    gate.open(1);
    worker.stop().await;
    for (handle, status) in closed_jobs(&t).await {
        let now = handle.why(t.db()).await.unwrap();
        assert_eq!((now.status, &now.reasons[..]), (status, &[][..]));
    }
}

async fn a_job_that_does_not_exist_is_an_error(t: Database) {
    assert_not_found(jobs::why(t.db(), 4711).await, 4711);
}

async fn it_is_asked_in_the_transaction_that_schedules_the_job(t: Database) {
    serve(&t).await;
    let transaction = t.db().begin().await.unwrap();
    let handle = Ping::new().schedule(&transaction).await.unwrap();
    let why = handle.why(&transaction).await.unwrap();
    assert!(matches!(why.reasons[..], [WaitReason::NothingKnown { .. }]), "{why:?}");
    transaction.rollback().await.unwrap();
    assert_not_found(handle.why(t.db()).await, handle);
}
