//! Users who may do no more than they need. The rights are read from the guide "Deploying".

use std::time::Duration;

use jobs::cron::{self, Cron, Missed};
use jobs::prelude::*;
use jobs::{AuditFilter, Error, JobFilter, OnConflict, Principal, Role, StatsRange, UniqueWhile};
use jobs_tests::{Account, Database, Kind, Running, cases, soon};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, TransactionTrait as _};

use crate::support::definitions::{Add, Note, Ping, Send, Talk};

cases![
    a_scheduler_can_schedule if Kind::locks_rows,
    a_worker_can_work if Kind::locks_rows,
    an_operator_can_operate if Kind::locks_rows,
    a_reader_can_read_and_no_more if Kind::locks_rows,
    tables_that_are_up_to_date_are_not_written_to if Kind::locks_rows,
    tables_of_a_later_release_are_left_as_they_are,
    tables_of_another_branch_are_refused_with_what_to_do,
];

const GUIDE: &str = include_str!("../../jobs/src/guide/deploying.md");

/// A user with the rights that the guide names for this role.
async fn account<'t>(t: &'t Database, role: &str) -> Account<'t> {
    let cells = |line: &'static str| line.trim_matches(['|', ' ']).split('|').map(|cell| cell.trim_matches([' ', '`']));
    let mut lines =
        GUIDE.lines().skip_while(|line| !line.starts_with("| table |")).take_while(|line| line.starts_with('|'));
    let column = cells(lines.next().unwrap()).position(|name| name == role).unwrap();
    let account = Account::new(t).await;
    for line in lines.skip(1) {
        let (table, rights) = (cells(line).next().unwrap(), cells(line).nth(column).unwrap());
        if !rights.is_empty() {
            account.grant(rights, &format!("{}.{table}", t.name())).await;
        }
    }
    if t.kind() == Kind::Postgres && role != "reader" {
        account.grant("USAGE", &format!("SEQUENCE {}.jobs_job_id_seq", t.name())).await;
    }
    account
}

async fn a_scheduler_can_schedule(t: Database) {
    let account = account(&t, "scheduler").await;
    let db = jobs::connect(account.url()).await.unwrap();
    jobs::migrate(&db).await.unwrap();
    let one = Add::new(1).schedule(&db).await.unwrap();
    jobs::schedule_all(&db, (0..300).map(Add::new)).await.unwrap();
    let transaction = db.begin().await.unwrap();
    Ping::new().schedule(&transaction).delay(Duration::from_hours(1)).await.unwrap();
    transaction.commit().await.unwrap();
    let unique = |text: &str, then| {
        let options = JobOptions::new().unique_key("key").on_conflict(then);
        Note::new(text).with_options(options.unique_while(UniqueWhile::Scheduled))
    };
    let first = unique("first", OnConflict::UseExisting).schedule(&db).await.unwrap();
    let second = unique("second", OnConflict::UseExisting).schedule(&db).await.unwrap();
    assert!(second.existed() && second.id() == first.id());
    unique("third", OnConflict::Replace).schedule(&db).await.unwrap();
    jobs::schedule_all(&db, (0..5).map(|number| unique(&number.to_string(), OnConflict::UseExisting))).await.unwrap();
    let canceled = Ping::new().schedule(&db).await.unwrap();
    canceled.cancel(&db).await.unwrap();
    jobs::why(&db, one.id()).await.unwrap();

    let worker = Running::start(Worker::new(t.db().clone()));
    assert_eq!(soon(one.wait(&db)).await.unwrap(), 2);
    assert_eq!(soon(first.wait(&db)).await.unwrap(), "third");
    // Its key is free: its job has ended.
    assert!(!unique("last", OnConflict::UseExisting).schedule(&db).await.unwrap().existed());
    let error = jobs::acting_as(&db, Principal::new("ada", Role::Admin)).pause("mail").await.unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    let error = jobs::acting_as(&db, Principal::new("ada", Role::Admin)).schedule(Ping::new()).await.unwrap_err();
    assert!(error.to_string().contains("the rights of an operator"), "{error:?}");
    one.messages(&db).await.unwrap();
    one.failed_attempts(&db).await.unwrap();
    worker.stop().await;
    db.close().await.unwrap();
}

async fn a_worker_can_work(t: Database) {
    let account = account(&t, "worker").await;
    let db = jobs::connect(account.url()).await.unwrap();
    jobs::migrate(&db).await.unwrap();
    cron::add(t.db(), "often", Cron::new("* * * * * *").missed(Missed::All(100)), Ping::new()).await.unwrap();
    let handles = jobs::schedule_all(t.db(), (0..300).map(Add::new)).await.unwrap();
    let [well, failed, error] = ["well", "fail", "error"].map(Talk::new);
    let well = well.schedule(t.db()).await.unwrap();
    let failed = failed.schedule(t.db()).await.unwrap();
    error.schedule(t.db()).await.unwrap();
    let old = Ping::new().schedule(t.db()).await.unwrap();
    old.cancel(t.db()).await.unwrap();
    let past = t.seconds_from_now(-100 * 24 * 3600);
    t.execute(&format!("UPDATE jobs_job SET finished_at = {past} WHERE id = {}", old.id())).await;
    jobs::acting_as(t.db(), Principal::new("ada", Role::Admin)).pause("mail").await.unwrap();
    t.execute(&format!("UPDATE jobs_audit SET at = {past}")).await;
    t.execute(&format!("INSERT INTO jobs_stat VALUES (0, {past}, 7, '{{}}', '{{}}')")).await;

    let running = Running::start(Worker::new(db.clone()).sample_queues(Duration::from_secs(1)));
    assert_eq!(soon(well.wait(t.db())).await.unwrap(), "done");
    soon(failed.wait(t.db())).await.unwrap_err();
    for handle in handles {
        soon(handle.wait(t.db())).await.unwrap();
    }
    assert_eq!(well.messages(t.db()).await.unwrap().len(), 3);
    soon(async {
        while cron::history(t.db(), "often").await.unwrap().is_empty()
            || !matches!(old.status(t.db()).await, Err(Error::NotFound { .. }))
            || t.number("SELECT COUNT(*) FROM jobs_audit").await > 0
            || t.number("SELECT COUNT(*) FROM jobs_stat WHERE worker_id = 7").await > 0
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    running.stop().await;
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
    assert_eq!(jobs::stats(t.db(), StatsRange::Hour).await.unwrap().total.failed, 1);
    db.close().await.unwrap();
}

async fn an_operator_can_operate(t: Database) {
    let account = account(&t, "operator").await;
    let db = jobs::connect(account.url()).await.unwrap();
    jobs::migrate(&db).await.unwrap();
    let failed = Talk::new("fail").schedule(t.db()).await.unwrap();
    crate::support::common::work(&t).await;
    failed.retry(&db).await.unwrap();
    failed.set_parameter(&db, "end", "well").await.unwrap();
    crate::support::common::work(&t).await;
    failed.delete(&db).await.unwrap();
    let unique = Note::new("one").schedule(t.db()).unique_key("key").await.unwrap();
    jobs::cancel(&db, unique.id()).await.unwrap();
    jobs::retry(&db, unique.id()).await.unwrap();
    let all = jobs::bulk(&db, JobFilter::new()).await.unwrap();
    all.run_now(&db).await.unwrap();
    all.cancel(&db).await.unwrap();
    let canceled = jobs::bulk(&db, JobFilter::new().status(JobStatus::Canceled)).await.unwrap();
    assert_eq!(canceled.retry(&db).await.unwrap().done, 1);
    jobs::bulk(&db, JobFilter::new()).await.unwrap().delete(&db).await.unwrap();
    let secret = Send::new("ada").schedule(&db).await.unwrap();
    let pin: u16 = jobs::reveal_parameter(&db, secret.id(), "pin").await.unwrap();
    assert_eq!(pin, 0);
    jobs::pause(&db, "mail").await.unwrap();
    jobs::resume(&db, "mail").await.unwrap();
    let cron = || Cron::new("0 3 * * *");
    cron::add(&db, "nightly", cron(), Ping::new()).await.unwrap();
    cron::replace(&db, "nightly", cron(), Ping::new()).await.unwrap();
    cron::pause(&db, "nightly").await.unwrap();
    cron::resume(&db, "nightly").await.unwrap();
    cron::run_now(&db, "nightly").await.unwrap();
    look(&db).await;
    cron::remove(&db, "nightly").await.unwrap();
    let ada = jobs::acting_as(&db, Principal::new("ada", Role::Admin));
    let job = ada.schedule(Talk::new("fail")).await.unwrap();
    ada.set_parameter(job, "end", "well").await.unwrap();
    ada.cancel(job).await.unwrap();
    ada.delete(job).await.unwrap();
    assert_eq!(ada.audit(AuditFilter::new()).await.unwrap().records.len(), 4);
    for change in ["UPDATE jobs_audit SET principal = 'eve'", "DELETE FROM jobs_audit"] {
        db.execute_unprepared(change).await.unwrap_err();
    }
    db.close().await.unwrap();
}

/// Calls everything that only reads.
async fn look(db: &DatabaseConnection) {
    for job in jobs::list(db, JobFilter::new()).await.unwrap().jobs {
        jobs::record(db, job.id).await.unwrap();
        jobs::messages(db, job.id).await.unwrap();
        jobs::failed_attempts(db, job.id).await.unwrap();
    }
    jobs::counts(db, JobFilter::new()).await.unwrap();
    jobs::counts_by_queue(db).await.unwrap();
    jobs::queues(db).await.unwrap();
    jobs::workers(db).await.unwrap();
    jobs::unserved(db).await.unwrap();
    jobs::stats(db, StatsRange::Hour).await.unwrap();
    jobs::failures(db).await.unwrap();
    jobs::acting_as(db, Principal::new("vera", Role::Admin)).audit(AuditFilter::new()).await.unwrap();
    for schedule in cron::list(db).await.unwrap() {
        cron::history(db, &schedule.name).await.unwrap();
    }
}

async fn a_reader_can_read_and_no_more(t: Database) {
    let account = account(&t, "reader").await;
    let db = jobs::connect(account.url()).await.unwrap();
    jobs::migrate(&db).await.unwrap();
    let talk = Talk::new("well").schedule(t.db()).await.unwrap();
    cron::add(t.db(), "nightly", Cron::new("0 3 * * *"), Ping::new()).await.unwrap();
    crate::support::common::work(&t).await;
    look(&db).await;
    assert_eq!(soon(talk.wait(&db)).await.unwrap(), "done");
    for error in [
        Add::new(1).schedule(&db).await.unwrap_err(),
        talk.retry(&db).await.unwrap_err(),
        talk.delete(&db).await.unwrap_err(),
        jobs::pause(&db, "mail").await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Database(_)) && !error.is_retryable(), "{error:?}");
    }
    db.close().await.unwrap();
}

async fn tables_that_are_up_to_date_are_not_written_to(t: Database) {
    let account = Account::new(&t).await;
    account.grant("SELECT", &format!("{}.jobs_migration", t.name())).await;
    let db = jobs::connect(account.url()).await.unwrap();
    jobs::migrate(&db).await.unwrap();
    db.close().await.unwrap();
}

async fn tables_of_a_later_release_are_left_as_they_are(t: Database) {
    t.execute("INSERT INTO jobs_migration VALUES ('m20990101_000001_of_a_later_release', 4070908800)").await;
    jobs::migrate(t.db()).await.unwrap();
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_migration").await, 2);
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    crate::support::common::work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 2);
}

async fn tables_of_another_branch_are_refused_with_what_to_do(t: Database) {
    t.execute("UPDATE jobs_migration SET version = 'm20990101_000001_of_another_branch'").await;
    let error = jobs::migrate(t.db()).await.unwrap_err().to_string();
    assert!(
        error.contains("m20990101_000001_of_another_branch") && error.contains("migrate with a release"),
        "{error}"
    );
}
