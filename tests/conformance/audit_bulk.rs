//! The audit of actions on many jobs: a row for each, all of one operation.

use std::collections::BTreeSet;

use jobs::prelude::*;
use jobs::{Action, AuditAction, AuditFilter, BulkAction, Error, JobFilter, Principal, Role, Session};
use jobs_tests::{Database, cases};

use crate::support::audit::{admin, audit, rows};
use crate::support::common::work;
use crate::support::definitions::{Ping, Talk};

cases![
    an_action_on_many_jobs_tells_which_it_was_for,
    an_action_on_many_jobs_has_a_row_for_each_it_was_done_to,
    jobs_that_an_action_leaves_have_no_row,
    what_can_not_be_recorded_of_many_is_not_done,
    an_action_on_many_is_forbidden_before_it_is_called,
];

async fn an_action_on_many_jobs_tells_which_it_was_for(t: Database) {
    let ada = admin(&t);
    let failed = Talk::new("fail").schedule(t.db()).await.unwrap();
    work(&t).await;
    let told = async |filter: JobFilter| {
        let counted = ada.bulk(filter).await.unwrap();
        assert_eq!(ada.retry_all(&counted).unwrap().await.unwrap().done, 1);
        work(&t).await;
        let time = counted.counted_at() - std::time::Duration::from_hours(2);
        (audit(&t).await.remove(0).subject.unwrap(), time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    };
    assert_eq!(told(JobFilter::new()).await.0, "status:failed");
    let (subject, two_hours_ago) = told("end:fail error:done -error:else since:2h".parse().unwrap()).await;
    assert_eq!(subject, format!("status:failed error:••• -error:••• since:{two_hours_ago} end:•••"));
    let long = (0..500).fold(JobFilter::new().id(failed.id()), |filter, id| filter.id(1_000_000 + id));
    let (subject, _) = told(long).await;
    assert!(subject.ends_with('…') && subject.chars().count() == 1_001, "{subject}");
}

/// The actions on many jobs, and what permits them.
const ON_MANY: [(AuditAction, Action); 4] = [
    (AuditAction::Cancel, Action::Cancel),
    (AuditAction::RunNow, Action::RunNow),
    (AuditAction::Retry, Action::Retry),
    (AuditAction::Delete, Action::Delete),
];

fn on_many<'b>(session: &'b Session, action: AuditAction, counted: &'b jobs::Bulk) -> Result<BulkAction<'b>, Error> {
    match action {
        AuditAction::Cancel => session.cancel_all(counted),
        AuditAction::Retry => session.retry_all(counted),
        AuditAction::Delete => session.delete_all(counted),
        AuditAction::RunNow => session.run_all_now(counted),
        other => panic!("{other} is not done to many"),
    }
}

/// More jobs than one transaction acts on, in the status that the action needs, and how many.
async fn many(t: &Database, action: AuditAction) -> i64 {
    jobs::schedule_all(t.db(), (0..1_001).map(|_| Ping::new())).await.unwrap();
    if matches!(action, AuditAction::Retry | AuditAction::Delete) {
        t.execute("UPDATE jobs_job SET status = 3, attempt = 1").await;
    }
    1_001
}

async fn an_action_on_many_jobs_has_a_row_for_each_it_was_done_to(t: Database) {
    let ada = admin(&t);
    let mut operations = BTreeSet::new();
    for (action, _) in ON_MANY {
        let jobs = many(&t, action).await;
        let ids = t.numbers("SELECT id FROM jobs_job ORDER BY id").await;
        let counted = ada.bulk("name:Ping since:1d".parse().unwrap()).await.unwrap();
        assert_eq!(i64::try_from(on_many(&ada, action, &counted).unwrap().await.unwrap().done).unwrap(), jobs);
        let told = t.numbers(&format!("SELECT job_id FROM jobs_audit WHERE action = '{action}' ORDER BY job_id")).await;
        assert!(told == ids, "{action}: {} of {}", told.len(), ids.len());
        let rows = ada.audit(AuditFilter::new().action(action)).await.unwrap().records;
        operations.extend(rows.iter().map(|row| row.operation.clone().unwrap()));
        assert!(rows.iter().all(|row| row.subject.as_ref().is_some_and(|of| of.contains("name:Ping since:20"))));
        assert!(rows.iter().all(|row| row.principal == "ada"));
        t.execute("DELETE FROM jobs_job").await;
    }
    assert_eq!(operations.len(), 4, "{operations:?}");
    assert_eq!(t.number("SELECT COUNT(DISTINCT operation) FROM jobs_audit").await, 4);
}

async fn jobs_that_an_action_leaves_have_no_row(t: Database) {
    let failed = async || {
        let job = Ping::new().schedule(t.db()).unique_key("key").await.unwrap();
        t.execute("UPDATE jobs_job SET status = 3").await;
        job.id()
    };
    let (first, _second) = (failed().await, failed().await);
    let ada = admin(&t);
    let counted = ada.bulk(JobFilter::new()).await.unwrap();
    let summary = ada.retry_all(&counted).unwrap().await.unwrap();
    assert_eq!((summary.done, summary.duplicates), (1, 1));
    let told: Vec<_> = audit(&t).await.into_iter().map(|row| row.job).collect();
    assert_eq!(told, [Some(first)]);
    // What has changed since it was counted.
    assert_eq!(ada.retry_all(&counted).unwrap().await.unwrap().done, 0);
    assert_eq!(rows(&t).await, 1);
}

async fn what_can_not_be_recorded_of_many_is_not_done(t: Database) {
    let ada = admin(&t);
    let jobs = jobs::schedule_all(t.db(), (0..3).map(|_| Ping::new())).await.unwrap();
    let counted = ada.bulk(JobFilter::new()).await.unwrap();
    t.execute("ALTER TABLE jobs_audit RENAME TO elsewhere").await;
    ada.cancel_all(&counted).unwrap().await.unwrap_err();
    for job in jobs {
        assert_eq!(job.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    }
}

async fn an_action_on_many_is_forbidden_before_it_is_called(t: Database) {
    let counted = admin(&t).bulk("error:wrong".parse().unwrap()).await.unwrap();
    for (action, permitted_by) in ON_MANY {
        for denied in [permitted_by, Action::View, Action::ViewPayload] {
            let session = jobs::acting_as(t.db(), Principal::new("ada", Role::Admin).deny(denied));
            let error = on_many(&session, action, &counted).map(drop).unwrap_err();
            assert!(matches!(error, Error::Forbidden { action, .. } if action == denied), "{action}: {error:?}");
        }
    }
    let blind = jobs::acting_as(t.db(), Principal::new("vera", Role::Viewer));
    assert!(matches!(blind.bulk("error:wrong".parse().unwrap()).await, Err(Error::Forbidden { .. })));
}
