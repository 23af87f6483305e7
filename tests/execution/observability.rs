//! Counting, timing and tracing what happens.
#![allow(clippy::float_cmp, reason = "counts are whole numbers")]

use std::time::Duration;

use jobs::prelude::*;
use jobs::{AttemptEnd, metrics};
use jobs_tests::{Database, Gate, Running, cases, soon};
use sea_orm::TransactionTrait as _;
use tracing::{Instrument as _, Level};

use crate::support::definitions::{Encore, Play, idle_worker, worker, wrong};
use crate::support::rows::{history, insert_worker, take_over, until};
use crate::support::telemetry::{Seen, counted, described, measured, seen};

cases![
    attempts_are_counted_by_how_they_end,
    a_job_that_finishes_itself_is_counted_once,
    a_wait_is_measured_from_due_to_start_and_a_duration_from_start_to_end,
    an_end_that_is_fenced_out_is_counted_as_that,
    a_rescued_attempt_is_counted_as_lost,
    a_worker_that_is_asked_to_tells_how_much_waits_and_runs,
    a_worker_that_is_asked_to_tells_how_full_limits_are,
    what_is_measured_is_described,
    what_a_job_traces_is_in_the_span_of_its_attempt,
    scheduling_is_a_span_that_knows_the_id,
    a_job_that_fails_is_logged_as_an_error_and_a_retry_as_a_warning,
    the_last_rescue_of_a_job_is_logged_as_its_failure,
];

/// A worker of this case's own queue, whose name marks what it measures.
fn serve(t: &Database, worker: Worker) -> Worker {
    worker.queue(t.name(), 10)
}

async fn schedule(t: &Database, job: Play) -> JobHandle<Play> {
    job.schedule(t.db()).queue(t.name()).await.unwrap()
}

async fn attempts_are_counted_by_how_they_end(t: Database) {
    let ends = [
        ("well", "success", "terminated"),
        ("well", "success", "terminated"),
        ("fail", "error", "failed"),
        ("error", "error", "scheduled"),
        ("panic", "panic", "scheduled"),
        ("cancel", "canceled", "canceled"),
        ("snooze", "snoozed", "scheduled"),
    ];
    for (how, ..) in ends {
        schedule(&t, Play::new().with_name(how)).await;
    }
    let worker = worker(&t, |job| async move {
        match job.parameter::<String>("name")?.as_str() {
            "fail" => wrong(JobError::fail("no")),
            "error" => wrong("not now"),
            "panic" => panic!("it blew up"),
            "cancel" => wrong(JobError::cancel("nobody wants it")),
            "snooze" => wrong(JobError::snooze(Duration::from_hours(1))),
            _ => Ok(()),
        }
    });
    soon(serve(&t, worker).run_until_idle()).await.unwrap();
    let queue = ("queue", t.name());
    for (_, outcome, status) in ends {
        let alike = ends.iter().filter(|(_, o, s)| (*o, *s) == (outcome, status)).count();
        let labels = [queue, ("name", "Play"), ("outcome", outcome), ("status", status)];
        assert_eq!(counted(metrics::FINISHED_TOTAL, &labels), as_number(alike), "{outcome} {status}");
    }
    for total in [metrics::SCHEDULED_TOTAL, metrics::STARTED_TOTAL, metrics::FINISHED_TOTAL] {
        assert_eq!(counted(total, &[queue]), as_number(ends.len()), "{total}");
    }
    for histogram in [metrics::WAIT_SECONDS, metrics::DURATION_SECONDS] {
        assert_eq!(measured(histogram, &[queue, ("name", "Play")]).len(), ends.len(), "{histogram}");
    }
    assert_eq!(counted(metrics::CLAIM_BATCH_SIZE, &[queue]), as_number(ends.len()));
    assert!(measured(metrics::QUEUE_DEPTH, &[queue]).is_empty(), "nobody asked for it");
}

fn as_number(count: usize) -> f64 {
    u32::try_from(count).unwrap().into()
}

async fn a_job_that_finishes_itself_is_counted_once(t: Database) {
    schedule(&t, Play::new()).await;
    let worker = worker(&t, |job| async move {
        let transaction = job.db().begin().await?;
        job.finish_in(&transaction, &"done").await?;
        transaction.commit().await?;
        Ok(())
    });
    soon(serve(&t, worker).run_until_idle()).await.unwrap();
    let queue = ("queue", t.name());
    assert_eq!(counted(metrics::FINISHED_TOTAL, &[queue, ("outcome", "success"), ("status", "terminated")]), 1.0);
    assert_eq!(counted(metrics::FINISHED_TOTAL, &[queue]), 1.0);
}

