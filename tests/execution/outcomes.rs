//! What attempts end in.

use jobs::AttemptEnd;
use jobs::prelude::*;
use jobs_tests::{Database, cases, soon};

use crate::definitions::Misbehave;

cases![an_error_is_recorded_and_retried_until_the_attempts_are_used_up];

async fn an_error_is_recorded_and_retried_until_the_attempts_are_used_up(t: Database) {
    let handle = Misbehave::new("error").schedule(t.db()).await.unwrap();
    soon(Worker::new(t.db().clone()).state(jobs_tests::Gate::default()).run_until_idle()).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Scheduled, 1));
    t.make_due().await;
    soon(Worker::new(t.db().clone()).state(jobs_tests::Gate::default()).run_until_idle()).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 2));
    assert_eq!(record.last_error.as_deref(), Some("it went wrong"));
    let attempts = handle.attempts(t.db()).await.unwrap();
    let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.how)).collect();
    assert_eq!(ends, [(1, AttemptEnd::Error), (2, AttemptEnd::Error)]);
}
