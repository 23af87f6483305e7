//! A job that is scheduled in a transaction exists if and only if the transaction commits.

use jobs::prelude::*;
use jobs_tests::{Database, Kind, cases};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, TransactionTrait as _};
use serde_json::json;
use std::time::Duration;

use crate::support::common::{assert_not_found, total, work};
use crate::support::definitions::{Add, Ping};

cases![
    a_committed_job_exists,
    a_job_that_was_rolled_back_does_not_exist,
    a_transaction_that_is_dropped_takes_its_jobs_with_it,
    an_open_transaction_s_job_is_not_executed,
    a_batch_is_scheduled_whole_or_not_at_all,
    a_failed_batch_leaves_the_outer_transaction_usable,
    a_batch_belongs_to_the_outer_transaction,
    a_job_can_be_asked_and_changed_in_the_transaction_that_schedules_it,
    a_job_in_an_older_transaction_is_due_from_its_own_statement,
    transactions_that_read_before_they_schedule_do_not_fail,
    a_transaction_that_may_not_write_any_more_says_what_to_do if one_writes_at_a_time,
];

fn one_writes_at_a_time(kind: Kind) -> bool {
    !kind.locks_rows()
}

async fn begin(t: &Database) -> DatabaseTransaction {
    t.db().begin().await.unwrap()
}

async fn a_committed_job_exists(t: Database) {
    let transaction = begin(&t).await;
    let typed = Add::new(1).schedule(&transaction).await.unwrap();
    let named = jobs_tests::schedule_by_name(&transaction, "Add", json!({"a": 2})).await.unwrap();
    transaction.commit().await.unwrap();
    work(&t).await;
    assert_eq!(typed.output(t.db()).await.unwrap(), 2);
    assert_eq!(jobs::output::<i64>(t.db(), named).await.unwrap(), 3);
}

async fn a_job_that_was_rolled_back_does_not_exist(t: Database) {
    let transaction = begin(&t).await;
    let typed = Add::new(1).schedule(&transaction).await.unwrap();
    let named = jobs_tests::schedule_by_name(&transaction, "Add", json!({"a": 2})).await.unwrap();
    let batch = jobs::schedule_all(&transaction, [Add::new(3), Add::new(4)]).await.unwrap();
    assert_eq!(jobs::status(&transaction, named).await.unwrap(), JobStatus::Scheduled);
    transaction.rollback().await.unwrap();
    assert_not_found(typed.status(t.db()).await, typed);
    assert_not_found(jobs::record(t.db(), named).await, named);
    assert_not_found(batch[1].record(t.db()).await, batch[1]);
    assert_eq!(total(&t).await, 0);
}

async fn a_transaction_that_is_dropped_takes_its_jobs_with_it(t: Database) {
    let transaction = begin(&t).await;
    let handle = Add::new(1).schedule(&transaction).await.unwrap();
    drop(transaction);
    assert_not_found(handle.status(t.db()).await, handle);
}

async fn an_open_transaction_s_job_is_not_executed(t: Database) {
    let other = t.connect().await;
    let transaction = begin(&t).await;
    transaction.execute_unprepared("SELECT 1").await.unwrap();
    let before = Ping::new().schedule(&other).await.unwrap();
    work(&t).await;
    let inside = Ping::new().schedule(&transaction).await.unwrap();
    assert_not_found(inside.status(&other).await, inside);
    assert_eq!(before.status(&other).await.unwrap(), JobStatus::Terminated);
    transaction.commit().await.unwrap();
    assert_eq!(inside.status(&other).await.unwrap(), JobStatus::Scheduled);
    work(&t).await;
    assert_eq!(inside.status(&other).await.unwrap(), JobStatus::Terminated);
}

/// 250 jobs, of which the database refuses one that comes late: two have the same user.
async fn batch_that_the_database_refuses(t: &Database) -> impl Iterator<Item = jobs::WithOptions<Add>> + use<> {
    t.execute("CREATE UNIQUE INDEX one_job_per_user ON jobs_job (user_id)").await;
    (0..250).map(|number| {
        let user = if number == 240 { 0 } else { number };
        Add::new(number).with_options(JobOptions::new().user(format!("user {user}")))
    })
}

