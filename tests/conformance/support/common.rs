//! Steps that many cases share.

use std::fmt::Debug;

use jobs::prelude::*;
use jobs::{BulkSummary, Error, JobCounts, JobFilter};
use jobs_tests::{Database, Gate, Running, soon};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

use crate::support::definitions::Talk;

/// Executes what is due.
pub(crate) async fn work(t: &Database) {
    soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap();
}

/// A worker whose jobs wait at the gate.
pub(crate) fn worker_at(t: &Database, gate: &Gate) -> Running {
    Running::start(Worker::new(t.db().clone()).state(gate.clone()))
}

/// Does something once, when progress is reported. The thread waits for it, so the action does, too.
pub(crate) fn once<'f>(what: impl AsyncFnOnce() + Send + 'f) -> impl FnMut(&BulkSummary) + Send + 'f {
    let mut what = Some(what);
    move |_| {
        if let Some(what) = what.take() {
            let runtime = Handle::current();
            std::thread::scope(|scope| scope.spawn(move || runtime.block_on(soon(what()))).join().unwrap());
        }
    }
}

/// The number of jobs.
pub(crate) async fn total(t: &Database) -> u64 {
    counts(t).await.total()
}

/// The number of jobs in each status.
pub(crate) async fn counts(t: &Database) -> JobCounts {
    jobs::counts(t.db(), JobFilter::new()).await.unwrap()
}

/// One job for each way to end.
pub(crate) async fn closed_jobs(t: &Database) -> Vec<(JobHandle<Talk>, JobStatus)> {
    let ends = [("well", JobStatus::Terminated), ("fail", JobStatus::Failed), ("cancel", JobStatus::Canceled)];
    let mut closed = Vec::new();
    for (end, status) in ends {
        closed.push((Talk::new(end).schedule(t.db()).await.unwrap(), status));
    }
    work(t).await;
    closed
}

/// The name of the value that was refused.
#[track_caller]
pub(crate) fn refused<T: Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::InvalidValue { name, reason, .. }) => {
            assert!(!reason.is_empty(), "`{name}` is refused without a reason");
            name
        }
        other => panic!("not refused as invalid: {other:?}"),
    }
}

/// The name of the value that did not decode.
#[track_caller]
pub(crate) fn undecodable<T: Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Decode { name, .. }) => name,
        other => panic!("it decodes: {other:?}"),
    }
}

/// Asserts that there is no such job.
#[track_caller]
pub(crate) fn assert_not_found<T: Debug>(result: Result<T, Error>, expected: impl Into<JobId>) {
    let expected = expected.into();
    match result {
        Err(Error::NotFound { id, .. }) => assert_eq!(id, expected),
        other => panic!("not told that there is no job {expected}: {other:?}"),
    }
}

/// Asserts that the job has ended with this status, and no longer changes.
#[track_caller]
pub(crate) fn assert_closed<T: Debug>(result: Result<T, Error>, expected: JobStatus) {
    match result {
        Err(Error::Closed { status, .. }) => assert_eq!(status, expected),
        other => panic!("not refused as closed: {other:?}"),
    }
}

/// Asserts that the job has not ended, and has this status.
#[track_caller]
pub(crate) fn assert_not_closed<T: Debug>(result: Result<T, Error>, expected: JobStatus) {
    match result {
        Err(Error::NotClosed { status, .. }) => assert_eq!(status, expected),
        other => panic!("not refused as not closed: {other:?}"),
    }
}

/// Asserts that a record is equal to what is read from its JSON.
pub(crate) fn assert_read_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(record: &T) {
    let json = serde_json::to_string(record).unwrap();
    assert_eq!(serde_json::from_str::<T>(&json).unwrap(), *record, "{json}");
}
