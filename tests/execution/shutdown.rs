//! Workers that are told to stop, or have nothing left to do.

use std::time::{Duration, Instant};

use jobs::prelude::*;
use jobs::{AttemptEnd, CancellationToken, Error};
use jobs_tests::{Database, Gate, Kind, PATIENCE, Running, cases, soon};
use sea_orm::DatabaseConnection;

use crate::support::definitions::{Aside, Once, Play, Script, idle_worker, work, worker, wrong};
use crate::support::rows::{history, insert_job, until, workers};

cases![
    running_jobs_may_finish_within_the_grace_and_no_others_start,
    a_job_that_is_still_running_after_the_grace_is_given_back,
    a_job_that_ignores_the_shutdown_is_dropped_and_given_back,
    a_job_with_a_single_attempt_fails_instead_of_being_given_back,
    a_job_that_ends_well_when_it_is_asked_to_stop_has_succeeded,
    a_canceled_job_is_not_given_back,
    a_worker_whose_pool_is_closed_ends_and_says_so,
    a_worker_whose_database_in_memory_is_closed_ends_and_says_so if Kind::can_be_in_memory,
    no_job_is_running_when_the_worker_has_stopped,
    a_worker_that_is_told_to_stop_while_it_joins_leaves_no_row_behind,
    a_worker_runs_until_its_token_is_canceled,
    a_worker_that_runs_until_idle_leaves_what_is_due_later,
    a_worker_that_runs_until_idle_executes_what_its_jobs_schedule,
];

const AT_ONCE: Duration = Duration::from_millis(50);

async fn running_jobs_may_finish_within_the_grace_and_no_others_start(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        if job.name() == "Play" {
            job.state::<Gate>().pass().await;
        }
        Ok(job.stop_reason().is_some())
    });
    let running = Running::start(worker.state(gate.clone()).queue("play", 1).queue("aside", 1));
    let first = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let second = Play::new().schedule(t.db()).await.unwrap();
    assert_eq!(workers(&t).await, 1);
    running.tell_to_stop();
    until(|| async {
        let aside = Aside::new().schedule(t.db()).await.unwrap();
        aside.wait_timeout(t.db(), Duration::from_millis(500)).await.is_err()
    })
    .await;
    gate.open(2);
    soon(running.ended()).await.unwrap();
    assert_eq!(first.output(t.db()).await.unwrap(), false);
    let second = second.record(t.db()).await.unwrap();
    assert_eq!((second.status, second.attempt, gate.arrived()), (JobStatus::Scheduled, 0, 0));
    assert_eq!(workers(&t).await, 0);
}

/// Asserts that the job is given back, and may run again at once.
async fn is_given_back(t: &Database, handle: JobHandle<Play>) {
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, record.max_attempts), (JobStatus::Scheduled, 1, 6));
    assert_eq!(record.started_at, None);
    assert_eq!(history(t, handle).await, [(1, AttemptEnd::Shutdown)]);
    assert_eq!(handle.failed_attempts(t.db()).await.unwrap()[0].error.as_deref(), Some("stopped by shutdown"));
    assert_eq!(workers(t).await, 0);
    work(t, |job| async move { Ok(job.attempt()) }).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 2);
}

async fn a_job_that_is_still_running_after_the_grace_is_given_back(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().arrive();
        let reason = job.stop_requested().await;
        job.message(format!("asked to stop: {reason}"));
        wrong("stopped half-way")
    });
    let running = Running::start(worker.state(gate.clone()).shutdown_grace(AT_ONCE));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    running.stop().await;
    assert_eq!(handle.messages(t.db()).await.unwrap()[0].text, "asked to stop: shutdown");
    is_given_back(&t, handle).await;
}

async fn a_job_that_ignores_the_shutdown_is_dropped_and_given_back(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()).shutdown_grace(AT_ONCE).cancel_grace(AT_ONCE));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    running.stop().await;
    is_given_back(&t, handle).await;
}

async fn a_job_with_a_single_attempt_fails_instead_of_being_given_back(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()).shutdown_grace(AT_ONCE).cancel_grace(AT_ONCE));
    let handle = Once::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    running.stop().await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 1));
    let reason = record.last_error.unwrap();
    assert!(reason.contains("shutdown") && reason.contains("max_attempts is 1"), "{reason}");
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Shutdown)]);
}

async fn a_job_that_ends_well_when_it_is_asked_to_stop_has_succeeded(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().arrive();
        job.stop_requested().await;
        Ok("all that could be done")
    });
    let running = Running::start(worker.state(gate.clone()).shutdown_grace(AT_ONCE));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    running.stop().await;
    assert_eq!(handle.output(t.db()).await.unwrap(), "all that could be done");
    assert_eq!(workers(&t).await, 0);
}

