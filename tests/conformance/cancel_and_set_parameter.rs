//! Acting on jobs from outside before they have ended: canceling them, changing their parameters.

use jobs::prelude::*;
use jobs::{AttemptEnd, Cancellation, Error};
use jobs_tests::{Database, Gate, Running, cases, soon};
use sea_orm::TransactionTrait as _;
use serde_json::{Value, json};

use crate::support::common::{assert_closed, closed_jobs, refused, undecodable, work, worker_at};
use crate::support::definitions::{Add, Gated, Send, Talk};

cases![
    a_waiting_job_is_canceled_at_once,
    a_job_that_waits_for_its_next_attempt_is_canceled_at_once,
    a_closed_job_is_not_canceled,
    a_running_job_is_asked_to_cancel_and_ends_canceled,
    a_job_may_be_asked_to_cancel_more_than_once,
    a_waiting_job_executes_with_its_new_parameter,
    a_new_parameter_has_to_decode,
    a_parameter_that_is_stored_under_another_name_is_refused_by_that_name,
    a_parameter_that_would_be_refused_at_schedule_is_refused,
    a_running_job_refuses_new_parameters,
    a_closed_job_refuses_new_parameters,
    parameters_that_are_set_at_once_all_land,
    a_parameter_set_in_an_older_transaction_lands_or_fails_and_does_not_hang,
];

async fn a_waiting_job_is_canceled_at_once(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let other = Add::new(2).schedule(t.db()).await.unwrap();
    assert_eq!(handle.cancel(t.db()).await.unwrap(), Cancellation::Done);
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.version, record.attempt), (JobStatus::Canceled, 1, 0));
    assert!(record.finished_at >= Some(record.created_at), "{record:?}");
    assert!(record.cancel_requested_at.is_some(), "{record:?}");
    work(&t).await;
    assert_eq!(handle.record(t.db()).await.unwrap(), record, "a canceled job is not executed");
    assert_eq!(other.status(t.db()).await.unwrap(), JobStatus::Terminated);
}

async fn a_job_that_waits_for_its_next_attempt_is_canceled_at_once(t: Database) {
    let handle = Talk::new("error").schedule(t.db()).await.unwrap();
    work(&t).await;
    assert_eq!(jobs::cancel(t.db(), handle).await.unwrap(), Cancellation::Done);
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Canceled, 1));
    assert!(record.finished_at.is_some(), "{record:?}");
    assert_eq!(record.last_error.as_deref(), Some("it went wrong"));
}

async fn a_closed_job_is_not_canceled(t: Database) {
    for (handle, status) in closed_jobs(&t).await {
        let before = handle.record(t.db()).await.unwrap();
        assert_closed(handle.cancel(t.db()).await, status);
        assert_eq!(handle.record(t.db()).await.unwrap(), before);
    }
    let canceled = Add::new(1).schedule(t.db()).await.unwrap();
    canceled.cancel(t.db()).await.unwrap();
    assert_closed(canceled.cancel(t.db()).await, JobStatus::Canceled);
}

async fn a_running_job_is_asked_to_cancel_and_ends_canceled(t: Database) {
    let gate = Gate::default();
    let handle = Gated::new().schedule(t.db()).await.unwrap();
    // Its heartbeats are 100 seconds apart.
    let slow = Worker::new(t.db().clone()).state(gate.clone()).lease(std::time::Duration::from_mins(5));
    let worker = Running::start(slow);
    gate.arrivals(1).await;
    let began = std::time::Instant::now();
    assert_eq!(handle.cancel(t.db()).await.unwrap(), Cancellation::Requested);
    let end = soon(handle.wait(t.db())).await;
    assert!(matches!(&end, Err(Error::JobCanceled { id, .. }) if *id == handle.id()), "{end:?}");
    assert!(began.elapsed() < std::time::Duration::from_secs(50), "long before the next: {:?}", began.elapsed());
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Canceled, 1));
    assert!(record.cancel_requested_at.is_some() && record.finished_at >= record.cancel_requested_at, "{record:?}");
    let attempts = handle.failed_attempts(t.db()).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.how).collect::<Vec<_>>(), [AttemptEnd::Canceled]);
    worker.stop().await;
}

async fn a_job_may_be_asked_to_cancel_more_than_once(t: Database) {
    let gate = Gate::default();
    let handle = Gated::new().schedule(t.db()).await.unwrap();
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    let transaction = t.db().begin().await.unwrap();
    // In one transaction, so that the job learns of both at once.
    assert_eq!(handle.cancel(&transaction).await.unwrap(), Cancellation::Requested);
    let first = handle.record(&transaction).await.unwrap();
    assert_eq!(handle.cancel(&transaction).await.unwrap(), Cancellation::Requested);
    let second = handle.record(&transaction).await.unwrap();
    assert_eq!(first, second, "the first request counts");
    assert_eq!((first.status, first.finished_at), (JobStatus::Running, None));
    transaction.rollback().await.unwrap();
    gate.open(1);
    assert_eq!(soon(handle.wait(t.db())).await.unwrap(), "", "a request that was rolled back is none");
    worker.stop().await;
}

