//! Waiting for jobs to end.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobs::Error;
use jobs::prelude::*;
use jobs_tests::{Database, Gate, cases, soon};
use sea_orm::DatabaseConnection;
use tokio::task::JoinSet;

use crate::support::common::{assert_not_found, work, worker_at};
use crate::support::definitions::{Add, Gated, Ping, Talk};

cases![
    waiting_ends_with_the_output,
    waiting_for_a_job_that_has_ended_returns_at_once,
    waiting_for_a_job_that_fails_ends_with_its_reason,
    waiting_for_a_job_that_is_canceled_ends_with_that,
    waiting_by_id_ends_with_the_record,
    waiting_through_another_connection_ends_too,
    a_wait_has_a_limit_where_one_is_given,
    waiting_for_a_job_that_is_deleted_ends_with_not_found,
    a_retried_job_can_be_waited_for_again,
    many_who_wait_poll_as_one,
    a_waiter_that_is_dropped_does_not_stop_the_others,
    several_wait_for_one_job,
];

async fn waiting_ends_with_the_output(t: Database) {
    let gate = Gate::default();
    let handle = Gated::new().with_name("ada").schedule(t.db()).await.unwrap();
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    let mut wait = pin!(handle.wait(t.db()));
    assert_waits(wait.as_mut()).await;
    gate.open(1);
    assert_eq!(soon(wait).await.unwrap(), "ada");
    worker.stop().await;
}

async fn waiting_for_a_job_that_has_ended_returns_at_once(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    work(&t).await;
    assert_eq!(soon(handle.wait(t.db())).await.unwrap(), 2);
    assert_eq!(soon(handle.wait_timeout(t.db(), Duration::from_secs(30))).await.unwrap(), 2);
}

async fn waiting_for_a_job_that_fails_ends_with_its_reason(t: Database) {
    let handle = Talk::new("fail").schedule(t.db()).await.unwrap();
    let (end, ()) = tokio::join!(soon(handle.wait(t.db())), work(&t));
    assert!(
        matches!(&end, Err(Error::JobFailed { id, reason, .. }) if *id == handle.id() && reason == "it can't be done"),
        "{end:?}"
    );
}

async fn waiting_for_a_job_that_is_canceled_ends_with_that(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let mut wait = pin!(handle.wait(t.db()));
    assert_waits(wait.as_mut()).await;
    handle.cancel(t.db()).await.unwrap();
    let end = soon(wait).await;
    assert!(matches!(&end, Err(Error::JobCanceled { id, .. }) if *id == handle.id()), "{end:?}");
}

async fn waiting_by_id_ends_with_the_record(t: Database) {
    let ended = Talk::new("well").schedule(t.db()).await.unwrap();
    let failed = Talk::new("fail").schedule(t.db()).await.unwrap();
    work(&t).await;
    for handle in [ended, failed] {
        let record = soon(jobs::wait(t.db(), handle.id())).await.unwrap();
        assert_eq!(record, handle.record(t.db()).await.unwrap());
    }
    let record = soon(jobs::wait_timeout(t.db(), failed, Duration::from_secs(30))).await.unwrap();
    assert_eq!(record.status, JobStatus::Failed);
}

async fn waiting_through_another_connection_ends_too(t: Database) {
    let other = t.connect().await;
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let mut wait = pin!(handle.wait(&other));
    assert_waits(wait.as_mut()).await;
    // Nothing in this process announces this end: only the database shows it.
    let now = t.seconds_from_now(0);
    t.execute(&format!("UPDATE jobs_job SET status = 4, results = '{{\"output\": 9}}', finished_at = {now}")).await;
    assert_eq!(soon(wait).await.unwrap(), 9);
}

async fn a_wait_has_a_limit_where_one_is_given(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    for limit in [Duration::ZERO, Duration::from_millis(100)] {
        let end = soon(handle.wait_timeout(t.db(), limit)).await;
        let Err(Error::WaitTimeout { id, waited, .. }) = end else { panic!("{end:?}") };
        assert_eq!((id, waited), (handle.id(), limit));
    }
    let end = soon(jobs::wait_timeout(t.db(), handle, Duration::from_millis(1))).await;
    assert!(matches!(end, Err(Error::WaitTimeout { .. })), "{end:?}");
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 2, "the job goes on");
}

async fn waiting_for_a_job_that_is_deleted_ends_with_not_found(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let mut wait = pin!(handle.wait(t.db()));
    assert_waits(wait.as_mut()).await;
    t.execute("DELETE FROM jobs_job").await;
    assert_not_found(soon(wait).await, handle);
}

