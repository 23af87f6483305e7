//! The audit: a row for each change on somebody's behalf, in the same transaction, and never a value.

use std::collections::BTreeSet;

use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::{Action, AuditAction, AuditFilter, Error, NamedJob, OnConflict, Principal, Role, Session};
use jobs_tests::{Database, Kind, cases};
use serde_json::json;

use crate::support::audit::{admin, audit, rows};
use crate::support::common::{assert_read_back, work};
use crate::support::definitions::{Ping, Send, Talk};

cases![
    each_change_has_its_row,
    what_fails_leaves_no_row,
    what_can_not_be_recorded_is_not_done,
    no_row_has_a_value,
    functions_of_programs_leave_no_row,
    a_job_s_audit_stays_when_it_is_deleted,
    a_job_that_is_used_or_replaced_is_told_from_a_new_one,
    a_revealed_parameter_is_recorded_though_it_has_another_type,
];

fn talk() -> NamedJob {
    NamedJob::new("Talk", json!({"end": "well"}))
}

/// Jobs and a schedule for [`change`].
struct Subjects {
    waiting: JobId,
    failed: JobId,
}

async fn subjects(t: &Database) -> Subjects {
    let failed = Talk::new("fail").schedule(t.db()).await.unwrap().id();
    work(t).await;
    let waiting = Talk::new("well").schedule(t.db()).await.unwrap().id();
    cron::replace(t.db(), "nightly", Cron::new("0 3 * * *"), Ping::new()).await.unwrap();
    Subjects { waiting, failed }
}

/// What a row must tell of a change.
#[derive(Debug, Default, PartialEq)]
struct Told {
    job: Option<JobId>,
    subject: Option<String>,
    changed: Vec<String>,
}

fn about(job: JobId) -> Told {
    Told { job: Some(job), ..Told::default() }
}

fn of(subject: &str) -> Told {
    Told { subject: Some(subject.into()), ..Told::default() }
}

/// Makes the change that has this name in the audit, and returns what its row must tell.
async fn change(
    session: &Session,
    action: AuditAction,
    Subjects { waiting, failed }: &Subjects,
) -> Result<Told, Error> {
    let (waiting, failed) = (*waiting, *failed);
    let daily = || Cron::new("@daily");
    Ok(match action {
        AuditAction::Schedule => Told { job: Some(session.schedule(talk()).await?.id()), ..of("Talk") },
        AuditAction::Cancel => session.cancel(waiting).await.map(|_| about(waiting))?,
        AuditAction::Retry => session.retry(failed).await.map(|()| about(failed))?,
        AuditAction::RunNow => session.run_now(waiting).await.map(|()| about(waiting))?,
        AuditAction::SetParameter => {
            session.set_parameter(waiting, "end", "error").await?;
            Told { changed: vec!["end".into()], ..about(waiting) }
        }
        AuditAction::Delete => session.delete(failed).await.map(|()| about(failed))?,
        AuditAction::RevealParameter => {
            session.reveal_parameter::<String>(waiting, "end").await?;
            Told { job: Some(waiting), ..of("end") }
        }
        AuditAction::PauseQueue => session.pause("mail").await.map(|()| of("mail"))?,
        AuditAction::ResumeQueue => session.resume("mail").await.map(|()| of("mail"))?,
        AuditAction::AddSchedule => session.add_schedule("daily", daily(), talk()).await.map(|()| of("daily"))?,
        AuditAction::ReplaceSchedule => {
            session.replace_schedule("nightly", daily(), talk()).await.map(|()| of("nightly"))?
        }
        AuditAction::PauseSchedule => session.pause_schedule("nightly").await.map(|()| of("nightly"))?,
        AuditAction::ResumeSchedule => session.resume_schedule("nightly").await.map(|()| of("nightly"))?,
        AuditAction::RunScheduleNow => Told { job: Some(session.run_schedule_now("nightly").await?), ..of("nightly") },
        AuditAction::RemoveSchedule => session.remove_schedule("nightly").await.map(|()| of("nightly"))?,
        other => panic!("no change is known here that the audit calls {other}"),
    })
}

/// All that can be done.
fn actions() -> impl Iterator<Item = AuditAction> {
    AuditAction::ALL.iter().copied().filter(|action| *action != AuditAction::Unknown)
}

