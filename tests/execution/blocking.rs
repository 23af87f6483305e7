//! Code that blocks and does not stop when it is asked to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use jobs::prelude::*;
use jobs::{AttemptEnd, CancellationToken, Error, metrics};
use jobs_tests::{Database, Gate, PATIENCE, Running, cases, soon};
use sea_orm::TransactionTrait as _;

use crate::support::definitions::{Aside, Play, Script, worker};
use crate::support::rows::{history, until, until_status, workers};
use crate::support::telemetry::counted;

cases![
    blocking_code_that_ignores_its_cancellation_fails_and_keeps_its_slot,
    a_blocked_thread_that_ignores_its_cancellation_fails_and_keeps_its_slot,
    blocking_code_that_is_out_of_time_fails_and_is_not_retried,
    a_blocked_thread_that_is_out_of_time_fails_and_is_not_retried,
    blocking_code_that_looks_is_canceled_like_any_other,
    code_that_execute_leaves_behind_ends_before_another_attempt_starts,
    code_that_execute_leaves_behind_and_does_not_stop_fails_its_job,
    a_job_is_not_given_back_while_code_that_it_left_behind_goes_on,
    a_success_does_not_wait_for_code_that_it_leaves_behind,
    code_that_outlives_its_worker_is_given_to_another_only_when_the_lease_is_over,
    an_end_that_only_the_heartbeat_can_write_is_counted,
];

/// Holds a thread until it is released.
#[derive(Clone, Default)]
struct Block(Arc<AtomicBool>);

impl Block {
    fn hold(&self) {
        let start = Instant::now();
        while !self.0.load(Ordering::SeqCst) && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn release(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

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
