//! What others can do while a transaction is open in which somebody has acted on a job.

use jobs::prelude::*;
use jobs::{Error, OnConflict};
use jobs_tests::{Database, Kind, cases, soon};
use sea_orm::{DatabaseTransaction, TransactionTrait as _};

use crate::common::work;
use crate::definitions::{Add, Note};

cases![
    what_a_transaction_has_done_to_its_jobs_holds_up_no_others if Kind::locks_rows,
];

/// The jobs on which one transaction acts.
struct Held {
    waiting: JobId,
    other: JobId,
    ended: JobId,
    doomed: JobId,
}

async fn ended(t: &Database) -> JobId {
    let id = Add::new(1).schedule(t.db()).await.unwrap().id();
    work(t).await;
    id
}

async fn held(t: &Database) -> Held {
    let (ended, doomed) = (ended(t).await, ended(t).await);
    let waiting = Add::new(1).schedule(t.db()).unique_key("held").await.unwrap().id();
    Held { waiting, other: Add::new(2).schedule(t.db()).await.unwrap().id(), ended, doomed }
}

const VERBS: [&str; 5] = ["cancel", "set_parameter", "retry", "delete", "replace"];

async fn act(verb: &str, transaction: &DatabaseTransaction, held: &Held) -> Result<(), Error> {
    match verb {
        "cancel" => jobs::cancel(transaction, held.other).await.map(drop),
        "set_parameter" => jobs::set_parameter(transaction, held.other, "b", 7).await,
        "retry" => jobs::retry(transaction, held.ended).await,
        "delete" => jobs::delete(transaction, held.doomed).await,
        _ => {
            let replacing = Add::new(3).schedule(transaction).unique_key("held").on_conflict(OnConflict::Replace);
            replacing.await.map(|handle| assert_eq!(handle.id(), held.waiting))
        }
    }
}

/// In tables of hardly any rows, which a planner would rather read whole, and of some.
async fn what_a_transaction_has_done_to_its_jobs_holds_up_no_others(t: Database) {
    let other = t.connect().await;
    for rows in [0, 5, 200, 3_000] {
        jobs::schedule_all(t.db(), (0..rows).map(|row| Note::new(row.to_string()))).await.unwrap();
        work(&t).await;
        for verb in VERBS {
            let (free_ended, free_doomed) = (ended(&t).await, ended(&t).await);
            let held = held(&t).await;
            let free = Add::new(4).schedule(t.db()).await.unwrap();
            let transaction = other.begin().await.unwrap();
            act(verb, &transaction, &held).await.unwrap();
            let others = async {
                let new = Add::new(7).schedule(t.db()).await.unwrap();
                jobs::schedule_all(t.db(), [Note::new("a"), Note::new("b")]).await.unwrap();
                let unique = Note::new("c").schedule(t.db()).unique_key("another").await.unwrap();
                jobs::set_parameter(t.db(), free.id(), "b", 8).await.unwrap();
                jobs::cancel(t.db(), free.id()).await.unwrap();
                jobs::retry(t.db(), free_ended).await.unwrap();
                jobs::delete(t.db(), free_doomed).await.unwrap();
                let worker = jobs_tests::Running::start(Worker::new(t.db().clone()));
                assert_eq!(jobs::wait(t.db(), new.id()).await.unwrap().status, JobStatus::Terminated);
                assert_eq!(jobs::wait(t.db(), unique.id()).await.unwrap().status, JobStatus::Terminated);
                worker.stop().await;
            };
            tokio::time::timeout(std::time::Duration::from_secs(45), others)
                .await
                .unwrap_or_else(|_| panic!("`{verb}` in an open transaction holds up others beside {rows} rows"));
            soon(transaction.rollback()).await.unwrap();
            work(&t).await;
        }
    }
}
