//! Scheduling.

use jobs::prelude::*;
use jobs_tests::{Database, cases, soon};

use crate::definitions::Add;

cases![a_scheduled_job_is_executed_and_its_output_is_typed, a_batch_keeps_its_order];

async fn a_scheduled_job_is_executed_and_its_output_is_typed(t: Database) {
    let handle = Add::new(2).with_b(3).schedule(t.db()).await.unwrap();
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap();
    assert_eq!(handle.output(t.db()).await.unwrap(), 5);
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Terminated);
}

async fn a_batch_keeps_its_order(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..250).map(Add::new)).await.unwrap();
    soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap();
    for (a, handle) in (0..).zip(handles) {
        assert_eq!(handle.output(t.db()).await.unwrap(), a + 1);
    }
}