async fn a_wait_is_measured_from_due_to_start_and_a_duration_from_start_to_end(t: Database) {
    schedule(&t, Play::new().with_name("slow")).await;
    // For a second.
    t.make_due().await;
    let worker = worker(&t, |_| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    });
    soon(serve(&t, worker).run_until_idle()).await.unwrap();
    let queue = ("queue", t.name());
    let (wait, duration) = (measured(metrics::WAIT_SECONDS, &[queue]), measured(metrics::DURATION_SECONDS, &[queue]));
    assert!(matches!(wait[..], [1.0..60.0]), "{wait:?}");
    assert!(matches!(duration[..], [0.05..60.0]), "{duration:?}");
}

async fn an_end_that_is_fenced_out_is_counted_as_that(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(())
    });
    let running = Running::start(serve(&t, worker).state(gate.clone()));
    let handle = schedule(&t, Play::new()).await;
    gate.arrivals(1).await;
    take_over(&t, handle, insert_worker(&t, 3600, 0).await).await;
    gate.open(1);
    running.stop().await;
    let labels = [("queue", t.name()), ("name", "Play")];
    assert_eq!(counted(metrics::STARTED_TOTAL, &labels), 1.0);
    assert_eq!(counted(metrics::FENCED_OUT_TOTAL, &labels), 1.0);
    assert_eq!(counted(metrics::FINISHED_TOTAL, &labels), 0.0);
}

async fn a_rescued_attempt_is_counted_as_lost(t: Database) {
    let handle = schedule(&t, Play::new()).await;
    take_over(&t, handle, insert_worker(&t, -1, 2).await).await;
    let running = Running::start(serve(&t, idle_worker(&t)).lease(Duration::from_secs(1)));
    soon(handle.wait(t.db())).await.unwrap();
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Lost)]);
    running.stop().await;
    let queue = ("queue", t.name());
    assert_eq!(counted(metrics::FINISHED_TOTAL, &[queue, ("outcome", "lost"), ("status", "scheduled")]), 1.0);
    assert_eq!(counted(metrics::FINISHED_TOTAL, &[queue]), 2.0);
}

async fn a_worker_that_is_asked_to_tells_how_much_waits_and_runs(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(())
    });
    insert_worker(&t, 3600, 0).await;
    schedule(&t, Play::new()).await;
    let elsewhere = format!("not served by {}", t.name());
    for hours in [0, 24] {
        Encore::new().schedule(t.db()).queue(&elsewhere).delay(Duration::from_hours(hours)).await.unwrap();
    }
    let worker = serve(&t, worker).state(gate.clone()).sample_queues(Duration::from_secs(1));
    let running = Running::start(worker);
    let queue = ("queue", t.name());
    until(|| async { measured(metrics::RUNNING, &[queue]).contains(&1.0) }).await;
    until(|| async { measured(metrics::QUEUE_DEPTH, &[queue, ("status", "running")]).contains(&1.0) }).await;
    let elsewhere = ("queue", elsewhere.as_str());
    until(|| async { measured(metrics::QUEUE_DEPTH, &[elsewhere, ("status", "scheduled")]).contains(&2.0) }).await;
    until(|| async { measured(metrics::OLDEST_AGE_SECONDS, &[elsewhere]).into_iter().any(|age| age > 1.0) }).await;
    assert!(measured(metrics::OLDEST_AGE_SECONDS, &[elsewhere]).into_iter().all(|age| (0.0..3600.0).contains(&age)));
    until(|| async { measured(metrics::WORKERS, &[]).contains(&2.0) }).await;
    gate.open(1);
    running.stop().await;
}

async fn a_worker_that_is_asked_to_tells_how_full_limits_are(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(())
    });
    for _ in 0..3 {
        schedule(&t, Play::new()).await;
    }
    let running = Running::start(serve(&t, worker).state(gate.clone()).sample_queues(Duration::from_secs(1)));
    gate.arrivals(3).await;
    // A definition of another program, with an old name that is also known here.
    t.execute(&format!("INSERT INTO jobs_limit (scope, running, counted_by) VALUES ('{}', 5, '*')", t.name())).await;
    t.execute(&format!("INSERT INTO jobs_limit_use (scope, job_name) VALUES ('{}', 'Play')", t.name())).await;
    t.execute("UPDATE jobs_job SET limit_key = '*' WHERE status = 1").await;
    let definition = ("definition", t.name());
    until(|| async { measured(metrics::LIMIT_RUNNING, &[definition]).contains(&3.0) }).await;
    until(|| async { measured(metrics::LIMIT, &[definition]).contains(&5.0) }).await;
    gate.open(3);
    until(|| async { measured(metrics::LIMIT_RUNNING, &[definition]).contains(&0.0) }).await;
    running.stop().await;
}

async fn what_is_measured_is_described(t: Database) {
    let handle = schedule(&t, Play::new()).await;
    let running = Running::start(serve(&t, idle_worker(&t)).sample_queues(Duration::from_secs(1)));
    soon(handle.wait(t.db())).await.unwrap();
    until(|| async { !measured(metrics::WORKERS, &[]).is_empty() }).await;
    running.stop().await;
    let described = described();
    assert!(described.len() >= 10, "{described:?}");
    assert!(described.values().all(Option::is_some), "{described:?}");
}

