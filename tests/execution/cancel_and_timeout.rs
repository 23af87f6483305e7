//! Jobs that are asked to stop: canceled, or out of time.

use std::time::{Duration, Instant};

use jobs::prelude::*;
use jobs::{AttemptEnd, Cancellation, Error, StopReason};
use jobs_tests::{Database, Gate, PATIENCE, Running, cases, soon};

use crate::support::definitions::{Play, Timed, idle_worker, work, worker, wrong};
use crate::support::rows::{history, until_status};

cases![
    a_running_job_hears_of_its_cancellation_at_once,
    a_cancellation_that_nobody_told_of_is_heard_within_a_heartbeat,
    a_job_that_ignores_its_cancellation_is_dropped_after_the_grace,
    a_success_wins_over_a_cancellation,
    a_canceled_job_is_not_retried_whatever_it_ends_in,
    a_job_that_is_out_of_time_is_retried_and_fails_in_the_end,
    a_time_limit_of_its_own_overrides_the_definitions,
    a_job_that_ends_within_the_grace_after_its_time_has_succeeded,
];

/// Its heartbeats are 100 seconds apart, unless set otherwise.
const SLOW_LEASE: Duration = Duration::from_mins(5);
const WITHIN_A_HEARTBEAT: Duration = Duration::from_secs(50);

async fn a_running_job_hears_of_its_cancellation_at_once(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        let before = job.stop_reason();
        job.state::<Gate>().arrive();
        let reason = job.stop_requested().await;
        job.message(format!("{before:?} {reason} {:?}", job.stop_reason()));
        wrong("asked to stop")
    });
    let running = Running::start(worker.state(gate.clone()).lease(SLOW_LEASE));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    assert_eq!(handle.cancel(t.db()).await.unwrap(), Cancellation::Requested);
    let ended = handle.wait_timeout(t.db(), WITHIN_A_HEARTBEAT).await;
    assert!(matches!(ended, Err(Error::JobCanceled { .. })), "{ended:?}");
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.attempt, record.last_error.as_deref()), (1, Some("canceled")));
    assert!(record.cancel_requested_at <= record.finished_at && record.cancel_requested_at.is_some());
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Canceled)]);
    assert_eq!(handle.messages(t.db()).await.unwrap()[0].text, "None canceled Some(Canceled)");
    running.stop().await;
}

async fn a_cancellation_that_nobody_told_of_is_heard_within_a_heartbeat(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().arrive();
        job.stop_requested().await;
        wrong("asked to stop")
    });
    let heartbeat = Duration::from_millis(200);
    let running = Running::start(worker.state(gate.clone()).lease(SLOW_LEASE).heartbeat(heartbeat));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    request_cancel(&t, handle).await;
    let ended = handle.wait_timeout(t.db(), WITHIN_A_HEARTBEAT).await;
    assert!(matches!(ended, Err(Error::JobCanceled { .. })), "{ended:?}");
    running.stop().await;
}

/// Requests it as another program would.
async fn request_cancel(t: &Database, handle: JobHandle<Play>) {
    let now = t.seconds_from_now(0);
    t.execute(&format!("UPDATE jobs_job SET cancel_requested_at = {now} WHERE id = {handle}")).await;
}

/// Notifies the gate when it is dropped.
struct Dropped(Gate);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.arrive();
    }
}

async fn a_job_that_ignores_its_cancellation_is_dropped_after_the_grace(t: Database) {
    const GRACE: Duration = Duration::from_millis(300);
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        let gate = job.state::<Gate>();
        let _dropped = Dropped(gate.clone());
        gate.pass().await;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()).cancel_grace(GRACE));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let asked = Instant::now();
    handle.cancel(t.db()).await.unwrap();
    gate.arrivals(1).await;
    assert!(asked.elapsed() >= GRACE);
    until_status(&t, handle, JobStatus::Canceled).await;
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Canceled)]);
    running.stop().await;
}

async fn a_success_wins_over_a_cancellation(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok("done")
    });
    let running = Running::start(worker.state(gate.clone()));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    assert_eq!(handle.cancel(t.db()).await.unwrap(), Cancellation::Requested);
    gate.open(1);
    assert_eq!(handle.wait(t.db()).await.unwrap(), "done");
    assert!(handle.record(t.db()).await.unwrap().cancel_requested_at.is_some());
    running.stop().await;
}

