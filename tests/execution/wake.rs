//! When a worker that sleeps finds what is due. Each queue here has a name that no other case uses: workers in one process hear of
//! each other's schedules.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{JobOptions, JobRecord};
use jobs_tests::{Database, Kind, Running, cases, soon};
use sea_orm::TransactionTrait as _;
use sea_orm::sqlx::postgres::PgListener;

use crate::support::definitions::{Play, idle_worker};
use crate::support::rows::{insert_job, until, until_status};

cases![
    a_delayed_job_starts_at_its_time,
    a_retry_starts_at_its_time,
    a_job_that_nobody_told_of_is_found_by_polling,
    a_job_whose_transaction_commits_late_is_found,
    a_worker_that_sleeps_is_woken_by_the_database if Kind::notifies,
    whatever_is_due_soon_is_notified if Kind::notifies,
    the_end_of_a_job_that_is_waited_for_is_notified if Kind::notifies,
];

/// So long that polling does not find the job in time.
const NEVER: Duration = Duration::from_mins(1);

/// A worker that sleeps polls after 50 ms, 100 ms, … each pause twice as long: after this long it has just polled, and the next poll
/// is more than six seconds away.
const AFTER_A_POLL: Duration = Duration::from_millis(6500);

/// Asserts that it started at its time, although no poll was near then.
fn assert_was_not_polled(record: &JobRecord) {
    let late = (record.started_at.unwrap() - record.scheduled_at).num_milliseconds();
    assert!((0..5000).contains(&late), "{late} ms");
}

async fn a_delayed_job_starts_at_its_time(t: Database) {
    let running = Running::start(idle_worker(&t).queue("delayed", 1).poll_interval(NEVER));
    let handle = Play::new().schedule(t.db()).queue("delayed").delay(AFTER_A_POLL).await.unwrap();
    soon(handle.wait(t.db())).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    assert!(((record.scheduled_at - record.created_at).to_std().unwrap().as_millis()).abs_diff(6500) <= 1);
    assert_was_not_polled(&record);
    running.stop().await;
}

async fn a_retry_starts_at_its_time(t: Database) {
    let worker = crate::support::definitions::worker(&t, |job| async move {
        if job.attempt() == 1 { Err(JobError::retry_in(AFTER_A_POLL)) } else { Ok(()) }
    });
    let running = Running::start(worker.queue("retried", 1).poll_interval(NEVER));
    let handle = Play::new().schedule(t.db()).queue("retried").await.unwrap();
    soon(handle.wait(t.db())).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    let first_end = handle.failed_attempts(t.db()).await.unwrap()[0].ended_at;
    assert!((record.scheduled_at - first_end).num_milliseconds() >= 6499);
    assert_was_not_polled(&record);
    running.stop().await;
}

async fn a_job_that_nobody_told_of_is_found_by_polling(t: Database) {
    let worker = idle_worker(&t).queue("polled", 1).poll_interval(Duration::from_millis(200)).listen(false);
    let running = Running::start(worker);
    for _ in 0..2 {
        let id = insert_job(&t, "Play", "polled", "{}").await;
        until_status(&t, id, JobStatus::Terminated).await;
        let record = jobs::record(t.db(), id).await.unwrap();
        let late = (record.started_at.unwrap() - record.scheduled_at).num_seconds();
        assert!(late < 30, "{late} s");
    }
    // One that does not listen is not notified either.
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker WHERE asleep IS NOT NULL").await, 0);
    running.stop().await;
}

async fn a_job_whose_transaction_commits_late_is_found(t: Database) {
    let running = Running::start(idle_worker(&t).queue("late", 1).poll_interval(NEVER));
    let other = t.connect().await;
    let transaction = other.begin().await.unwrap();
    let handle = Play::new().schedule(&transaction).queue("late").await.unwrap();
    // The worker has been notified, polls, and finds nothing.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(handle.record(t.db()).await.is_err());
    transaction.commit().await.unwrap();
    let ended = handle.wait_timeout(t.db(), NEVER / 2).await;
    assert!(ended.is_ok(), "{ended:?}");
    running.stop().await;
}

