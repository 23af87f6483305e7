//! Blocking code that `execute` does not wait for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobs::prelude::*;
use jobs::{AttemptEnd, Error};
use jobs_tests::{Database, Gate, Running, cases, soon};
use sea_orm::TransactionTrait as _;

use crate::support::block::Block;
use crate::support::definitions::{Aside, Play, worker};
use crate::support::rows::history;

cases![
    code_that_execute_leaves_behind_ends_before_another_attempt_starts,
    code_that_execute_leaves_behind_and_does_not_stop_fails_its_job,
    a_job_is_not_given_back_while_code_that_it_left_behind_goes_on,
    a_success_does_not_wait_for_code_that_it_leaves_behind,
];

/// How much code of a case runs at once, at most.
#[derive(Clone, Default)]
struct Crowd {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Crowd {
    /// Blocks a thread until it is asked to stop, and then for a while.
    fn linger(&self, job: &JobContext) {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        while job.stop_reason().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(200));
        self.now.fetch_sub(1, Ordering::SeqCst);
    }
}

const WAYS_TO_LEAVE: [&str; 5] = ["a time-out of its own", "the stop signal", "a snooze", "a panic", "finish_in"];

/// Leaves code behind that blocks a thread, in one of these ways.
async fn leave(job: &JobContext, code: impl FnOnce() + Send + 'static) -> JobResult {
    let mut code = Box::pin(job.run_blocking(code));
    // It has its thread.
    assert!(futures_util::poll!(&mut code).is_pending());
    match job.parameter::<String>("name")?.as_str() {
        "a time-out of its own" => Ok(tokio::time::timeout(Duration::from_millis(20), code).await?),
        "the stop signal" => tokio::select! {
            () = code => Ok(()),
            _ = job.stop_requested() => Err("stopped")?,
        },
        "a snooze" if job.attempt() == 1 => Err(JobError::snooze(Duration::ZERO)),
        "a panic" => panic!("it blew up"),
        "finish_in" => {
            let transaction = job.db().begin().await?;
            job.finish_in(&transaction, &()).await?;
            transaction.rollback().await?;
            Ok(())
        }
        _ => Err("no more snoozes")?,
    }
}

async fn code_that_execute_leaves_behind_ends_before_another_attempt_starts(t: Database) {
    let crowd = Crowd::default();
    let worker = worker(&t, |job| async move {
        let (crowd, inside) = (job.state::<Crowd>().clone(), job.clone());
        leave(&job, move || crowd.linger(&inside)).await
    });
    let running = Running::start(worker.state(crowd.clone()));
    for way in WAYS_TO_LEAVE {
        let schedule = Aside::new().with_name(way).schedule(t.db()).max_attempts(2);
        let handle = schedule.timeout(Duration::from_millis(100)).await.unwrap();
        let ended = soon(handle.wait(t.db())).await;
        assert!(matches!(ended, Err(Error::JobFailed { .. })), "{way}: {ended:?}");
        let record = handle.record(t.db()).await.unwrap();
        assert!(!record.last_error.as_ref().unwrap().starts_with("did not stop"), "{way}: {record:?}");
        assert_eq!(record.attempt, if way == "a snooze" { 3 } else { 2 }, "{way}: {record:?}");
        assert_eq!(crowd.most.load(Ordering::SeqCst), 1, "{way}");
    }
    running.stop().await;
}

async fn code_that_execute_leaves_behind_and_does_not_stop_fails_its_job(t: Database) {
    let block = Block::default();
    let worker = worker(&t, |job| async move {
        let block = job.state::<Block>().clone();
        leave(&job, move || block.hold()).await
    });
    let running = Running::start(worker.state(block.clone()).cancel_grace(Duration::from_millis(100)));
    for way in WAYS_TO_LEAVE {
        let schedule = Aside::new().with_name(way).schedule(t.db()).max_attempts(2);
        let handle = schedule.timeout(Duration::from_millis(100)).await.unwrap();
        let ended = soon(handle.wait(t.db())).await;
        assert!(matches!(ended, Err(Error::JobFailed { .. })), "{way}: {ended:?}");
        assert_eq!(history(&t, handle).await, [(1, AttemptEnd::DidNotStop)], "{way}");
    }
    block.release();
    running.stop().await;
}

async fn a_job_is_not_given_back_while_code_that_it_left_behind_goes_on(t: Database) {
    let (gate, block) = (Gate::default(), Block::default());
    let worker = worker(&t, |job| async move {
        let (gate, block) = (job.state::<Gate>().clone(), job.state::<Block>().clone());
        let code = move || {
            gate.arrive();
            block.hold();
        };
        leave(&job, code).await
    });
    let worker = worker.state(gate.clone()).state(block.clone()).cancel_grace(Duration::from_millis(100));
    let running = Running::start(worker.shutdown_grace(Duration::ZERO));
    let handle = Play::new().with_name("the stop signal").schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    running.tell_to_stop();
    let ended = running.ended().await;
    assert!(matches!(ended, Err(Error::StillRunning { running: 1, .. })), "{ended:?}");
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Running);
    block.release();
}

async fn a_success_does_not_wait_for_code_that_it_leaves_behind(t: Database) {
    let block = Block::default();
    let worker = worker(&t, |job| async move {
        let (block, inside) = (job.state::<Block>().clone(), job.clone());
        assert!(futures_util::poll!(Box::pin(inside.run_blocking(move || block.hold()))).is_pending());
        Ok("done")
    });
    let running = Running::start(worker.state(block.clone()));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    assert_eq!(soon(handle.wait(t.db())).await.unwrap(), "done");
    block.release();
    running.stop().await;
}
