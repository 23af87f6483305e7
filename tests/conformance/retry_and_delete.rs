//! Acting on jobs that have ended: retrying them, deleting them.

use jobs::prelude::*;
use jobs_tests::{Database, Gate, cases, soon};

use crate::support::common::{assert_not_closed, assert_not_found, closed_jobs, work, worker_at};
use crate::support::definitions::{Add, Gated, Talk};

cases![
    a_retried_job_keeps_what_it_was_and_loses_what_became_of_it,
    a_retried_job_has_a_fresh_budget_of_attempts,
    every_closed_job_can_be_retried,
    a_job_that_has_not_ended_is_not_retried,
    a_deleted_job_leaves_nothing,
    a_job_that_has_not_ended_is_not_deleted,
];

async fn a_retried_job_keeps_what_it_was_and_loses_what_became_of_it(t: Database) {
    let handle =
        Talk::new("fail").with_options(JobOptions::new().user("ada").priority(3)).schedule(t.db()).await.unwrap();
    work(&t).await;
    let failed = handle.record(t.db()).await.unwrap();
    let (messages, attempts) = (handle.messages(t.db()).await.unwrap(), handle.failed_attempts(t.db()).await.unwrap());
    assert_eq!((messages.len(), attempts.len(), failed.progress), (3, 1, 70));
    handle.retry(t.db()).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.version), (JobStatus::Scheduled, failed.version + 1));
    assert_eq!((&record.parameters, &record.user, record.priority), (&failed.parameters, &failed.user, 3));
    assert_eq!((record.created_at, record.attempt), (failed.created_at, 1));
    assert!(record.scheduled_at >= failed.finished_at.unwrap(), "it is due from now on: {record:?}");
    assert_eq!((record.results.len(), record.progress), (0, 0));
    assert_eq!((record.started_at, record.finished_at, record.cancel_requested_at), (None, None, None));
    assert_eq!(handle.messages(t.db()).await.unwrap(), messages);
    assert_eq!(handle.failed_attempts(t.db()).await.unwrap(), attempts);
    handle.set_parameter(t.db(), "end", "well").await.unwrap();
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), "done");
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, record.last_error), (JobStatus::Terminated, 2, None));
    let said: Vec<_> = handle.messages(t.db()).await.unwrap().iter().map(|said| said.attempt).collect();
    assert_eq!(said, [1, 1, 1, 2, 2, 2]);
}

async fn a_retried_job_has_a_fresh_budget_of_attempts(t: Database) {
    let handle = Talk::new("error").schedule(t.db()).await.unwrap();
    for (round, budget) in [(1, 2), (2, 4), (3, 6)] {
        for attempt in [budget - 1, budget] {
            work(&t).await;
            let record = handle.record(t.db()).await.unwrap();
            assert_eq!((record.attempt, record.max_attempts), (attempt, budget), "round {round}");
            t.make_due().await;
        }
        assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Failed, "round {round}");
        handle.retry(t.db()).await.unwrap();
    }
    // One that had attempts left has no more than it was given.
    let early = Talk::new("fail").schedule(t.db()).await.unwrap();
    work(&t).await;
    early.retry(t.db()).await.unwrap();
    let record = early.record(t.db()).await.unwrap();
    assert_eq!((record.attempt, record.max_attempts), (1, 3));
}

async fn every_closed_job_can_be_retried(t: Database) {
    let closed = closed_jobs(&t).await;
    for (handle, status) in closed {
        jobs::retry(t.db(), handle).await.unwrap();
        assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
        work(&t).await;
        let record = handle.record(t.db()).await.unwrap();
        assert_eq!((record.status, record.attempt), (status, 2));
    }
    let canceled = Add::new(1).schedule(t.db()).await.unwrap();
    canceled.cancel(t.db()).await.unwrap();
    canceled.retry(t.db()).await.unwrap();
    work(&t).await;
    assert_eq!(canceled.output(t.db()).await.unwrap(), 2);
}

async fn a_job_that_has_not_ended_is_not_retried(t: Database) {
    let waiting = Add::new(1).schedule(t.db()).await.unwrap();
    let before = waiting.record(t.db()).await.unwrap();
    assert_not_closed(waiting.retry(t.db()).await, JobStatus::Scheduled);
    assert_eq!(waiting.record(t.db()).await.unwrap(), before);
    let gate = Gate::default();
    let running = Gated::new().schedule(t.db()).await.unwrap();
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    assert_not_closed(running.retry(t.db()).await, JobStatus::Running);
    gate.open(1);
    soon(running.wait(t.db())).await.unwrap();
    worker.stop().await;
    assert_eq!(running.record(t.db()).await.unwrap().attempt, 1);
}

async fn a_deleted_job_leaves_nothing(t: Database) {
    let other = Talk::new("fail").schedule(t.db()).await.unwrap();
    for (handle, _) in closed_jobs(&t).await {
        handle.delete(t.db()).await.unwrap();
        assert_not_found(handle.record(t.db()).await, handle);
        assert_not_found(handle.messages(t.db()).await, handle);
        assert_not_found(handle.failed_attempts(t.db()).await, handle);
        assert_not_found(handle.delete(t.db()).await, handle);
    }
    for (table, rows) in [("jobs_job", 1), ("jobs_message", 3), ("jobs_attempt", 1)] {
        assert_eq!(t.number(&format!("SELECT COUNT(*) FROM {table}")).await, rows, "{table}");
    }
    assert_eq!(other.status(t.db()).await.unwrap(), JobStatus::Failed);
    jobs::delete(t.db(), other).await.unwrap();
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_message").await, 0);
}

async fn a_job_that_has_not_ended_is_not_deleted(t: Database) {
    let waiting = Talk::new("error").schedule(t.db()).await.unwrap();
    work(&t).await;
    assert_not_closed(waiting.delete(t.db()).await, JobStatus::Scheduled);
    assert_eq!(
        (waiting.messages(t.db()).await.unwrap().len(), waiting.failed_attempts(t.db()).await.unwrap().len()),
        (3, 1)
    );
    let gate = Gate::default();
    let running = Gated::new().schedule(t.db()).await.unwrap();
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    assert_not_closed(running.delete(t.db()).await, JobStatus::Running);
    gate.open(1);
    soon(running.wait(t.db())).await.unwrap();
    worker.stop().await;
}
