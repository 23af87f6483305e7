//! How long ended jobs are kept.

use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Database, Running, cases};

use crate::support::definitions::{Play, idle_worker, work};
use crate::support::rows::{insert_worker, until, workers};

cases![
    jobs_are_deleted_when_the_time_of_their_status_is_over,
    jobs_that_are_to_be_kept_for_ever_are,
    what_has_not_ended_can_t_be_deleted,
];

const HOUR: Duration = Duration::from_hours(1);

/// Jobs that ended with each status this many hours ago, each with its own message and attempt.
async fn ended(t: &Database, hours: i64) -> Vec<JobId> {
    let mut ids = Vec::new();
    for status in ["canceled", "failed", "terminated"] {
        ids.push(Play::new().with_name(status).schedule(t.db()).await.unwrap().into());
    }
    work(t, |job| async move {
        job.message("said");
        match job.parameter::<String>("name")?.as_str() {
            _ if job.attempt() == 1 => Err(JobError::retry_in(Duration::ZERO)),
            "canceled" => Err(JobError::cancel("canceled")),
            "failed" => Err(JobError::fail("failed")),
            _ => Ok(()),
        }
    })
    .await;
    let time = t.seconds_from_now(-3600 * hours - 60);
    for id in &ids {
        assert_eq!(
            t.execute(&format!("UPDATE jobs_job SET finished_at = {time} WHERE id = {id} AND status >= 2")).await,
            1
        );
    }
    ids
}

/// Lets a worker delete what it may. Only after that does it delete dead workers.
async fn retain(t: &Database, worker: Worker) {
    let dead = insert_worker(t, -1, 2).await;
    let deleting = Running::start(worker.lease(Duration::from_secs(1)));
    until(|| async { t.number(&format!("SELECT COUNT(*) FROM jobs_worker WHERE id = {dead}")).await == 0 }).await;
    deleting.stop().await;
    assert_eq!(workers(t).await, 0);
}

async fn statuses_left(t: &Database, ids: &[JobId]) -> Vec<Option<JobStatus>> {
    let mut left = Vec::new();
    for id in ids {
        left.push(jobs::status(t.db(), *id).await.ok());
    }
    left
}

async fn jobs_are_deleted_when_the_time_of_their_status_is_over(t: Database) {
    use JobStatus::{Canceled, Failed, Terminated};
    let (old, middle, young) = (ended(&t, 5).await, ended(&t, 3).await, ended(&t, 1).await);
    let worker = idle_worker(&t);
    let worker = worker.retention(Canceled, Some(4 * HOUR)).retention(Failed, Some(6 * HOUR));
    retain(&t, worker.retention(Terminated, Some(2 * HOUR))).await;
    assert_eq!(statuses_left(&t, &old).await, [None, Some(Failed), None]);
    assert_eq!(statuses_left(&t, &middle).await, [Some(Canceled), Some(Failed), None]);
    assert_eq!(statuses_left(&t, &young).await, [Some(Canceled), Some(Failed), Some(Terminated)]);
    // What belonged to them is gone with them, and nothing else.
    for table in ["jobs_message", "jobs_attempt"] {
        let of =
            async |condition: &str| t.number(&format!("SELECT COUNT(DISTINCT job_id) FROM {table} {condition}")).await;
        assert_eq!(of("").await, 6, "{table}");
        assert_eq!(of("WHERE job_id NOT IN (SELECT id FROM jobs_job)").await, 0, "{table}");
    }
}

async fn jobs_that_are_to_be_kept_for_ever_are(t: Database) {
    use JobStatus::{Canceled, Failed, Terminated};
    let ids = ended(&t, 24 * 365 * 50).await;
    let worker = idle_worker(&t).retention(Canceled, None).retention(Failed, Some(HOUR));
    retain(&t, worker.retention(Terminated, None)).await;
    assert_eq!(statuses_left(&t, &ids).await, [Some(Canceled), None, Some(Terminated)]);
    // The defaults: 7 days, and 30 for those that failed.
    let (week, month) = (ended(&t, 24 * 8).await, ended(&t, 24 * 31).await);
    retain(&t, idle_worker(&t)).await;
    assert_eq!(statuses_left(&t, &week).await, [None, Some(Failed), None]);
    assert_eq!(statuses_left(&t, &month).await, [None, None, None]);
}

async fn what_has_not_ended_can_t_be_deleted(t: Database) {
    for open in [JobStatus::Scheduled, JobStatus::Running] {
        let refused = idle_worker(&t).retention(open, Some(HOUR)).run_until_idle().await;
        assert!(matches!(refused, Err(jobs::Error::InvalidValue { name, .. }) if name == "retention"));
    }
}