async fn a_batch_is_scheduled_whole_or_not_at_all(t: Database) {
    let batch = batch_that_the_database_refuses(&t).await;
    let error = jobs::schedule_all(t.db(), batch).await.unwrap_err();
    assert!(matches!(error, jobs::Error::Database(_)) && !error.is_retryable(), "{error}");
    assert_eq!(total(&t).await, 0);
}

async fn a_failed_batch_leaves_the_outer_transaction_usable(t: Database) {
    let batch = batch_that_the_database_refuses(&t).await;
    let transaction = begin(&t).await;
    let before = Add::new(1).schedule(&transaction).await.unwrap();
    jobs::schedule_all(&transaction, batch).await.unwrap_err();
    let after = Add::new(2).schedule(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(total(&t).await, 2);
    for handle in [before, after] {
        assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    }
}

async fn a_batch_belongs_to_the_outer_transaction(t: Database) {
    let outer = begin(&t).await;
    let kept = jobs::schedule_all(&outer, (0..120).map(Add::new)).await.unwrap();
    let inner = outer.begin().await.unwrap();
    jobs::schedule_all(&inner, (0..120).map(Add::new)).await.unwrap();
    inner.rollback().await.unwrap();
    outer.commit().await.unwrap();
    assert_eq!(total(&t).await, 120);
    work(&t).await;
    assert_eq!(kept[119].output(t.db()).await.unwrap(), 120);
}

async fn a_job_can_be_asked_and_changed_in_the_transaction_that_schedules_it(t: Database) {
    let transaction = begin(&t).await;
    let changed = Add::new(1).schedule(&transaction).await.unwrap();
    changed.set_parameter(&transaction, "a", 10).await.unwrap();
    let canceled = Add::new(1).schedule(&transaction).await.unwrap();
    canceled.cancel(&transaction).await.unwrap();
    canceled.retry(&transaction).await.unwrap();
    canceled.cancel(&transaction).await.unwrap();
    canceled.delete(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    work(&t).await;
    assert_eq!(changed.output(t.db()).await.unwrap(), 11);
    assert_not_found(canceled.status(t.db()).await, canceled);
}

async fn a_job_in_an_older_transaction_is_due_from_its_own_statement(t: Database) {
    let other = t.connect().await;
    let transaction = begin(&t).await;
    transaction.execute_unprepared("SELECT 1").await.unwrap();
    // Another connection's statement comes between the begin of the transaction and its job: it tells the time.
    let between = Add::new(1).schedule(&other).await.unwrap().record(&other).await.unwrap();
    let now = Add::new(1).schedule(&transaction).await.unwrap();
    let later = Add::new(1).schedule(&transaction).delay(Duration::from_hours(1)).await.unwrap();
    let batch = jobs::schedule_all(&transaction, [Add::new(1)]).await.unwrap();
    transaction.commit().await.unwrap();
    let hour = chrono::TimeDelta::hours(1);
    for (handle, delay) in [(now, chrono::TimeDelta::zero()), (later, hour), (batch[0], chrono::TimeDelta::zero())] {
        let record = handle.record(t.db()).await.unwrap();
        assert!(record.created_at >= between.created_at, "{} {}", record.created_at, between.created_at);
        assert_eq!(record.scheduled_at - record.created_at, delay);
    }
}

async fn transactions_that_read_before_they_schedule_do_not_fail(t: Database) {
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let url = t.url().to_owned();
            tokio::spawn(async move {
                let db = jobs::connect(url).await?;
                for _ in 0..20 {
                    let transaction = jobs::begin(&db).await?;
                    jobs::counts(&transaction, jobs::JobFilter::new()).await?;
                    Add::new(1).schedule(&transaction).await?;
                    transaction.commit().await.map_err(jobs::Error::from)?;
                }
                Ok::<(), jobs::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(total(&t).await, 80);
}

async fn a_transaction_that_may_not_write_any_more_says_what_to_do(t: Database) {
    let transaction = begin(&t).await;
    jobs::counts(&transaction, jobs::JobFilter::new()).await.unwrap();
    Add::new(1).schedule(&t.connect().await).await.unwrap();
    let error = Add::new(1).schedule(&transaction).await.unwrap_err();
    assert!(error.is_retryable() && error.to_string().contains("begin it with `jobs::begin`"), "{error}");
}
