//! Making waiting jobs due now.

use std::time::Duration;

use jobs::Error;
use jobs::prelude::*;
use jobs_tests::{Database, Gate, Running, cases, soon};

use crate::support::common::{assert_closed, assert_not_found, work, worker_at};
use crate::support::definitions::{Add, Gated, Talk};

cases![
    a_job_scheduled_for_later_is_executed_now,
    a_job_that_waits_for_its_next_attempt_has_it_now,
    a_worker_that_sleeps_until_the_job_is_due_is_woken,
    a_job_that_is_due_keeps_its_place,
    a_job_that_does_not_wait_is_not_made_due,
];

async fn a_job_scheduled_for_later_is_executed_now(t: Database) {
    let handle = Add::new(1).schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
    let before = handle.record(t.db()).await.unwrap();
    handle.run_now(t.db()).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.version), (JobStatus::Scheduled, before.version + 1));
    assert!(record.scheduled_at < before.scheduled_at - Duration::from_mins(30), "{record:?}");
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 2);
}

async fn a_job_that_waits_for_its_next_attempt_has_it_now(t: Database) {
    let handle = Talk::new("error").schedule(t.db()).await.unwrap();
    work(&t).await;
    assert_eq!(handle.record(t.db()).await.unwrap().attempt, 1);
    jobs::run_now(t.db(), handle).await.unwrap();
    work(&t).await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, record.max_attempts), (JobStatus::Failed, 2, 2));
}

async fn a_worker_that_sleeps_until_the_job_is_due_is_woken(t: Database) {
    let handle = Add::new(1).schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
    let worker = Running::start(Worker::new(t.db().clone()));
    let first = Add::new(2).schedule(t.db()).await.unwrap();
    soon(first.wait(t.db())).await.unwrap();
    handle.run_now(t.db()).await.unwrap();
    assert_eq!(soon(handle.wait(t.db())).await.unwrap(), 2);
    worker.stop().await;
}

async fn a_job_that_is_due_keeps_its_place(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    t.make_due().await;
    let before = handle.record(t.db()).await.unwrap();
    handle.run_now(t.db()).await.unwrap();
    assert_eq!(handle.record(t.db()).await.unwrap(), before);
}

async fn a_job_that_does_not_wait_is_not_made_due(t: Database) {
    assert_not_found(jobs::run_now(t.db(), 7).await, 7);
    let gate = Gate::default();
    let running = Gated::new().schedule(t.db()).await.unwrap();
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    assert!(matches!(running.run_now(t.db()).await, Err(Error::NotScheduled { .. })));
    gate.open(1);
    soon(running.wait(t.db())).await.unwrap();
    assert_closed(running.run_now(t.db()).await, JobStatus::Terminated);
    worker.stop().await;
}