async fn a_worker_that_sleeps_is_woken_by_the_database(t: Database) {
    let running = Running::start(idle_worker(&t).queue("notified", 1).poll_interval(NEVER));
    let asleep = "SELECT COUNT(*) FROM jobs_worker WHERE jsonb_exists(asleep, 'notified')";
    until(|| async { t.number(asleep).await == 1 }).await;
    tokio::time::sleep(AFTER_A_POLL).await;
    let id = insert_job(&t, "Play", "notified", "{}").await;
    t.execute("SELECT pg_notify('jobs_wake', 'notified')").await;
    until_status(&t, id, JobStatus::Terminated).await;
    let record = jobs::record(t.db(), id).await.unwrap();
    assert_was_not_polled(&record);
    running.stop().await;
}

async fn whatever_is_due_soon_is_notified(t: Database) {
    let queues: Vec<_> = (0..7).map(|number| format!("{} {number}", t.name())).collect();
    let asleep = serde_json::to_string(&queues).unwrap();
    t.execute(&format!(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves, asleep)
         VALUES ('sleeper', 'elsewhere', 1, now(), now(), now() + interval '1 hour', '{{}}', '{asleep}')"
    ))
    .await;
    let mut listener = PgListener::connect(t.url()).await.unwrap();
    listener.listen("jobs_wake").await.unwrap();
    let told = |number: usize| JobOptions::new().queue(&queues[number]);
    let later = |number: usize| told(number).delay(Duration::from_hours(1));
    let ways = [
        vec![told(1)],
        vec![told(2).unique_key("a")],
        vec![told(3), told(3)],
        vec![told(4), told(4).priority(1)],
        vec![told(5).unique_key("b"), told(5).unique_key("c")],
        vec![told(6).unique_key("d"), told(6).unique_key("e").priority(1)],
    ];
    for way in [vec![later(0)], vec![later(0).unique_key("f")]].into_iter().chain(ways) {
        jobs::schedule_all(t.db(), way.into_iter().map(|options| Play::new().with_options(options))).await.unwrap();
    }
    for queue in &queues[1..] {
        let heard = soon(async {
            loop {
                let payload = listener.recv().await.unwrap().payload().to_owned();
                if payload.starts_with(&format!("{} ", t.name())) {
                    return payload;
                }
            }
        });
        assert_eq!(heard.await, *queue, "each once, and none of what is due later");
    }
}

/// Waiters in another process are notified.
async fn the_end_of_a_job_that_is_waited_for_is_notified(t: Database) {
    // Whatever runs beside this case on the same server is notified too: not with numbers like these.
    let first = fastrand::i64(1_000_000_000_000..1_000_000_000_000_000);
    t.execute(&format!("SELECT setval(pg_get_serial_sequence('jobs_job', 'id'), {first})")).await;
    let mut listener = PgListener::connect(t.url()).await.unwrap();
    listener.listen("jobs_finish").await.unwrap();
    let (alone, awaited) = (Play::new().schedule(t.db()), Play::new().schedule(t.db()));
    let (alone, awaited) = (alone.queue("awaited").await.unwrap(), awaited.queue("awaited").await.unwrap());
    let db = t.connect().await;
    let waiting = tokio::spawn(async move { awaited.wait(&db).await });
    let marked = format!("SELECT COUNT(*) FROM jobs_job WHERE awaited AND id = {awaited}");
    until(|| async { t.number(&marked).await == 1 }).await;

    let running = Running::start(idle_worker(&t).queue("awaited", 1));
    let own = [alone.to_string(), awaited.to_string()];
    let heard = soon(async {
        loop {
            let notification = listener.recv().await.unwrap();
            if own.contains(&notification.payload().to_owned()) {
                return notification.payload().to_owned();
            }
        }
    });
    assert_eq!(heard.await, awaited.to_string());
    soon(waiting).await.unwrap().unwrap();
    running.stop().await;
}
