//! Code that blocks and does not stop when it is asked to.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{AttemptEnd, CancellationToken, Error, metrics};
use jobs_tests::{Database, Gate, Running, cases, soon};

use crate::support::block::Block;
use crate::support::definitions::{Aside, Play, Script, worker};
use crate::support::rows::{history, until, until_status, workers};
use crate::support::telemetry::counted;

cases![
    blocking_code_that_ignores_its_cancellation_fails_and_keeps_its_slot,
    a_blocked_thread_that_ignores_its_cancellation_fails_and_keeps_its_slot,
    blocking_code_that_is_out_of_time_fails_and_is_not_retried,
    a_blocked_thread_that_is_out_of_time_fails_and_is_not_retried,
    blocking_code_that_looks_is_canceled_like_any_other,
    code_that_outlives_its_worker_is_given_to_another_only_when_the_lease_is_over,
    an_end_that_only_the_heartbeat_can_write_is_counted,
];

const OFF_THE_ASYNC_THREADS: &str = "blocking";
const ON_AN_ASYNC_THREAD: &str = "async";

/// Starts a worker with one slot for jobs that block, if their name says so.
fn start(t: &Database, gate: &Gate, block: &Block) -> Running {
    let worker = worker(t, |job| async move {
        let block = job.state::<Block>().clone();
        let name: String = job.parameter("name")?;
        if !name.is_empty() {
            job.state::<Gate>().arrive();
            // The task that was woken by this gets the thread first.
            tokio::task::yield_now().await;
        }
        match name.as_str() {
            OFF_THE_ASYNC_THREADS => job.run_blocking(move || block.hold()).await,
            ON_AN_ASYNC_THREAD => block.hold(),
            _ => {}
        }
        Ok(())
    });
    let worker = worker.queue("play", 1).queue("aside", 4).cancel_grace(Duration::from_millis(100));
    Running::start(worker.state(gate.clone()).state(block.clone()))
}

async fn blocking_code_that_ignores_its_cancellation_fails_and_keeps_its_slot(t: Database) {
    ignores_its_cancellation(t, OFF_THE_ASYNC_THREADS).await;
}

async fn a_blocked_thread_that_ignores_its_cancellation_fails_and_keeps_its_slot(t: Database) {
    ignores_its_cancellation(t, ON_AN_ASYNC_THREAD).await;
}

async fn ignores_its_cancellation(t: Database, how: &str) {
    let (gate, block) = (Gate::default(), Block::default());
    let running = start(&t, &gate, &block);
    let stuck = Play::new().with_name(how).schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let next = Play::new().schedule(t.db()).await.unwrap();
    stuck.cancel(t.db()).await.unwrap();
    until_status(&t, stuck, JobStatus::Failed).await;
    assert_eq!(history(&t, stuck).await, [(1, AttemptEnd::DidNotStop)]);
    let reason = stuck.record(t.db()).await.unwrap().last_error.unwrap();
    assert!(reason.starts_with("did not stop: it was canceled"), "{reason}");
    // The worker continues, but not in the slot that is still taken.
    let aside = Aside::new().schedule(t.db()).await.unwrap();
    soon(aside.wait(t.db())).await.unwrap();
    assert_eq!(next.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    block.release();
    soon(next.wait(t.db())).await.unwrap();
    assert_eq!(stuck.record(t.db()).await.unwrap().status, JobStatus::Failed);
    running.stop().await;
}

async fn blocking_code_that_is_out_of_time_fails_and_is_not_retried(t: Database) {
    is_out_of_time(t, OFF_THE_ASYNC_THREADS).await;
}

async fn a_blocked_thread_that_is_out_of_time_fails_and_is_not_retried(t: Database) {
    is_out_of_time(t, ON_AN_ASYNC_THREAD).await;
}

async fn is_out_of_time(t: Database, how: &str) {
    let (gate, block) = (Gate::default(), Block::default());
    let running = start(&t, &gate, &block);
    let schedule = Play::new().with_name(how).schedule(t.db()).timeout(Duration::from_millis(100));
    let stuck = schedule.max_attempts(3).await.unwrap();
    until_status(&t, stuck, JobStatus::Failed).await;
    block.release();
    running.stop().await;
    let record = stuck.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, gate.arrived()), (JobStatus::Failed, 1, 1));
    assert_eq!(history(&t, stuck).await, [(1, AttemptEnd::DidNotStop)]);
    let reason = record.last_error.unwrap();
    assert!(reason.starts_with("did not stop: its time was over"), "{reason}");
}

async fn blocking_code_that_looks_is_canceled_like_any_other(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().arrive();
        let inside = job.clone();
        job.run_blocking(move || {
            while inside.stop_reason().is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
        })
        .await;
        Err::<(), _>("stopped")?;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    handle.cancel(t.db()).await.unwrap();
    until_status(&t, handle, JobStatus::Canceled).await;
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Canceled)]);
    running.stop().await;
}

async fn code_that_outlives_its_worker_is_given_to_another_only_when_the_lease_is_over(t: Database) {
    let (gate, block) = (Gate::default(), Block::default());
    let quick = |worker: Worker| worker.lease(Duration::from_secs(3)).cancel_grace(Duration::from_millis(100));
    let stuck = worker(&t, |job| async move {
        let block = job.state::<Block>().clone();
        job.state::<Gate>().arrive();
        job.run_blocking(move || block.hold()).await;
        Ok(())
    });
    let stuck = quick(stuck).state(gate.clone()).state(block.clone()).shutdown_grace(Duration::ZERO);
    let running = Running::start(stuck);
    let handle = Aside::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    running.tell_to_stop();
    assert!(matches!(running.ended().await, Err(Error::StillRunning { running: 1, .. })));
    // Nothing claims that it has ended, and its owner's row exists as long as its lease.
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Running);
    assert_eq!(workers(&t).await, 1);
    let rescuer = Running::start(quick(worker(&t, |job| async move { Ok(job.attempt()) })));
    assert_eq!(soon(handle.wait(t.db())).await.unwrap(), 2);
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Lost)]);
    rescuer.stop().await;
    block.release();
}

async fn an_end_that_only_the_heartbeat_can_write_is_counted(t: Database) {
    let (gate, block, stop) = (Gate::default(), Block::default(), CancellationToken::new());
    let (url, queue) = (t.url().to_owned(), t.name().to_owned());
    let (arrives, holds, stopped) = (gate.clone(), block.clone(), stop.clone());
    // A program with one thread, which the job occupies.
    let program = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let script = Script::new(|job| async move {
                job.state::<Gate>().arrive();
                job.state::<Block>().hold();
                Ok(())
            });
            let worker = Worker::new(jobs::connect(url).await.unwrap()).queue(queue, 1).state(script);
            let worker = worker.state(arrives).state(holds).stop_on(stopped);
            worker.lease(Duration::from_secs(2)).cancel_grace(Duration::from_millis(100)).run().await
        })
    });
    let handle = Play::new().schedule(t.db()).queue(t.name()).await.unwrap();
    gate.arrivals(1).await;
    handle.cancel(t.db()).await.unwrap();
    until_status(&t, handle, JobStatus::Failed).await;
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::DidNotStop)]);
    let labels = [("queue", t.name()), ("name", "Play"), ("outcome", "did_not_stop"), ("status", "failed")];
    until(|| async { counted(metrics::FINISHED_TOTAL, &labels) > 0.0 }).await;
    stop.cancel();
    block.release();
    program.join().unwrap().unwrap();
    assert!((counted(metrics::FINISHED_TOTAL, &[("queue", t.name())]) - 1.0).abs() < f64::EPSILON, "counted once");
}
