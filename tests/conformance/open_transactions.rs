//! Calls that others can make while a transaction is open that has used a verb.

use std::time::Duration;

use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::{Error, OnConflict};
use jobs_tests::{Database, Kind, PATIENCE, Running, cases, soon};
use sea_orm::{DatabaseTransaction, TransactionTrait as _};

use crate::support::common::work;
use crate::support::definitions::{Add, Note, Talk};

cases![
    what_a_transaction_has_done_alone_in_its_tables_holds_up_no_others if Kind::locks_rows,
    what_a_transaction_has_done_holds_up_no_others if Kind::locks_rows,
    what_a_repeatable_read_has_done_alone_in_its_tables_holds_up_no_others if Kind::speaks_mysql,
    what_a_repeatable_read_has_done_holds_up_no_others if Kind::speaks_mysql,
];

/// The calls of a transaction: each on its own job, queue or schedule, or on one that does not exist.
const VERBS: [&str; 28] = [
    "schedule",
    "schedule with a key",
    "schedule with a key that is held",
    "replace",
    "cancel",
    "set_parameter",
    "run_now",
    "retry",
    "delete",
    "pause",
    "resume",
    "cron::add",
    "cron::replace",
    "cron::pause",
    "cron::resume",
    "cron::remove",
    "cron::run_now",
    "cancel what is not there",
    "set_parameter what is not there",
    "run_now what is not there",
    "retry what is not there",
    "delete what is not there",
    "resume what is not there",
    "cron::replace what is not there",
    "cron::pause what is not there",
    "cron::resume what is not there",
    "cron::remove what is not there",
    "cron::run_now what is not there",
];

/// Those that lock gaps under `REPEATABLE READ`, as the documentation of `jobs::begin` says.
const LOCK_GAPS: [&str; 3] = ["delete", "cron::remove", "cron::run_now"];

/// A verb, and what it acts on.
struct Held {
    verb: &'static str,
    /// The name of its queue, schedule or key: those of the others come before and after it.
    name: String,
    id: JobId,
}

fn yearly() -> Cron {
    Cron::new("0 0 1 1 *")
}

impl Held {
    /// Creates what the verb needs, and no more.
    async fn new(t: &Database, verb: &'static str) -> Self {
        let name = format!("held by {verb}");
        let mut id = JobId::from(1 << 40);
        match verb {
            "schedule with a key that is held" | "replace" => {
                id = Add::new(1).schedule(t.db()).unique_key(&name).delay(Duration::from_hours(1)).await.unwrap().id();
            }
            "cancel" | "set_parameter" | "run_now" => {
                id = Add::new(1).schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap().id();
            }
            "retry" | "delete" => {
                id = Talk::new("fail").schedule(t.db()).await.unwrap().id();
                work(t).await;
            }
            "resume" => jobs::pause(t.db(), &name).await.unwrap(),
            "cron::replace" | "cron::pause" | "cron::resume" | "cron::remove" | "cron::run_now" => {
                cron::add(t.db(), &name, yearly(), Note::new("held")).await.unwrap();
                cron::run_now(t.db(), &name).await.unwrap();
                if verb == "cron::resume" {
                    cron::pause(t.db(), &name).await.unwrap();
                }
            }
            _ => {}
        }
        Self { verb, name, id }
    }

    async fn act(&self, transaction: &DatabaseTransaction) {
        let (verb, what_is_there) = match self.verb.strip_suffix(" what is not there") {
            Some(verb) => (verb, false),
            None => (self.verb, true),
        };
        match self.try_act(verb, transaction).await {
            Ok(()) => assert!(what_is_there || ["resume", "cron::replace"].contains(&verb), "{}", self.verb),
            Err(Error::NotFound { .. } | Error::NoSchedule { .. }) if !what_is_there => {}
            Err(error) => panic!("{}: {error}", self.verb),
        }
    }

    async fn try_act(&self, verb: &str, transaction: &DatabaseTransaction) -> Result<(), Error> {
        let Self { name, id, .. } = self;
        let add = || Add::new(3).schedule(transaction);
        let is_held = |handle: JobHandle<Add>| assert_eq!(handle.id(), *id);
        match verb {
            "schedule" => add().await.map(drop),
            "schedule with a key" => add().unique_key(name).await.map(drop),
            "schedule with a key that is held" => add().unique_key(name).await.map(is_held),
            "replace" => add().unique_key(name).on_conflict(OnConflict::Replace).await.map(is_held),
            "cancel" => jobs::cancel(transaction, *id).await.map(drop),
            "set_parameter" => jobs::set_parameter(transaction, *id, "b", 7).await,
            "run_now" => jobs::run_now(transaction, *id).await,
            "retry" => jobs::retry(transaction, *id).await,
            "delete" => jobs::delete(transaction, *id).await,
            "pause" => jobs::pause(transaction, name).await,
            "resume" => jobs::resume(transaction, name).await,
            "cron::add" => cron::add(transaction, name, yearly(), Note::new("held")).await,
            "cron::replace" => cron::replace(transaction, name, yearly(), Note::new("else")).await,
            "cron::pause" => cron::pause(transaction, name).await,
            "cron::resume" => cron::resume(transaction, name).await,
            "cron::remove" => cron::remove(transaction, name).await,
            "cron::run_now" => cron::run_now(transaction, name).await.map(drop),
            other => unreachable!("no verb: {other}"),
        }
    }
}

