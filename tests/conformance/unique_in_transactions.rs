//! Unique jobs, scheduled beside open transactions and older snapshots.

use std::time::Duration;

use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::{Error, OnConflict};
use jobs_tests::{Database, Gate, Kind, cases, soon};
use sea_orm::{ConnectionTrait as _, IsolationLevel, TransactionTrait as _};

use crate::support::common::{counts, total, work, worker_at};
use crate::support::definitions::{Add, Gated, Note};
use crate::unique_concurrency::keyed;

cases![
    an_open_transaction_s_key_is_waited_for,
    a_key_that_is_rolled_back_is_free,
    an_older_snapshot_makes_no_second_job,
    a_job_that_has_ended_since_the_snapshot_does_not_hold_its_key if Kind::locks_rows,
    two_calls_that_wait_for_a_third_one_s_rollback_both_succeed if Kind::locks_rows,
    a_job_whose_key_is_wanted_in_an_open_transaction_ends_with_that_at_the_latest if Kind::locks_rows,
];

async fn an_open_transaction_s_key_is_waited_for(t: Database) {
    let transaction = t.db().begin().await.unwrap();
    let first = keyed(0).schedule(&transaction).await.unwrap();
    let other = {
        let db = t.connect().await;
        tokio::spawn(async move { keyed(0).schedule(&db).await })
    };
    transaction.commit().await.unwrap();
    let other = soon(other).await.unwrap().unwrap();
    assert_eq!((other, other.existed(), total(&t).await), (first, true, 1));
}

