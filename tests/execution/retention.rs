//! How long ended jobs are kept.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{AuditFilter, Principal, Role};
use jobs_tests::{Database, Running, cases};

use crate::support::definitions::{Play, idle_worker, work};
use crate::support::rows::{insert_worker, until, workers};

cases![
    jobs_are_deleted_when_the_time_of_their_status_is_over,
    jobs_that_are_to_be_kept_for_ever_are,
    what_has_not_ended_can_t_be_deleted,
    what_an_audit_tells_is_deleted_when_its_time_is_over,
    an_audit_that_is_to_be_kept_for_ever_is,
    rows_from_the_future_do_not_keep_those_after_them,
    an_audit_that_is_to_be_kept_for_no_time_is_refused,
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

/// More rows of an audit than one statement deletes, written this many days ago, each for its own job.
async fn audited(t: &Database, days: i64) {
    let jobs = jobs::schedule_all(t.db(), (0..600).map(|_| Play::new())).await.unwrap();
    let ada = jobs::acting_as(t.db(), Principal::new("ada", Role::Admin));
    let before = t.number("SELECT COALESCE(MAX(id), 0) FROM jobs_audit").await;
    assert_eq!(jobs.len(), 600);
    let counted = ada.bulk(jobs::JobFilter::new().status(JobStatus::Scheduled)).await.unwrap();
    assert_eq!(ada.cancel_all(&counted).unwrap().await.unwrap().done, 600);
    let time = t.seconds_from_now(-24 * 3600 * days - 60);
    assert_eq!(t.execute(&format!("UPDATE jobs_audit SET at = {time} WHERE id > {before}")).await, 600);
}

async fn rows(t: &Database) -> i64 {
    t.number("SELECT COUNT(*) FROM jobs_audit").await
}

async fn what_an_audit_tells_is_deleted_when_its_time_is_over(t: Database) {
    audited(&t, 90).await;
    audited(&t, 90).await;
    audited(&t, 89).await;
    let worker = Running::start(idle_worker(&t));
    until(|| async { rows(&t).await <= 600 }).await;
    worker.stop().await;
    let ada = jobs::acting_as(t.db(), Principal::new("ada", Role::Admin));
    assert_eq!((rows(&t).await, ada.audit(AuditFilter::new()).await.unwrap().records.len()), (600, 100));
    let worker = Running::start(idle_worker(&t).audit_retention(Some(24 * HOUR)));
    until(|| async { rows(&t).await == 0 }).await;
    worker.stop().await;
}

async fn an_audit_that_is_to_be_kept_for_ever_is(t: Database) {
    audited(&t, 365 * 50).await;
    retain(&t, idle_worker(&t).audit_retention(None)).await;
    assert_eq!(rows(&t).await, 600);
}

async fn rows_from_the_future_do_not_keep_those_after_them(t: Database) {
    audited(&t, -1).await;
    audited(&t, 91).await;
    let worker = Running::start(idle_worker(&t));
    until(|| async { rows(&t).await == 600 }).await;
    worker.stop().await;
}

async fn an_audit_that_is_to_be_kept_for_no_time_is_refused(t: Database) {
    let refused = idle_worker(&t).audit_retention(Some(Duration::ZERO)).run_until_idle().await;
    assert!(matches!(refused, Err(jobs::Error::InvalidValue { name, .. }) if name == "audit_retention"));
}
