//! Workers that die, hang, or are taken for dead.

use std::time::{Duration, Instant};

use jobs::AttemptEnd;
use jobs::prelude::*;
use jobs_tests::{Database, Gate, Running, cases, soon};

use crate::support::definitions::{Aside, Once, Play, idle_worker, worker};
use crate::support::rows::{history, insert_worker, take_over, until, until_status, workers};

cases![
    a_worker_that_crashes_loses_its_jobs_to_another,
    a_job_that_may_run_once_fails_with_its_worker,
    jobs_of_a_dead_worker_are_rescued_and_those_of_a_live_one_are_not,
    jobs_without_a_worker_are_rescued_whatever_the_ids_of_live_workers,
    a_canceled_job_of_a_dead_worker_is_canceled,
    a_worker_that_was_taken_for_dead_stops_its_jobs_and_goes_on_under_a_new_id,
    a_worker_whose_row_was_deleted_claims_nothing_until_it_has_joined_again,
    an_attempt_whose_job_its_worker_has_claimed_again_is_asked_to_stop,
    an_attempt_whose_job_its_worker_has_claimed_again_does_not_end_it,
    a_job_whose_claim_was_not_answered_is_given_back_untouched,
];

/// Long enough for a busy machine, and much shorter than the default.
const LEASE: Duration = Duration::from_secs(3);
const HEARTBEAT: Duration = Duration::from_millis(250);

fn quick(worker: Worker) -> Worker {
    worker.lease(LEASE).heartbeat(HEARTBEAT).cancel_grace(Duration::from_millis(100))
}

async fn a_worker_that_crashes_loses_its_jobs_to_another(t: Database) {
    let gate = Gate::default();
    let stuck = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok("the first worker's")
    });
    let doomed = Running::start(quick(stuck.state(gate.clone()).name("the doomed")));
    let handle = Aside::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let rescuer = Running::start(quick(worker(&t, |job| async move { Ok(job.attempt()) })));
    until(|| async { workers(&t).await == 2 }).await;
    // It stays alive for longer than its lease, and keeps its job.
    tokio::time::sleep(LEASE * 2).await;
    assert_eq!(handle.record(t.db()).await.unwrap().attempt, 1);
    let crash = Instant::now();
    doomed.crash();
    assert_eq!(soon(handle.wait(t.db())).await.unwrap(), 2);
    assert!(crash.elapsed() < Duration::from_secs(20), "{:?}", crash.elapsed());
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Lost)]);
    let lost = handle.failed_attempts(t.db()).await.unwrap().remove(0);
    let (reason, pid) = (lost.error.unwrap(), std::process::id());
    assert!(reason.starts_with(&format!("worker `the doomed` (process {pid} on ")), "{reason}");
    assert!(reason.ends_with(") stopped responding") && lost.worker == "the doomed", "{reason}");
    rescuer.stop().await;
}

async fn a_job_that_may_run_once_fails_with_its_worker(t: Database) {
    let gate = Gate::default();
    let stuck = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(())
    });
    let doomed = Running::start(quick(stuck.state(gate.clone())));
    let handle = Once::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    doomed.crash();
    let entered = Gate::default();
    let rescuer = worker(&t, |job| async move {
        job.state::<Gate>().arrive();
        Ok(())
    });
    let rescuer = Running::start(quick(rescuer.state(entered.clone())));
    until_status(&t, handle, JobStatus::Failed).await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.attempt, history(&t, handle).await), (1, vec![(1, AttemptEnd::Lost)]));
    let reason = record.last_error.unwrap();
    assert!(reason.contains("stopped responding") && reason.contains("max_attempts is 1"), "{reason}");
    rescuer.stop().await;
    assert_eq!(entered.arrived(), 0);
}

