//! Tests of `jobs::testing`, as far as a database matters.

use std::time::Duration;

use jobs::prelude::*;
use jobs::testing::{advance, assert_scheduled, drain_with, refute_scheduled, scheduled};
use jobs_tests::{Database, Kind, cases};
use sea_orm::TransactionTrait as _;

use crate::support::definitions::{Add, Aside, Encore, Play, Script, wrong};
use crate::support::rows::{insert_job, until_status};

cases![
    what_waits_is_listed_with_its_record_oldest_first,
    what_waits_under_an_old_name_is_listed_too,
    what_a_transaction_schedules_is_found_inside_it,
    where_nothing_matches_the_panic_tells_where_and_what_there_is,
    where_something_matches_that_must_not_the_panic_tells_where_and_what,
    draining_executes_what_is_due_and_what_that_schedules,
    draining_serves_queues_that_no_definition_names,
    draining_tells_how_each_job_ended,
    draining_leaves_what_is_due_later_or_has_no_definition,
    advancing_brings_every_due_time_closer_by_as_much,
    advancing_leaves_alone_what_does_not_wait,
    a_database_in_memory_outlives_its_workers if Kind::can_be_in_memory,
];

const HOUR: Duration = Duration::from_hours(1);

/// A script that has nothing to do.
fn idle() -> Script {
    Script::new(|_| async { Ok(()) })
}

/// The message of a check's panic.
async fn panic_of(check: impl Future<Output = ()> + 'static) -> String {
    let panic = tokio::task::spawn_local(check).await.unwrap_err().into_panic();
    *panic.downcast::<String>().unwrap()
}

async fn what_waits_is_listed_with_its_record_oldest_first(t: Database) {
    let first = Add::new(1).schedule(t.db()).priority(5).delay(HOUR).await.unwrap();
    let canceled = Add::new(2).schedule(t.db()).await.unwrap();
    Play::new().schedule(t.db()).await.unwrap();
    let second = Add::new(3).with_b(4).schedule(t.db()).await.unwrap();
    canceled.cancel(t.db()).await.unwrap();
    let all = scheduled::<Add>(t.db()).await.unwrap();
    let found: Vec<_> = all.iter().map(|(record, job)| (record.id, job.a(), job.b())).collect();
    assert_eq!(found, [(first.id(), 1, 1), (second.id(), 3, 4)]);
    assert_eq!(all[0].0, first.record(t.db()).await.unwrap());
}

/// Was once called `Shrink`.
#[derive(Job, Debug)]
#[job(alias = "Shrink")]
#[job_params]
struct Reduce {
    width: u32,
}

impl Execute for Reduce {
    type Output = ();

    async fn execute(&self, _job: &JobContext) -> JobResult {
        Ok(())
    }
}