async fn each_change_has_its_row(t: Database) {
    for action in actions() {
        let subjects = subjects(&t).await;
        let before = rows(&t).await;
        let told = change(&admin(&t), action, &subjects).await.unwrap_or_else(|error| panic!("{action}: {error:?}"));
        assert_eq!(rows(&t).await, before + 1, "{action}");
        let row = audit(&t).await.remove(0);
        assert_read_back(&row);
        assert_eq!((row.action, row.principal.as_str(), row.origin.as_deref()), (action, "ada", Some("203.0.113.7")));
        assert_eq!((row.operation, Told { job: row.job, subject: row.subject, changed: row.changed }), (None, told));
        let age = t.number(&seconds_ago(t.kind(), row.id)).await;
        assert!((0..60).contains(&age), "{action} was {age} seconds ago");
    }
    let all: BTreeSet<_> = audit(&t).await.into_iter().map(|row| row.action).collect();
    assert_eq!(all, actions().collect());
}

/// How long ago a row was written, by the database's clock.
fn seconds_ago(kind: Kind, id: i64) -> String {
    let age = match kind {
        Kind::Sqlite => "CAST(unixepoch('now', 'subsec') - unixepoch(at, 'subsec') AS INTEGER)",
        Kind::Postgres => "EXTRACT(EPOCH FROM statement_timestamp() - at)::bigint",
        Kind::Mariadb | Kind::Mysql => "TIMESTAMPDIFF(SECOND, at, UTC_TIMESTAMP(6))",
    };
    format!("SELECT {age} FROM jobs_audit WHERE id = {id}")
}

async fn what_fails_leaves_no_row(t: Database) {
    let Subjects { waiting, failed } = subjects(&t).await;
    let ada = admin(&t);
    ada.cancel(failed).await.map(drop).unwrap_err();
    ada.cancel(999).await.map(drop).unwrap_err();
    ada.retry(waiting).await.unwrap_err();
    ada.delete(waiting).await.unwrap_err();
    ada.run_now(failed).await.unwrap_err();
    ada.set_parameter(failed, "end", "well").await.unwrap_err();
    ada.set_parameter(waiting, "end", 7).await.unwrap_err();
    ada.reveal_parameter::<u8>(waiting, "nothing").await.unwrap_err();
    ada.schedule(NamedJob::new("Talk", json!({"end": 7}))).await.map(drop).unwrap_err();
    ada.pause("").await.unwrap_err();
    ada.add_schedule("nightly", Cron::new("@daily"), talk()).await.unwrap_err();
    ada.pause_schedule("nowhere").await.unwrap_err();
    ada.run_schedule_now("nowhere").await.map(drop).unwrap_err();
    ada.remove_schedule("nowhere").await.unwrap_err();
    let options = || JobOptions::new().unique_key("key").on_conflict(OnConflict::Fail);
    ada.schedule(talk().with_options(options())).await.unwrap();
    ada.schedule(talk().with_options(options())).await.map(drop).unwrap_err();
    assert_eq!(rows(&t).await, 1);
}

async fn what_can_not_be_recorded_is_not_done(t: Database) {
    let all = |table: &str| format!("SELECT COUNT(*) FROM {table}");
    for action in actions() {
        let subjects = subjects(&t).await;
        t.execute("ALTER TABLE jobs_audit RENAME TO elsewhere").await;
        let before = state(&t, &subjects).await;
        let error = change(&admin(&t), action, &subjects).await.unwrap_err();
        assert!(matches!(error, Error::Database(_)), "{action}: {error:?}");
        assert_eq!(state(&t, &subjects).await, before, "{action}");
        t.execute("ALTER TABLE elsewhere RENAME TO jobs_audit").await;
        assert_eq!(t.number(&all("jobs_audit")).await, 0, "{action}");
    }
}

/// Everything that a change may change.
async fn state(t: &Database, subjects: &Subjects) -> impl PartialEq + std::fmt::Debug {
    (
        jobs::record(t.db(), subjects.waiting).await.unwrap(),
        jobs::record(t.db(), subjects.failed).await.unwrap(),
        t.number("SELECT COUNT(*) FROM jobs_job").await,
        jobs::queues(t.db()).await.unwrap().into_iter().map(|queue| (queue.name, queue.paused_at)).collect::<Vec<_>>(),
        cron::list(t.db()).await.unwrap(),
        cron::history(t.db(), "nightly").await.unwrap(),
    )
}

