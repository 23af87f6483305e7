//! Rows that others write behind a worker's back, and waiting until the database shows what must come.

use std::time::Duration;

use jobs::{AttemptEnd, JobHandle, JobId, JobStatus};
use jobs_tests::{Database, soon};

/// Waits until the condition holds; panics if it does not in time.
pub(crate) async fn until<F: Future<Output = bool>>(holds: impl Fn() -> F) {
    soon(async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

/// Waits until the job has this status.
pub(crate) async fn until_status(t: &Database, id: impl Into<JobId>, status: JobStatus) {
    let id = id.into();
    until(|| async { jobs::status(t.db(), id).await.unwrap() == status }).await;
}

/// How the unsuccessful attempts ended.
pub(crate) async fn history<J: jobs::Job>(t: &Database, handle: JobHandle<J>) -> Vec<(u32, AttemptEnd)> {
    let attempts = handle.failed_attempts(t.db()).await.unwrap();
    attempts.iter().map(|attempt| (attempt.attempt, attempt.how)).collect()
}

/// Inserts a job as another program may have left it, due now. `parameters` are JSON.
pub(crate) async fn insert_job(t: &Database, name: &str, queue: &str, parameters: &str) -> JobId {
    let now = t.seconds_from_now(0);
    t.execute(&format!(
        "INSERT INTO jobs_job (name, queue, max_attempts, budget, parameters, created_at, scheduled_at)
         VALUES ('{name}', '{queue}', 2, 2, '{parameters}', {now}, {now})"
    ))
    .await;
    t.number("SELECT MAX(id) FROM jobs_job").await.into()
}

/// Inserts a worker elsewhere, whose lease ends in this many seconds and which was last seen this many seconds ago.
pub(crate) async fn insert_worker(t: &Database, lease: i64, last_seen: i64) -> i64 {
    let (now, seen, end) = (t.seconds_from_now(0), t.seconds_from_now(-last_seen), t.seconds_from_now(lease));
    t.execute(&format!(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves)
         VALUES ('elsewhere', 'elsewhere', 1, {now}, {seen}, {end}, '{{\"queues\": [], \"names\": []}}')"
    ))
    .await;
    t.number("SELECT MAX(id) FROM jobs_worker").await
}

/// Lets the worker claim the waiting job, or take over the running one, as the database sees it.
pub(crate) async fn take_over(t: &Database, id: impl Into<JobId>, worker: i64) {
    let (id, now) = (id.into(), t.seconds_from_now(0));
    let rows = t
        .execute(&format!(
            "UPDATE jobs_job SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = {worker},
                    started_at = {now} WHERE id = {id}"
        ))
        .await;
    assert_eq!(rows, 1);
}

/// The number of workers.
pub(crate) async fn workers(t: &Database) -> i64 {
    t.number("SELECT COUNT(*) FROM jobs_worker").await
}