async fn a_canceled_job_is_not_given_back(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().arrive();
        job.stop_requested().await;
        wrong("stopped half-way")
    });
    let running = Running::start(worker.state(gate.clone()).shutdown_grace(AT_ONCE));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let now = t.seconds_from_now(0);
    t.execute(&format!("UPDATE jobs_job SET cancel_requested_at = {now}")).await;
    running.stop().await;
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Canceled);
}

/// The program closes the pool that it gave to a worker with one job that waits, and one that keeps running.
async fn closes_its_pool(db: DatabaseConnection) -> JobHandle<Play> {
    let gate = Gate::default();
    let script = Script::new(|job: JobContext| async move {
        job.state::<Gate>().arrive();
        job.stop_requested().await;
        wrong("stopped")
    });
    // Its heartbeats are 100 seconds apart.
    let worker = Worker::new(db.clone()).state(script).state(gate.clone()).queue("play", 1);
    let running = Running::start(worker.lease(Duration::from_mins(5)));
    let handles = jobs::schedule_all(&db, [Play::new(), Play::new()]).await.unwrap();
    gate.arrivals(1).await;
    let closed = Instant::now();
    db.close().await.unwrap();
    let ended = running.ended().await;
    assert!(matches!(ended, Err(Error::PoolClosed)), "{ended:?}");
    assert!(closed.elapsed() < Duration::from_secs(50), "{:?}", closed.elapsed());
    handles[0]
}

async fn a_worker_whose_pool_is_closed_ends_and_says_so(t: Database) {
    let handle = closes_its_pool(t.connect().await).await;
    is_given_back(&t, handle).await;
}

async fn a_worker_whose_database_in_memory_is_closed_ends_and_says_so(_: Database) {
    let db = jobs::connect("sqlite::memory:").await.unwrap();
    jobs::migrate(&db).await.unwrap();
    closes_its_pool(db).await;
}

async fn no_job_is_running_when_the_worker_has_stopped(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().arrive();
        // A few would run forever.
        let pause = match u64::try_from(job.id().get()).unwrap_or(0) % 30 {
            0 => PATIENCE,
            some => Duration::from_millis(some),
        };
        tokio::select! {
            _ = job.stop_requested() => wrong("stopped half-way"),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    });
    let running = Running::start(worker.state(gate.clone()).concurrency(20).shutdown_grace(Duration::from_millis(10)));
    jobs::schedule_all(t.db(), (0..300).map(|_| Play::new())).await.unwrap();
    gate.arrivals(100).await;
    running.stop().await;
    let counts = jobs::counts(t.db(), jobs::JobFilter::new()).await.unwrap();
    assert_eq!((counts.running, counts.failed, counts.canceled, counts.total()), (0, 0, 0, 300));
    assert!(counts.scheduled > 0 && counts.terminated > 0, "{counts:?}");
    // Those that were given back, and those that never started, run to their end.
    work(&t, |_| async { Ok(()) }).await;
    let counts = jobs::counts(t.db(), jobs::JobFilter::new()).await.unwrap();
    assert_eq!(counts.terminated, 300);
}

async fn a_worker_that_is_told_to_stop_while_it_joins_leaves_no_row_behind(t: Database) {
    for _ in 0..20 {
        let running = Running::start(worker(&t, |_| async { Ok(()) }));
        let joining = async {
            while t.number("SELECT COUNT(*) FROM jobs_worker").await == 0 {
                tokio::task::yield_now().await;
            }
        };
        soon(joining).await;
        running.stop().await;
        assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
    }
}

async fn a_worker_runs_until_its_token_is_canceled(t: Database) {
    let stop = CancellationToken::new();
    let worker = tokio::spawn(worker(&t, |_| async { Ok(true) }).run_until(stop.clone()));
    let job = Play::new().schedule(t.db()).await.unwrap();
    assert_eq!(soon(job.wait(t.db())).await.unwrap(), true);
    assert!(!worker.is_finished());
    stop.cancel();
    soon(worker).await.unwrap().unwrap();
    assert_eq!(workers(&t).await, 0);
}

async fn a_worker_that_runs_until_idle_leaves_what_is_due_later(t: Database) {
    let now = Play::new().schedule(t.db()).await.unwrap();
    let later = Play::new().schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
    let stranger = insert_job(&t, "Stranger", "play", "{}").await;
    soon(idle_worker(&t).run_until_idle()).await.unwrap();
    assert_eq!(now.status(t.db()).await.unwrap(), JobStatus::Terminated);
    assert_eq!(later.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(jobs::status(t.db(), stranger).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(workers(&t).await, 0);
}

async fn a_worker_that_runs_until_idle_executes_what_its_jobs_schedule(t: Database) {
    Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        if job.name() == "Play" {
            for _ in 0..3 {
                Aside::new().schedule(job.db()).await?;
            }
        }
        Ok(())
    })
    .await;
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4").await, 4);
}