async fn jobs_of_a_dead_worker_are_rescued_and_those_of_a_live_one_are_not(t: Database) {
    let (dead, live) = (insert_worker(&t, -1, 2).await, insert_worker(&t, 3600, 3600).await);
    let schedule = async |worker: i64| {
        let handle = Play::new().schedule(t.db()).await.unwrap();
        take_over(&t, handle, worker).await;
        handle
    };
    // The live worker's comes first: a worker that rescues sees it before the others.
    let of_live = schedule(live).await;
    let before = of_live.record(t.db()).await.unwrap();
    let (of_dead, of_missing) = (schedule(dead).await, schedule(live + 1000).await);
    let rescuer = Running::start(quick(worker(&t, |job| async move { Ok(job.attempt()) })));
    for handle in [of_dead, of_missing] {
        // At once, although their definition lets them wait for an hour after an error.
        assert_eq!(soon(handle.wait(t.db())).await.unwrap(), 2);
        assert_eq!(handle.record(t.db()).await.unwrap().max_attempts, 5);
        assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Lost)]);
    }
    let lost = async |handle: JobHandle<Play>| {
        let lost = handle.failed_attempts(t.db()).await.unwrap().remove(0);
        (lost.worker, lost.error.unwrap())
    };
    let who = "worker `elsewhere` (process 1 on elsewhere) stopped responding";
    assert_eq!(lost(of_dead).await, ("elsewhere".into(), who.into()));
    let unknown = format!("worker {}", live + 1000);
    assert_eq!(lost(of_missing).await, (unknown.clone(), format!("{unknown} stopped responding")));
    rescuer.stop().await;
    assert_eq!(of_live.record(t.db()).await.unwrap(), before);
    assert_eq!(t.number("SELECT id FROM jobs_worker").await, live);
    assert_eq!(workers(&t).await, 1);
}

async fn jobs_without_a_worker_are_rescued_whatever_the_ids_of_live_workers(t: Database) {
    let (below, _) = (insert_worker(&t, 3600, 0).await, insert_worker(&t, 3600, 0).await);
    let (between, last) = (insert_worker(&t, 3600, 0).await, insert_worker(&t, 3600, 0).await);
    t.execute(&format!("DELETE FROM jobs_worker WHERE id IN ({below}, {between})")).await;
    let rescuer = Running::start(quick(worker(&t, |job| async move { Ok(job.attempt()) })));
    // One after the other: any of them would lead to all.
    for missing in [below, between, last + 1000] {
        let handle = Play::new().schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
        take_over(&t, handle, missing).await;
        assert_eq!(soon(handle.wait(t.db())).await.unwrap(), 2);
        assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Lost)]);
    }
    rescuer.stop().await;
    assert_eq!(workers(&t).await, 2);
}

async fn a_canceled_job_of_a_dead_worker_is_canceled(t: Database) {
    let dead = insert_worker(&t, -1, 2).await;
    let handle = Aside::new().schedule(t.db()).await.unwrap();
    take_over(&t, handle, dead).await;
    handle.cancel(t.db()).await.unwrap();
    let rescuer = Running::start(quick(idle_worker(&t)));
    until(|| async { handle.status(t.db()).await.unwrap().is_closed() }).await;
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Canceled);
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Lost)]);
    rescuer.stop().await;
}

async fn a_worker_that_was_taken_for_dead_stops_its_jobs_and_goes_on_under_a_new_id(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        if job.attempt() > 1 {
            return Ok(job.attempt());
        }
        job.state::<Gate>().arrive();
        job.stop_requested().await;
        job.message("too late");
        job.state::<Gate>().arrive();
        Ok(0)
    });
    let running = Running::start(quick(worker.state(gate.clone())));
    let handle = Aside::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let first = t.number("SELECT id FROM jobs_worker").await;
    // Another worker has deleted its row, and taken its job.
    let other = insert_worker(&t, 3600, 0).await;
    take_over(&t, handle, other).await;
    t.execute(&format!("DELETE FROM jobs_worker WHERE id = {first}")).await;
    gate.arrivals(1).await;
    until(|| async { workers(&t).await == 2 }).await;
    assert!(t.number("SELECT MAX(id) FROM jobs_worker").await > other);
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.worker_id, record.version), (JobStatus::Running, Some(other), 2));
    assert_eq!((handle.messages(t.db()).await.unwrap(), history(&t, handle).await), (vec![], vec![]));
    // In its new session, it works as before.
    let next = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    next.cancel(t.db()).await.unwrap();
    gate.arrivals(1).await;
    assert_eq!(soon(next.wait(t.db())).await.unwrap(), 0);
    running.stop().await;
    assert_eq!(t.number("SELECT id FROM jobs_worker").await, other);
}