async fn what_a_job_traces_is_in_the_span_of_its_attempt(t: Database) {
    let worker = worker(&t, |job| async move {
        let case = job.queue().to_owned();
        tracing::info!(case, place = "execute");
        tokio::task::yield_now().await;
        job.run_blocking(move || tracing::info!(case, place = "run_blocking")).await;
        if job.attempt() == 1 { wrong(JobError::retry_in(Duration::ZERO)) } else { Ok(()) }
    });
    let handle = schedule(&t, Play::new()).await;
    soon(serve(&t, worker).run_until_idle()).await.unwrap();
    let seen = seen("case", t.name());
    let told: Vec<_> = seen
        .iter()
        .map(|seen| {
            let (span, fields) = &seen.spans[0];
            assert_eq!(fields.keys().collect::<Vec<_>>(), ["attempt", "job", "name", "queue", "worker"]);
            assert_eq!((*span, seen.spans.len()), ("jobs.execute", 1));
            assert_eq!((&*fields["name"], &*fields["queue"]), ("Play", t.name()));
            assert_eq!(fields["job"], handle.to_string());
            (&*fields["attempt"], &*seen.fields["place"])
        })
        .collect();
    assert_eq!(told, [("1", "execute"), ("1", "run_blocking"), ("2", "execute"), ("2", "run_blocking")]);
}

/// What was logged about jobs of the case's queue: the level, the job, its name, the attempt, and the message.
fn logged(t: &Database) -> Vec<(Level, String, String, String, String)> {
    let events = seen("queue", t.name()).into_iter().filter(|seen| seen.level <= Level::WARN);
    let of = |seen: Seen| {
        let field = |name: &str| seen.fields[name].clone();
        (seen.level, field("job"), field("name"), field("attempt"), field("message"))
    };
    events.map(of).collect()
}

async fn a_job_that_fails_is_logged_as_an_error_and_a_retry_as_a_warning(t: Database) {
    let handle = Play::new().schedule(t.db()).queue(t.name()).max_attempts(2).await.unwrap();
    let worker = || worker(&t, |_| async { wrong("no paper") });
    soon(serve(&t, worker()).run_until_idle()).await.unwrap();
    let entry = |level, attempt: &str, message: &str| {
        (level, handle.to_string(), "Play".to_owned(), attempt.to_owned(), message.to_owned())
    };
    assert_eq!(logged(&t), [entry(Level::WARN, "1", "no paper")]);
    t.make_due().await;
    soon(serve(&t, worker()).run_until_idle()).await.unwrap();
    assert_eq!(logged(&t), [entry(Level::WARN, "1", "no paper"), entry(Level::ERROR, "2", "no paper")]);
}

async fn the_last_rescue_of_a_job_is_logged_as_its_failure(t: Database) {
    let dead = insert_worker(&t, -1, 2).await;
    let failed = Play::new().schedule(t.db()).queue(t.name()).max_attempts(1).await.unwrap();
    take_over(&t, failed, dead).await;
    let retried = schedule(&t, Play::new()).await;
    take_over(&t, retried, dead).await;
    let running = Running::start(serve(&t, idle_worker(&t)).lease(Duration::from_secs(1)));
    soon(retried.wait(t.db())).await.unwrap();
    running.stop().await;
    assert_eq!(failed.status(t.db()).await.unwrap(), JobStatus::Failed);
    let logged = logged(&t);
    assert_eq!(logged.len(), 2, "{logged:?}");
    for (level, job, name, attempt, message) in logged {
        assert_eq!((name.as_str(), attempt.as_str()), ("Play", "1"));
        assert!(message.starts_with("worker `elsewhere` (process 1 on elsewhere) stopped responding"), "{message}");
        let is_failure = job == failed.to_string();
        assert_eq!(level, if is_failure { Level::ERROR } else { Level::WARN });
        assert_eq!(message.ends_with("its attempt is lost"), !is_failure, "{message}");
    }
}

async fn scheduling_is_a_span_that_knows_the_id(t: Database) {
    let of_the_case = || tracing::info_span!("case", case = t.name());
    // A span is seen when the last reference is dropped: SQLite's thread may hold one for a moment longer.
    let ended = async |spans| until(|| async { seen("case", t.name()).len() == spans }).await;
    let handle = schedule(&t, Play::new()).instrument(of_the_case()).await;
    ended(1).await;
    let many = jobs::schedule_all(t.db(), (0..3).map(|_| Encore::new()));
    async { many.await.unwrap() }.instrument(of_the_case()).await;
    ended(2).await;
    let seen = seen("case", t.name());
    let told: Vec<_> = seen.iter().map(|seen| (seen.spans[0].0, seen.spans[0].1.clone())).collect();
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    let one = pairs(&[("name", "Play"), ("queue", t.name()), ("job", &handle.to_string())]);
    assert_eq!(told, [("jobs.schedule", one), ("jobs.schedule", pairs(&[("name", "Encore"), ("count", "3")]))]);
}