async fn a_retried_job_can_be_waited_for_again(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    handle.cancel(t.db()).await.unwrap();
    soon(handle.wait(t.db())).await.unwrap_err();
    handle.retry(t.db()).await.unwrap();
    let mut wait = pin!(handle.wait(t.db()));
    assert_waits(wait.as_mut()).await;
    let (end, ()) = tokio::join!(soon(wait), work(&t));
    assert_eq!(end.unwrap(), 2);
}

/// Starts to wait; the job has not ended yet.
async fn assert_waits<T>(mut wait: std::pin::Pin<&mut impl Future<Output = T>>) {
    // A future is polled before its time is over.
    assert!(tokio::time::timeout(Duration::ZERO, wait.as_mut()).await.is_err(), "it has ended already");
}

/// A connection that counts the statements that ask for the ends of jobs.
async fn counting(t: &Database) -> (DatabaseConnection, Arc<AtomicUsize>) {
    let mut db = t.connect().await;
    let count = Arc::new(AtomicUsize::new(0));
    let counter = count.clone();
    db.set_metric_callback(move |info| {
        if info.statement.sql.contains("SELECT") && info.statement.sql.contains("status") {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    (db, count)
}

async fn many_who_wait_poll_as_one(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..500).map(Add::new)).await.unwrap();
    let (db, polls) = counting(&t).await;
    let begun = Gate::default();
    let waits = || {
        let mut waits = JoinSet::new();
        for handle in handles.clone() {
            let (db, begun) = (db.clone(), begun.clone());
            waits.spawn(async move {
                begun.arrive();
                handle.wait(&db).await.unwrap()
            });
        }
        waits
    };

    // While nothing has ended, one of them polls repeatedly, for all.
    let waiting = waits();
    begun.arrivals(500).await;
    soon(async {
        while polls.load(Ordering::SeqCst) < 5 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    work(&t).await;
    let mut outputs = soon(waiting.join_all()).await;
    outputs.sort_unstable();
    assert_eq!(outputs, (1..=500).collect::<Vec<i64>>());
    // Each has read its record, once. By itself it would have asked at least once before its job has ended, and once after that.
    let polls_of_all = polls.swap(0, Ordering::SeqCst) - 500;
    assert!(polls_of_all < 750, "{polls_of_all} polls by 500 waiters");

    // Waiting again for jobs that have ended needs hardly a poll: alone, each would need one.
    soon(waits().join_all()).await;
    let polls_of_all = polls.load(Ordering::SeqCst) - 500;
    assert!((1..250).contains(&polls_of_all), "{polls_of_all} polls by 500 waiters");
}

async fn a_waiter_that_is_dropped_does_not_stop_the_others(t: Database) {
    let (db, polls) = counting(&t).await;
    let first = Add::new(1).schedule(t.db()).await.unwrap();
    let second = Add::new(2).schedule(t.db()).await.unwrap();
    let mut last = pin!(second.wait(&db));
    {
        let mut leader = Box::pin(first.wait(&db));
        assert_waits(leader.as_mut()).await;
        let mut queued = Box::pin(first.wait(&db));
        assert_waits(queued.as_mut()).await;
        assert_waits(last.as_mut()).await;
        // The one that polls for all is dropped while it polls, and one that waits for its turn is dropped too.
        drop(queued);
        drop(leader);
    }
    let before = polls.load(Ordering::SeqCst);
    tokio::select! {
        end = last.as_mut() => panic!("it has not ended: {end:?}"),
        () = soon(async {
            while polls.load(Ordering::SeqCst) < before + 2 {
                tokio::task::yield_now().await;
            }
        }) => {}
    }
    let now = t.seconds_from_now(0);
    t.execute(&format!("UPDATE jobs_job SET status = 4, results = '{{\"output\": 9}}', finished_at = {now}")).await;
    assert_eq!(soon(last).await.unwrap(), 9);
}

async fn several_wait_for_one_job(t: Database) {
    let handle = Ping::new().schedule(t.db()).await.unwrap();
    let mut first = pin!(handle.wait(t.db()));
    let mut second = pin!(handle.wait(t.db()));
    assert_waits(first.as_mut()).await;
    assert_waits(second.as_mut()).await;
    let hasty = handle.wait_timeout(t.db(), Duration::ZERO).await;
    assert!(matches!(hasty, Err(Error::WaitTimeout { .. })), "{hasty:?}");
    let (first, second, ()) = tokio::join!(soon(first), soon(second), work(&t));
    first.unwrap();
    second.unwrap();
}