/// Its next heartbeat, which would show this, is far away.
async fn a_worker_whose_row_was_deleted_claims_nothing_until_it_has_joined_again(t: Database) {
    let slow = idle_worker(&t).lease(Duration::from_hours(1)).heartbeat(Duration::from_mins(20));
    let running = Running::start(slow);
    until(|| async { workers(&t).await == 1 }).await;
    for _ in 0..3 {
        soon(Aside::new().schedule(t.db()).await.unwrap().wait(t.db())).await.unwrap();
        let deleted = t.number("SELECT id FROM jobs_worker").await;
        t.execute(&format!("DELETE FROM jobs_worker WHERE id = {deleted}")).await;
        let handle = Aside::new().schedule(t.db()).await.unwrap();
        soon(handle.wait(t.db())).await.unwrap();
        let record = handle.record(t.db()).await.unwrap();
        assert_eq!((record.attempt, record.worker_id), (1, Some(t.number("SELECT id FROM jobs_worker").await)));
        assert_ne!(record.worker_id, Some(deleted));
    }
    running.stop().await;
}

/// Others took the job, and gave it back.
async fn take_away(t: &Database, id: impl Into<JobId>) {
    let id = id.into();
    let rows = t.execute(&format!("UPDATE jobs_job SET status = 0, version = version + 1 WHERE id = {id}")).await;
    assert_eq!(rows, 1);
}

async fn an_attempt_whose_job_its_worker_has_claimed_again_is_asked_to_stop(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().arrive();
        if job.attempt() == 1 {
            job.stop_requested().await;
            job.state::<Gate>().arrive();
        }
        Ok(job.attempt())
    });
    let running = Running::start(quick(worker.state(gate.clone())));
    let handle = Aside::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    take_away(&t, handle).await;
    assert_eq!(soon(handle.wait(t.db())).await.unwrap(), 2);
    gate.arrivals(2).await;
    running.stop().await;
    assert_eq!(handle.record(t.db()).await.unwrap().attempt, 2);
}

/// Both end in the same moment.
async fn an_attempt_whose_job_its_worker_has_claimed_again_does_not_end_it(t: Database) {
    const JOBS: u32 = 20;
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(job.attempt())
    });
    let running = Running::start(worker.queue("aside", 100).state(gate.clone()));
    let handles = jobs::schedule_all(t.db(), (0..JOBS).map(|_| Aside::new())).await.unwrap();
    gate.arrivals(JOBS).await;
    for handle in &handles {
        take_away(&t, *handle).await;
    }
    gate.arrivals(JOBS).await;
    gate.open(2 * handles.len());
    for handle in handles {
        assert_eq!(soon(handle.wait(t.db())).await.unwrap(), 2);
        assert_eq!(history(&t, handle).await, []);
    }
    running.stop().await;
}

async fn a_job_whose_claim_was_not_answered_is_given_back_untouched(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(job.attempt())
    });
    let running = Running::start(quick(worker.state(gate.clone()).queue("play", 1)));
    let owned = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let id = t.number("SELECT id FROM jobs_worker").await;
    // Its only slot is taken, so what is given back stays so.
    let stranded = Play::new().schedule(t.db()).await.unwrap();
    take_over(&t, stranded, id).await;
    let start = Instant::now();
    until_status(&t, stranded, JobStatus::Scheduled).await;
    // By the second of its beats, which come ten seconds apart by default.
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    let record = stranded.record(t.db()).await.unwrap();
    assert_eq!((record.attempt, record.max_attempts, record.version), (0, 5, 2));
    assert_eq!(history(&t, stranded).await, []);
    assert_eq!(owned.status(t.db()).await.unwrap(), JobStatus::Running);
    gate.open(2);
    assert_eq!(soon(stranded.wait(t.db())).await.unwrap(), 1);
    assert_eq!(soon(owned.wait(t.db())).await.unwrap(), 1);
    running.stop().await;
}