async fn a_waiting_job_executes_with_its_new_parameter(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    handle.set_parameter(t.db(), "a", 40).await.unwrap();
    jobs::set_parameter(t.db(), handle, "b", 2).await.unwrap();
    handle.set_parameter(t.db(), "extra", ["new"]).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!(record.parameters, json!({"a": 40, "b": 2, "extra": ["new"]}));
    assert_eq!((record.status, record.version), (JobStatus::Scheduled, 3));
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 42);
}

async fn a_new_parameter_has_to_decode(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    assert_eq!(undecodable(handle.set_parameter(t.db(), "a", "one").await), "a");
    assert_eq!(undecodable(handle.set_parameter(t.db(), "b", Value::Null).await), "b");
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.parameters, record.version), (json!({"a": 1, "b": 1}), 0));
    let unknown = jobs_tests::schedule_by_name(t.db(), "nobody knows", json!({"a": 1})).await.unwrap();
    jobs::set_parameter(t.db(), unknown, "a", "one").await.unwrap();
    assert_eq!(jobs::record(t.db(), unknown).await.unwrap().parameters, json!({"a": "one"}));
}

async fn a_parameter_that_is_stored_under_another_name_is_refused_by_that_name(t: Database) {
    let new = Send::new("here").schedule(t.db()).await.unwrap().id();
    let old = jobs_tests::schedule_by_name(t.db(), "Send", json!({"to": "here", "pin": 7})).await.unwrap();
    for (id, stored, other) in [(new, "address", "to"), (old, "to", "address")] {
        match jobs::set_parameter(t.db(), id, other, "there").await {
            Err(Error::InvalidValue { name, reason, .. }) => {
                assert_eq!(name, other);
                assert!(reason.ends_with(&format!("set `{stored}`")), "{reason}");
            }
            other => panic!("{other:?}"),
        }
        jobs::set_parameter(t.db(), id, stored, "there").await.unwrap();
    }
    work(&t).await;
    assert_eq!(jobs::output::<String>(t.db(), new).await.unwrap(), "there 0");
    assert_eq!(jobs::output::<String>(t.db(), old).await.unwrap(), "there 7");
}

async fn a_parameter_that_would_be_refused_at_schedule_is_refused(t: Database) {
    let handle = Talk::new("well").schedule(t.db()).await.unwrap();
    assert_eq!(refused(handle.set_parameter(t.db(), "end", "a\0b").await), "end");
    assert_eq!(refused(handle.set_parameter(t.db(), "na\0me", 1).await), "na\\0me");
    assert_eq!(refused(handle.set_parameter(t.db(), "large", "x".repeat(jobs::MAX_JSON_BYTES)).await), "large");
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.parameters, record.version), (json!({"end": "well"}), 0));
}

async fn a_running_job_refuses_new_parameters(t: Database) {
    let gate = Gate::default();
    let handle = Gated::new().with_name("ada").schedule(t.db()).await.unwrap();
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    let refusal = handle.set_parameter(t.db(), "name", "grace").await;
    assert!(matches!(&refusal, Err(Error::NotScheduled { id, .. }) if *id == handle.id()), "{refusal:?}");
    gate.open(1);
    assert_eq!(soon(handle.wait(t.db())).await.unwrap(), "ada");
    worker.stop().await;
}

async fn a_closed_job_refuses_new_parameters(t: Database) {
    for (handle, status) in closed_jobs(&t).await {
        let before = handle.record(t.db()).await.unwrap();
        assert_closed(handle.set_parameter(t.db(), "end", "well").await, status);
        assert_eq!(handle.record(t.db()).await.unwrap(), before);
    }
}

async fn parameters_that_are_set_at_once_all_land(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let setter = |number: i64| {
        let db = t.db().clone();
        tokio::spawn(async move {
            for round in 0..5 {
                handle.set_parameter(&db, &format!("p{number}_{round}"), number * round).await.unwrap();
            }
        })
    };
    for setter in [1, 2, 3, 4].map(setter) {
        soon(setter).await.unwrap();
    }
    let record = handle.record(t.db()).await.unwrap();
    for number in 1..=4 {
        for round in 0..5 {
            assert_eq!(record.parameter::<i64>(&format!("p{number}_{round}")).unwrap(), number * round);
        }
    }
    assert_eq!(record.version, 20);
}

async fn a_parameter_set_in_an_older_transaction_lands_or_fails_and_does_not_hang(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let other = t.connect().await;
    let transaction = t.db().begin().await.unwrap();
    // If transactions read a snapshot, it is taken here.
    handle.record(&transaction).await.unwrap();
    handle.set_parameter(&other, "a", 40).await.unwrap();
    match soon(handle.set_parameter(&transaction, "b", 2)).await {
        Ok(()) => transaction.commit().await.unwrap(),
        Err(error) => {
            // The caller repeats the transaction.
            assert!(error.is_retryable(), "{error}");
            transaction.rollback().await.unwrap();
            handle.set_parameter(t.db(), "b", 2).await.unwrap();
        }
    }
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 42);
}
