//! A worker is told to stop while it can't know whether the transaction that finishes a job was committed.

use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Database, Gate, Kind, Proxy, Running, cases};

use crate::support::definitions::{Play, Script};
use crate::support::rows::history;

cases![
    a_worker_that_stops_waits_for_an_answer_about_finish_in if Kind::locks_rows,
    a_worker_that_stops_and_gets_no_answer_about_finish_in_leaves_it_to_others if Kind::locks_rows,
];

/// An answer is waited for that long: longer than code that does not stop.
const LEASE: Duration = Duration::from_secs(4);

/// Starts a worker behind the proxy, and a job whose transaction is committed while its code goes on.
async fn committed(t: &Database, proxy: &Proxy) -> (Running, JobHandle<Play>) {
    let gate = Gate::default();
    let script = Script::new(|job: JobContext| async move {
        let transaction = job.begin().await?;
        job.finish_in(&transaction, &7).await?;
        transaction.commit().await?;
        job.state::<Gate>().arrive();
        std::future::pending::<JobResult>().await
    });
    let db = jobs::connect(proxy.url()).await.unwrap();
    let worker = Worker::new(db).state(script).state(gate.clone()).lease(LEASE).heartbeat(Duration::from_millis(300));
    let running =
        Running::start(worker.cancel_grace(Duration::from_millis(100)).shutdown_grace(Duration::from_millis(100)));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    (running, handle)
}

async fn is_finished_once(t: &Database, handle: JobHandle<Play>) {
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Terminated, 1));
    assert_eq!(handle.wait(t.db()).await.unwrap(), 7);
    assert!(history(t, handle).await.is_empty());
}

async fn a_worker_that_stops_waits_for_an_answer_about_finish_in(t: Database) {
    let proxy = Proxy::before(&t).await;
    let (running, handle) = committed(&t, &proxy).await;
    proxy.forget();
    running.stop().await;
    is_finished_once(&t, handle).await;
    assert_eq!(t.number("SELECT count(*) FROM jobs_worker").await, 0);
}

async fn a_worker_that_stops_and_gets_no_answer_about_finish_in_leaves_it_to_others(t: Database) {
    let proxy = Proxy::before(&t).await;
    let (running, handle) = committed(&t, &proxy).await;
    proxy.stall();
    running.stop().await;
    is_finished_once(&t, handle).await;
}