async fn what_waits_under_an_old_name_is_listed_too(t: Database) {
    let old = insert_job(&t, "Shrink", "aside", r#"{"width": 3}"#).await;
    let new = Reduce::new(4).schedule(t.db()).await.unwrap();
    let all = scheduled::<Reduce>(t.db()).await.unwrap();
    let found: Vec<_> = all.iter().map(|(record, job)| (record.id, job.width())).collect();
    assert_eq!(found, [(old, 3), (new.id(), 4)]);
}

async fn what_a_transaction_schedules_is_found_inside_it(t: Database) {
    let transaction = t.db().begin().await.unwrap();
    Add::new(1).schedule(&transaction).await.unwrap();
    assert_scheduled::<Add>(&transaction, |job| job.a() == 1).await;
    refute_scheduled::<Add>(&transaction, |job| job.a() == 2).await;
    transaction.rollback().await.unwrap();
    refute_scheduled::<Add>(t.db(), |_| true).await;
}

async fn where_nothing_matches_the_panic_tells_where_and_what_there_is(t: Database) {
    let db = t.db().clone();
    let line = line!() + 1;
    let said = panic_of(async move { assert_scheduled::<Add>(&db, |_| true).await }).await;
    assert!(said.starts_with(&format!("{}:{line}:", file!())), "{said}");
    assert!(said.ends_with("no `Add` that matches is scheduled; there are no jobs at all"), "{said}");
    let handle = Add::new(1).schedule(t.db()).queue("aside").await.unwrap();
    let db = t.db().clone();
    let said = panic_of(async move { assert_scheduled::<Add>(&db, |job| job.a() == 7).await }).await;
    assert!(said.contains(&format!("there are 1 jobs:\n  {handle} `Add` SCHEDULED in `aside`, due ")), "{said}");
    assert!(said.ends_with(r#": {"a":1,"b":1}"#), "{said}");
}

async fn where_something_matches_that_must_not_the_panic_tells_where_and_what(t: Database) {
    jobs::schedule_all(t.db(), [1, 2, 3].map(Add::new)).await.unwrap();
    let db = t.db().clone();
    let line = line!() + 1;
    let said = panic_of(async move { refute_scheduled::<Add>(&db, |job| job.a() > 1).await }).await;
    assert!(said.starts_with(&format!("{}:{line}:", file!())), "{said}");
    assert!(said.contains("no `Add` that matches should be scheduled, but 2 are:\n"), "{said}");
    assert!(said.contains(r#"{"a":2,"b":1}"#) && !said.contains(r#"{"a":1,"b":1}"#), "{said}");
}

async fn draining_executes_what_is_due_and_what_that_schedules(t: Database) {
    let first = Play::new().schedule(t.db()).await.unwrap();
    let schedules_another = Script::new(|job| async move {
        if job.name() == "Play" {
            Encore::new().schedule(job.db()).await?;
        }
        Ok(job.name().to_owned())
    });
    let drained = drain_with(t.db(), |worker| worker.state(schedules_another.clone())).await.unwrap();
    drained.assert_all_terminated();
    let names: Vec<_> = drained.jobs.iter().map(|job| job.output::<String>().unwrap()).collect();
    assert_eq!(names, ["Play", "Encore"]);
    assert_eq!(drained.jobs[0], first.record(t.db()).await.unwrap());
    let nothing = drain_with(t.db(), |worker| worker.state(idle())).await.unwrap();
    assert!(nothing.jobs.is_empty(), "{nothing:?}");
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
}

async fn draining_serves_queues_that_no_definition_names(t: Database) {
    Play::new().schedule(t.db()).queue("unheard of").await.unwrap();
    let schedules_elsewhere = Script::new(|job| async move {
        match job.queue() {
            "unheard of" => Play::new().schedule(job.db()).queue("never heard of").await.map(drop)?,
            "never heard of" => Play::new().schedule(job.db()).await.map(drop)?,
            _ => {}
        }
        Ok(())
    });
    let drained = drain_with(t.db(), |worker| worker.state(schedules_elsewhere.clone())).await.unwrap();
    drained.assert_all_terminated();
    let queues: Vec<_> = drained.jobs.iter().map(|job| job.queue.as_str()).collect();
    assert_eq!(queues, ["unheard of", "never heard of", "play"]);
}

async fn draining_tells_how_each_job_ended(t: Database) {
    for how in ["well", "error", "fail", "cancel", "snooze"] {
        Play::new().with_name(how).schedule(t.db()).await.unwrap();
    }
    let script = Script::new(|job| async move {
        match job.parameter::<String>("name")?.as_str() {
            "error" => wrong("the disk is full"),
            "fail" => wrong(JobError::fail("it will never do")),
            "cancel" => wrong(JobError::cancel("never mind")),
            "snooze" => wrong(JobError::snooze(HOUR)),
            _ => Ok(()),
        }
    });
    let drained = drain_with(t.db(), |worker| worker.state(script.clone())).await.unwrap();
    let counts = drained.counts();
    assert_eq!((counts.terminated, counts.failed, counts.canceled, counts.scheduled), (1, 1, 1, 2));
    assert_eq!(counts.total(), 5);
    let said = panic_of(async move { drained.assert_all_terminated() }).await;
    assert!(said.starts_with("4 of 5 jobs have not terminated:\n"), "{said}");
    assert!(said.contains("`Play` SCHEDULED after attempt 1: the disk is full"), "{said}");
    assert!(said.contains("`Play` FAILED after attempt 1: it will never do"), "{said}");
}

async fn draining_leaves_what_is_due_later_or_has_no_definition(t: Database) {
    let later = Play::new().schedule(t.db()).delay(HOUR).await.unwrap().id();
    let unknown = insert_job(&t, "Unknown", "play", "{}").await;
    let drained = drain_with(t.db(), |worker| worker.state(idle())).await.unwrap();
    assert!(drained.jobs.is_empty(), "{drained:?}");
    for id in [later, unknown] {
        assert_eq!(jobs::status(t.db(), id).await.unwrap(), JobStatus::Scheduled);
    }
}

async fn advancing_brings_every_due_time_closer_by_as_much(t: Database) {
    let delayed = Play::new().schedule(t.db()).delay(2 * HOUR).await.unwrap();
    let retried = Play::new().schedule(t.db()).await.unwrap();
    let script = Script::new(|job| async move { if job.attempt() == 1 { wrong("again") } else { Ok(()) } });
    let drain = || async { drain_with(t.db(), |worker| worker.state(script.clone())).await.unwrap() };
    assert_eq!(drain().await.counts().scheduled, 1);

    let before = delayed.record(t.db()).await.unwrap();
    let time = HOUR + Duration::from_micros(499);
    advance(t.db(), time).await.unwrap();
    let after = delayed.record(t.db()).await.unwrap();
    assert_eq!((before.scheduled_at - after.scheduled_at).num_milliseconds(), 3_600_001);
    assert_eq!(before.created_at, after.created_at);

    // The retry is due, and what was delayed by more is not.
    drain().await.assert_all_terminated();
    assert_eq!(retried.record(t.db()).await.unwrap().attempt, 2);
    assert_eq!(delayed.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    advance(t.db(), HOUR).await.unwrap();
    assert_eq!(drain().await.counts().scheduled, 1);
    assert_eq!(delayed.record(t.db()).await.unwrap().last_error.as_deref(), Some("again"));
}

async fn advancing_leaves_alone_what_does_not_wait(t: Database) {
    let ended = Aside::new().schedule(t.db()).await.unwrap();
    drain_with(t.db(), |worker| worker.state(idle())).await.unwrap();
    until_status(&t, ended, JobStatus::Terminated).await;
    let before = ended.record(t.db()).await.unwrap();
    advance(t.db(), HOUR).await.unwrap();
    assert_eq!(ended.record(t.db()).await.unwrap(), before);
}

/// The database is dropped with its only connection.
async fn a_database_in_memory_outlives_its_workers(_: Database) {
    for _ in 0..100 {
        let db = jobs::testing::database().await.unwrap();
        for number in 0..2 {
            let handle = Add::new(number).schedule(&db).await.unwrap();
            Worker::new(db.clone()).state(idle()).run_until_idle().await.unwrap();
            assert_eq!(handle.output(&db).await.unwrap(), number + 1);
        }
    }
}