/// Does everything that the transaction does, and executes jobs and fires schedules.
async fn all_else(t: &Database) {
    let db = t.db();
    let (well, failing) =
        (Talk::new("well").schedule(db).await.unwrap(), Talk::new("fail").schedule(db).await.unwrap());
    jobs::schedule_all(db, [Note::new("a"), Note::new("b")]).await.unwrap();
    let late = Add::new(1).schedule(db).delay(Duration::from_hours(1)).await.unwrap();
    jobs::set_parameter(db, late.id(), "b", 8).await.unwrap();
    late.cancel(db).await.unwrap();
    late.delete(db).await.unwrap();
    for name in ["before", "later"] {
        let keyed = async || Note::new("c").schedule(db).unique_key(name).on_conflict(OnConflict::Replace).await;
        keyed().await.unwrap().wait(db).await.unwrap();
        keyed().await.unwrap().wait(db).await.unwrap();
        jobs::pause(db, name).await.unwrap();
        jobs::resume(db, name).await.unwrap();
        cron::add(db, name, yearly(), Note::new(name)).await.unwrap();
        cron::pause(db, name).await.unwrap();
        cron::resume(db, name).await.unwrap();
        cron::run_now(db, name).await.unwrap();
        cron::remove(db, name).await.unwrap();
        cron::replace(db, name, Cron::new("* * * * * *"), Note::new(name)).await.unwrap();
    }
    well.wait(db).await.unwrap();
    failing.wait(db).await.unwrap_err();
    for name in ["before", "later"] {
        while cron::history(db, name).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    well.retry(db).await.unwrap();
    well.wait(db).await.unwrap();
    well.delete(db).await.unwrap();
}

/// One transaction uses these verbs; before it ends, others do everything else.
async fn hold(t: &Database, verbs: &[&'static str], is_repeatable_read: bool) {
    let mut held = Vec::new();
    for verb in verbs {
        held.push(Held::new(t, verb).await);
    }
    let other = t.connect().await;
    let transaction = if is_repeatable_read { other.begin().await } else { Ok(jobs::begin(&other).await.unwrap()) };
    let transaction = transaction.unwrap();
    for held in held {
        held.act(&transaction).await;
    }
    let worker = Running::start(Worker::new(t.db().clone()));
    // MariaDB and MySQL refuse a call that has waited for a lock for 50 seconds; PostgreSQL lets it wait.
    let done = tokio::time::timeout(PATIENCE, all_else(t)).await;
    assert!(done.is_ok(), "others are held up by {verbs:?} in an open transaction");
    soon(transaction.rollback()).await.unwrap();
    worker.stop().await;
}

fn verbs(is_repeatable_read: bool) -> Vec<&'static str> {
    VERBS.into_iter().filter(|verb| !is_repeatable_read || !LOCK_GAPS.contains(verb)).collect()
}

/// Holds each verb in turn, in tables of one row or none.
async fn hold_each(t: Database, is_repeatable_read: bool) {
    for verb in verbs(is_repeatable_read) {
        hold(&t, &[verb], is_repeatable_read).await;
        for table in ["job", "message", "attempt", "unique", "queue", "cron", "cron_firing"] {
            t.execute(&format!("DELETE FROM jobs_{table}")).await;
        }
    }
}

/// Holds all verbs, in tables of hardly any rows, which a planner would rather read whole, and of some.
async fn hold_all(t: Database, is_repeatable_read: bool) {
    for rows in [5, 200, 3_000] {
        jobs::schedule_all(t.db(), (0..rows).map(|row| Note::new(row.to_string()))).await.unwrap();
        work(&t).await;
        hold(&t, &verbs(is_repeatable_read), is_repeatable_read).await;
        for table in ["unique", "queue", "cron", "cron_firing"] {
            t.execute(&format!("DELETE FROM jobs_{table}")).await;
        }
    }
}

async fn what_a_transaction_has_done_alone_in_its_tables_holds_up_no_others(t: Database) {
    Box::pin(hold_each(t, false)).await;
}

async fn what_a_transaction_has_done_holds_up_no_others(t: Database) {
    Box::pin(hold_all(t, false)).await;
}

async fn what_a_repeatable_read_has_done_alone_in_its_tables_holds_up_no_others(t: Database) {
    Box::pin(hold_each(t, true)).await;
}

async fn what_a_repeatable_read_has_done_holds_up_no_others(t: Database) {
    Box::pin(hold_all(t, true)).await;
}