async fn a_canceled_job_is_not_retried_whatever_it_ends_in(t: Database) {
    const HOURS: Duration = Duration::from_hours(2);
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        match job.parameter::<String>("name")?.as_str() {
            "error" => wrong("it went wrong"),
            "retry_in" => wrong(JobError::retry_in(HOURS)),
            "snooze" => wrong(JobError::snooze(HOURS)),
            _ => panic!("it blew up"),
        }
    });
    let running = Running::start(worker.state(gate.clone()).concurrency(10));
    let jobs = ["error", "retry_in", "snooze", "panic"].map(|how| Play::new().with_name(how));
    let mut handles = jobs::schedule_all(t.db(), jobs).await.unwrap();
    let jobs = ["error", "retry_in", "snooze", "panic"].map(|how| Play::new().with_name(how));
    handles.extend(jobs::schedule_all(t.db(), jobs).await.unwrap());
    gate.arrivals(8).await;
    // Notified or not: the tables know in any case.
    for handle in &handles[..4] {
        request_cancel(&t, *handle).await;
    }
    for handle in &handles[4..] {
        handle.cancel(t.db()).await.unwrap();
    }
    gate.open(8);
    for handle in handles {
        let ended = soon(handle.wait(t.db())).await;
        assert!(matches!(ended, Err(Error::JobCanceled { .. })), "{ended:?}");
        assert!(handle.record(t.db()).await.unwrap().finished_at.is_some());
    }
    running.stop().await;
}

async fn a_job_that_is_out_of_time_is_retried_and_fails_in_the_end(t: Database) {
    let gate = Gate::default();
    let handle = Timed::new().schedule(t.db()).await.unwrap();
    let worker = worker(&t, |job| async move {
        let _dropped = Dropped(job.state::<Gate>().clone());
        std::future::pending::<()>().await;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()).cancel_grace(Duration::from_millis(50)));
    soon(handle.wait(t.db())).await.unwrap_err();
    running.stop().await;
    assert_eq!(gate.arrived(), 2);
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Timeout), (2, AttemptEnd::Timeout)]);
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.last_error.as_deref()), (JobStatus::Failed, Some("timed out after 100ms")));
    for attempt in handle.failed_attempts(t.db()).await.unwrap() {
        let took = (attempt.ended_at - attempt.started_at.unwrap()).num_milliseconds();
        assert!(took >= 145, "{took} ms");
    }
}

async fn a_time_limit_of_its_own_overrides_the_definitions(t: Database) {
    let shorter = Play::new().schedule(t.db()).timeout(Duration::from_millis(50)).await.unwrap();
    let longer = Timed::new().schedule(t.db()).timeout(Duration::from_mins(1)).await.unwrap();
    work(&t, |job| async move {
        // Three times as long as the definition says, or as long as it takes.
        let patience = if job.name() == "Timed" { Duration::from_millis(300) } else { PATIENCE };
        let asked = tokio::time::timeout(patience, job.stop_requested()).await;
        if asked.is_ok() { Err("asked to stop")? } else { Ok(job.name().to_owned()) }
    })
    .await;
    assert_eq!(history(&t, shorter).await, [(1, AttemptEnd::Timeout)]);
    assert_eq!(shorter.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(longer.output(t.db()).await.unwrap(), "Timed");
    t.make_due().await;
    soon(idle_worker(&t).run_until_idle()).await.unwrap();
    assert_eq!(shorter.status(t.db()).await.unwrap(), JobStatus::Terminated);
    assert_eq!(history(&t, shorter).await, [(1, AttemptEnd::Timeout)]);
}

async fn a_job_that_ends_within_the_grace_after_its_time_has_succeeded(t: Database) {
    let handle = Timed::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        assert_eq!(job.stop_requested().await, StopReason::TimedOut);
        Ok("just in time")
    })
    .await;
    assert_eq!(handle.output(t.db()).await.unwrap(), "just in time");
    assert_eq!(history(&t, handle).await, []);
}