async fn a_key_that_is_rolled_back_is_free(t: Database) {
    let transaction = t.db().begin().await.unwrap();
    keyed(0).schedule(&transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(!keyed(0).schedule(t.db()).await.unwrap().existed());
    assert_eq!(total(&t).await, 1);
}

/// In a transaction with an older snapshot: there, the first job has ended or does not exist yet; now, it holds its key.
async fn an_older_snapshot_makes_no_second_job(t: Database) {
    if t.kind() == Kind::Sqlite {
        // There is one writer: a transaction that has read an older state can't write.
        let transaction = t.db().begin().await.unwrap();
        keyed(0).schedule(&transaction).await.unwrap();
        transaction.commit().await.unwrap();
        assert!(keyed(0).schedule(t.db()).await.unwrap().existed());
        return;
    }
    let ended = Note::new("ended").schedule(t.db()).unique_key("k").await.unwrap();
    work(&t).await;
    let other = t.connect().await;
    for on_conflict in [OnConflict::UseExisting, OnConflict::Fail, OnConflict::Replace] {
        let transaction = other.begin_with_config(Some(IsolationLevel::RepeatableRead), None).await.unwrap();
        transaction
            .query_one_raw(sea_orm::Statement::from_string(
                t.db().get_database_backend(),
                "SELECT COUNT(*) FROM jobs_job",
            ))
            .await
            .unwrap();
        let (again, new) = (ended.retry(t.db()).await, keyed(1).schedule(t.db()).await.unwrap());
        assert!(again.is_ok(), "{again:?}");
        let retried = Note::new("again").schedule(&transaction).unique_key("k").on_conflict(on_conflict);
        let retried = soon(retried.into_future()).await.map(|handle| handle.id());
        let scheduled = Add::new(1).schedule(&transaction).unique_key("key 1").on_conflict(on_conflict);
        let scheduled = soon(scheduled.into_future()).await.map(|handle| handle.id());
        for (result, held) in [(retried, ended.id()), (scheduled, new.id())] {
            match result {
                Ok(id) | Err(Error::Duplicate { existing: id, .. }) => assert_eq!(id, held, "{on_conflict:?}"),
                // The database says that another one was there first.
                Err(error) => {
                    assert!(error.is_retryable() || error.to_string().contains("aborted"), "{on_conflict:?}: {error}");
                }
            }
        }
        transaction.rollback().await.unwrap();
        assert_eq!(counts(&t).await.scheduled, 2);
        work(&t).await;
    }
}

/// In a transaction that sees it wait. What is scheduled there is new, or the database says that the transaction has to be repeated.
async fn a_job_that_has_ended_since_the_snapshot_does_not_hold_its_key(t: Database) {
    let other = t.connect().await;
    let read = sea_orm::Statement::from_string(t.db().get_database_backend(), "SELECT COUNT(*) FROM jobs_job");
    for in_bulk in [false, true] {
        let first = keyed(0).schedule(t.db()).await.unwrap();
        let transaction = other.begin_with_config(Some(IsolationLevel::RepeatableRead), None).await.unwrap();
        transaction.query_one_raw(read.clone()).await.unwrap();
        work(&t).await;
        assert_eq!(first.status(&transaction).await.unwrap(), JobStatus::Scheduled);
        let again = if in_bulk {
            soon(jobs::schedule_all(&transaction, [keyed(0)]).into_future()).await.map(|handles| handles[0])
        } else {
            soon(keyed(0).schedule(&transaction).into_future()).await
        };
        match again {
            Ok(again) => {
                assert!(!again.existed() && again != first, "{again:?} is {first:?}, which has ended");
                transaction.commit().await.unwrap();
                assert_eq!(again.status(t.db()).await.unwrap(), JobStatus::Scheduled);
            }
            Err(error) => assert!(error.is_retryable(), "{error}"),
        }
        work(&t).await;
    }
}

/// The database may end one of both, as a deadlock.
async fn two_calls_that_wait_for_a_third_one_s_rollback_both_succeed(t: Database) {
    async fn call<C: jobs::Connection>(what: &str, db: &C) -> Result<(), Error> {
        match what {
            "schedule" => keyed(0).schedule(db).await.map(drop),
            "schedule_all" => jobs::schedule_all(db, [keyed(0), keyed(1)]).await.map(drop),
            "pause" => jobs::pause(db, "queue").await,
            "resume" => jobs::resume(db, "queue").await,
            "cron::replace" => cron::replace(db, "schedule", Cron::new("0 0 1 1 *"), Note::new("again")).await,
            other => unreachable!("no call: {other}"),
        }
    }
    let other = t.connect().await;
    for what in ["schedule", "schedule_all", "pause", "resume", "cron::replace"] {
        for _ in 0..10 {
            let third = jobs::begin(&other).await.unwrap();
            call(what, &third).await.unwrap();
            let calls = [t.db(), t.db()].map(|db| {
                let db = db.clone();
                tokio::spawn(async move { call(what, &db).await })
            });
            // So that they wait; if one does not yet, it has less to wait for.
            tokio::time::sleep(Duration::from_millis(30)).await;
            third.rollback().await.unwrap();
            for call in calls {
                soon(call).await.unwrap().unwrap_or_else(|error| panic!("{what}: {error}"));
            }
            for table in ["job", "unique", "queue", "cron"] {
                t.execute(&format!("DELETE FROM jobs_{table}")).await;
            }
        }
    }
}

/// On MariaDB and MySQL, and in a `REPEATABLE READ` anywhere, its row is locked until then. Others are not held up.
async fn a_job_whose_key_is_wanted_in_an_open_transaction_ends_with_that_at_the_latest(t: Database) {
    let (gate, other) = (Gate::default(), t.connect().await);
    let worker = worker_at(&t, &gate);
    for is_repeatable_read in [false, true] {
        let first = Gated::new().schedule(t.db()).unique_key("key").await.unwrap();
        gate.arrivals(1).await;
        let transaction = if is_repeatable_read {
            other.begin_with_config(Some(IsolationLevel::RepeatableRead), None).await.unwrap()
        } else {
            jobs::begin(&other).await.unwrap()
        };
        assert_eq!(Gated::new().schedule(&transaction).unique_key("key").await.unwrap(), first);
        gate.open(1);
        if t.kind() == Kind::Postgres && !is_repeatable_read {
            soon(first.wait(t.db())).await.unwrap();
        }
        for number in 0..20 {
            soon(Add::new(number).schedule(t.db()).await.unwrap().wait(t.db())).await.unwrap();
        }
        transaction.commit().await.unwrap();
        soon(first.wait(t.db())).await.unwrap();
        let record = first.record(t.db()).await.unwrap();
        assert_eq!((record.attempt, first.failed_attempts(t.db()).await.unwrap().len()), (1, 0));
    }
    worker.stop().await;
}