async fn no_row_has_a_value(t: Database) {
    const SECRET: &str = "hunter2";
    let ada = admin(&t);
    let job = ada.schedule(NamedJob::new("SignIn", json!({"pin": {"$secret": SECRET}, "user": SECRET}))).await.unwrap();
    ada.set_parameter(job, "pin", SECRET).await.unwrap();
    ada.set_parameter(job, "user", SECRET).await.unwrap();
    assert_eq!(ada.reveal_parameter::<String>(job, "pin").await.unwrap(), SECRET);
    let cron = || Cron::new("@daily");
    ada.add_schedule("daily", cron(), NamedJob::new("SignIn", json!({"pin": SECRET}))).await.unwrap();
    ada.replace_schedule("daily", cron(), NamedJob::new("SignIn", json!({"pin": [SECRET]}))).await.unwrap();
    let keyed = || JobOptions::new().unique_key(SECRET).user(SECRET).on_conflict(OnConflict::Replace);
    ada.schedule(Send::new(SECRET).with_options(keyed())).await.unwrap();
    ada.schedule(Send::new(SECRET).with_options(keyed())).await.unwrap();
    for filter in ["name:Send address:hunter2", "name:Send key:hunter2"] {
        let counted = ada.bulk(filter.parse().unwrap()).await.unwrap();
        assert_eq!(ada.run_all_now(&counted).unwrap().await.unwrap().done, 1, "{filter}");
    }
    assert_eq!(rows(&t).await, 10);
    for column in ["principal", "origin", "action", "subject", "operation", "changed"] {
        let with = format!("SELECT COUNT(*) FROM jobs_audit WHERE CAST({column} AS CHAR(1000)) LIKE '%{SECRET}%'");
        assert_eq!(t.number(&with).await, 0, "{column}");
    }
    let names: Vec<_> = audit(&t).await.into_iter().flat_map(|row| row.changed).collect();
    assert_eq!(names, ["address", "pin", "user", "pin"]);
}

async fn a_revealed_parameter_is_recorded_though_it_has_another_type(t: Database) {
    let Subjects { waiting, .. } = subjects(&t).await;
    let error = admin(&t).reveal_parameter::<u8>(waiting, "end").await.unwrap_err();
    assert!(matches!(error, Error::Decode { .. }), "{error:?}");
    assert_eq!(audit(&t).await[0].action, AuditAction::RevealParameter);
}

async fn functions_of_programs_leave_no_row(t: Database) {
    let Subjects { waiting, failed } = subjects(&t).await;
    jobs::run_now(t.db(), waiting).await.unwrap();
    jobs::cancel(t.db(), waiting).await.unwrap();
    jobs::retry(t.db(), failed).await.unwrap();
    jobs::pause(t.db(), "mail").await.unwrap();
    cron::run_now(t.db(), "nightly").await.unwrap();
    assert_eq!(rows(&t).await, 0);
}

async fn a_job_s_audit_stays_when_it_is_deleted(t: Database) {
    let Subjects { failed, .. } = subjects(&t).await;
    admin(&t).delete(failed).await.unwrap();
    let rows = admin(&t).audit(AuditFilter::new().job(failed)).await.unwrap().records;
    assert_eq!(rows.iter().map(|row| row.action).collect::<Vec<_>>(), [AuditAction::Delete]);
}

async fn a_job_that_is_used_or_replaced_is_told_from_a_new_one(t: Database) {
    let ada = admin(&t);
    let keyed = |then| talk().with_options(JobOptions::new().unique_key("key").on_conflict(then));
    let first = ada.schedule(keyed(OnConflict::Replace)).await.unwrap();
    assert!(ada.schedule(keyed(OnConflict::UseExisting)).await.unwrap().existed());
    assert_eq!(rows(&t).await, 1);
    assert!(ada.schedule(keyed(OnConflict::Replace)).await.unwrap().existed());
    let told: Vec<_> = audit(&t).await.into_iter().map(|row| (row.action, row.job, row.changed)).collect();
    let of_first = |changed| (AuditAction::Schedule, Some(first.id()), changed);
    assert_eq!(told, [of_first(vec!["end".to_owned()]), of_first(vec![])]);
    let may_not_edit = jobs::acting_as(t.db(), Principal::new("ada", Role::Admin).deny(Action::Edit));
    may_not_edit.schedule(keyed(OnConflict::UseExisting)).await.unwrap();
    let error = may_not_edit.schedule(keyed(OnConflict::Replace)).await.map(drop).unwrap_err();
    assert!(matches!(error, Error::Forbidden { action: Action::Edit, .. }), "{error:?}");
}
