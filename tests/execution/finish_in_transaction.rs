//! Jobs that end inside their own transaction.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jobs::prelude::*;
use jobs::{AttemptEnd, Error};
use jobs_tests::{Database, Gate, Kind, Running, cases};
use sea_orm::sqlx::Executor as _;
use sea_orm::{
    ConnectOptions, ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbErr, TransactionTrait as _,
};
use serde_json::json;

use crate::support::definitions::{Play, Script, work, worker, wrong};
use crate::support::rows::{history, insert_worker, take_over, until_status};

cases![
    the_effect_and_the_end_of_a_job_are_committed_together,
    a_finish_that_is_not_committed_fails_the_attempt,
    what_was_said_before_a_finish_that_is_rolled_back_is_kept,
    a_transaction_that_stays_open_for_a_while_is_finished_without_delay,
    a_transaction_that_is_still_open_when_the_job_returns_is_waited_for,
    after_finish_in_the_job_says_nothing_more,
    what_is_returned_after_finish_in_does_not_matter,
    a_transaction_that_has_read_finishes_its_job_whatever_happens_meanwhile,
    an_owner_that_was_fenced_out_cannot_finish_in_its_transaction,
];

/// The job's own transaction, with an effect.
async fn effect(t: &JobContext) -> Result<DatabaseTransaction, DbErr> {
    let transaction = t.db().begin().await?;
    transaction.execute_unprepared("INSERT INTO effect VALUES (1)").await?;
    Ok(transaction)
}

async fn effects(t: &Database) -> i64 {
    t.number("SELECT COUNT(*) FROM effect").await
}

async fn schedule(t: &Database) -> JobHandle<Play> {
    t.execute("CREATE TABLE effect (size INTEGER)").await;
    Play::new().schedule(t.db()).await.unwrap()
}

async fn the_effect_and_the_end_of_a_job_are_committed_together(t: Database) {
    let (handle, gate) = (schedule(&t).await, Gate::default());
    let worker = worker(&t, |job| async move {
        job.message("said");
        job.set_progress(10);
        job.set_result("kept", 1)?;
        let transaction = effect(&job).await?;
        job.finish_in(&transaction, &42).await?;
        job.state::<Gate>().pass().await;
        transaction.commit().await?;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()));
    gate.arrivals(1).await;
    assert_eq!((effects(&t).await, handle.status(t.db()).await.unwrap()), (0, JobStatus::Running));
    gate.open(1);
    assert_eq!(handle.wait(t.db()).await.unwrap(), 42);
    running.stop().await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((effects(&t).await, record.progress, record.attempt), (1, 100, 1));
    assert_eq!(json!(record.results), json!({"kept": 1, "output": 42}));
    assert_eq!(handle.messages(t.db()).await.unwrap().len(), 1);
    assert_eq!(history(&t, handle).await, []);
}

async fn a_finish_that_is_not_committed_fails_the_attempt(t: Database) {
    t.execute("CREATE TABLE effect (size INTEGER)").await;
    let how = ["rolled back", "dropped", "failed"].map(|how| Play::new().with_name(how));
    let handles = jobs::schedule_all(t.db(), how).await.unwrap();
    work(&t, |job| async move {
        let transaction = effect(&job).await?;
        job.finish_in(&transaction, &()).await?;
        match job.parameter::<String>("name")?.as_str() {
            "rolled back" => transaction.rollback().await?,
            "dropped" => drop(transaction),
            _ => return wrong("an error of its own"),
        }
        Ok(())
    })
    .await;
    assert_eq!(effects(&t).await, 0);
    for (handle, reason) in handles.into_iter().zip(["finish_in was not committed", "finish_in", "an error of its own"])
    {
        let record = handle.record(t.db()).await.unwrap();
        assert_eq!((record.status, record.progress, record.results.len()), (JobStatus::Scheduled, 0, 0));
        assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Error)]);
        let told = record.last_error.unwrap();
        assert!(told.starts_with(reason), "{told}");
    }
}

async fn what_was_said_before_a_finish_that_is_rolled_back_is_kept(t: Database) {
    let handle = schedule(&t).await;
    work(&t, |job| async move {
        job.message("before");
        job.set_progress(30);
        let transaction = effect(&job).await?;
        job.finish_in(&transaction, &()).await?;
        transaction.rollback().await?;
        Ok(())
    })
    .await;
    let messages = handle.messages(t.db()).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["before"]);
    assert_eq!(handle.progress(t.db()).await.unwrap(), 30);
}

async fn a_transaction_that_stays_open_for_a_while_is_finished_without_delay(t: Database) {
    let handle = schedule(&t).await;
    work(&t, |job| async move {
        let transaction = effect(&job).await?;
        job.message("said while the transaction is open");
        // Long enough for the worker to try to write it.
        tokio::time::sleep(Duration::from_millis(800)).await;
        let start = Instant::now();
        job.finish_in(&transaction, &()).await?;
        transaction.commit().await?;
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        Ok(())
    })
    .await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, history(&t, handle).await), (JobStatus::Terminated, 1, vec![]));
    assert!((record.finished_at.unwrap() - record.started_at.unwrap()).num_seconds() < 25);
    assert_eq!(handle.messages(t.db()).await.unwrap().len(), 1);
}

/// The transaction that a job leaves open for the case to end.
type Left = Arc<Mutex<Option<DatabaseTransaction>>>;

async fn a_transaction_that_is_still_open_when_the_job_returns_is_waited_for(t: Database) {
    t.execute("CREATE TABLE effect (size INTEGER)").await;
    for commit in [true, false] {
        let handle = Play::new().schedule(t.db()).await.unwrap();
        let (gate, left) = (Gate::default(), Left::default());
        let worker = worker(&t, |job| async move {
            let transaction = effect(&job).await?;
            job.finish_in(&transaction, &"done").await?;
            job.state::<Left>().lock().unwrap().replace(transaction);
            job.state::<Gate>().arrive();
            Ok(())
        });
        let running = Running::start(worker.state(gate.clone()).state(left.clone()));
        gate.arrivals(1).await;
        let transaction = left.lock().unwrap().take().unwrap();
        assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Running);
        if commit {
            transaction.commit().await.unwrap();
            assert_eq!(handle.wait(t.db()).await.unwrap(), "done");
            running.stop().await;
            assert_eq!((effects(&t).await, history(&t, handle).await), (1, vec![]));
        } else {
            transaction.rollback().await.unwrap();
            until_status(&t, handle, JobStatus::Scheduled).await;
            running.stop().await;
            assert_eq!((effects(&t).await, history(&t, handle).await), (1, vec![(1, AttemptEnd::Error)]));
        }
    }
}

async fn after_finish_in_the_job_says_nothing_more(t: Database) {
    let (handle, closed) = (schedule(&t).await, Gate::default());
    let worker = worker(&t, |job| async move {
        let transaction = effect(&job).await?;
        job.finish_in(&transaction, &"done").await?;
        job.message("too late");
        job.set_progress(1);
        let refused = [
            job.set_result("late", 1),
            job.set_status(JobStatus::Failed),
            job.finish_in(&transaction, &"done again").await,
        ];
        for _ in refused.into_iter().filter(|refused| matches!(refused, Err(Error::Closed { .. }))) {
            job.state::<Gate>().arrive();
        }
        transaction.commit().await?;
        Ok(())
    });
    jobs_tests::soon(worker.state(closed.clone()).run_until_idle()).await.unwrap();
    assert_eq!(closed.arrived(), 3);
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.progress), (JobStatus::Terminated, 100));
    assert_eq!(json!(record.results), json!({"output": "done"}));
    assert_eq!(handle.messages(t.db()).await.unwrap(), []);
}

async fn what_is_returned_after_finish_in_does_not_matter(t: Database) {
    t.execute("CREATE TABLE effect (size INTEGER)").await;
    let how = ["error", "panic", "output"].map(|how| Play::new().with_name(how));
    let handles = jobs::schedule_all(t.db(), how).await.unwrap();
    work(&t, |job| async move {
        let transaction = effect(&job).await?;
        job.finish_in(&transaction, &"done").await?;
        transaction.commit().await?;
        match job.parameter::<String>("name")?.as_str() {
            "error" => Err("too late to fail")?,
            "panic" => panic!("too late to panic"),
            _ => Ok("too late"),
        }
    })
    .await;
    for handle in handles {
        assert_eq!(handle.output(t.db()).await.unwrap(), "done");
        assert_eq!(history(&t, handle).await, []);
    }
}

/// Sessions that begin with another isolation level than ours, if there is one.
async fn with_a_stricter_isolation(t: &Database) -> DatabaseConnection {
    let url = match t.kind() {
        Kind::Postgres => format!("{}%20-c%20default_transaction_isolation%3Drepeatable%5C%20read", t.url()),
        _ => t.url().to_owned(),
    };
    let mut options = ConnectOptions::new(url);
    if t.kind().may_refuse_what_has_changed() {
        options.map_sqlx_mysql_pool_opts(|pool| {
            pool.after_connect(|session, _| {
                Box::pin(async { session.execute("SET SESSION innodb_snapshot_isolation = ON").await.map(drop) })
            })
        });
    }
    jobs::connect_with(options).await.unwrap()
}

async fn a_transaction_that_has_read_finishes_its_job_whatever_happens_meanwhile(t: Database) {
    let (handle, db) = (schedule(&t).await, with_a_stricter_isolation(&t).await);
    let others = t.connect().await;
    let script = Script::new(move |job| {
        let others = others.clone();
        async move {
            let transaction = job.begin().await?;
            jobs::record(&transaction, job.id()).await?;
            job.message("the worker writes this");
            job.set_progress(50);
            // Another client writes, too: at once, or when this transaction has ended.
            let mut other =
                tokio::spawn(async move { others.execute_unprepared("INSERT INTO effect VALUES (2)").await });
            let _ = tokio::time::timeout(Duration::from_secs(1), &mut other).await;
            transaction.execute_unprepared("INSERT INTO effect VALUES (1)").await?;
            job.finish_in(&transaction, &"done").await?;
            transaction.commit().await?;
            if !other.is_finished() {
                other.await??;
            }
            Ok(())
        }
    });
    jobs_tests::soon(Worker::new(db).state(script).run_until_idle()).await.unwrap();
    assert_eq!(history(&t, handle).await, []);
    assert_eq!((handle.output(t.db()).await.unwrap(), effects(&t).await), (json!("done"), 2));
    assert_eq!(handle.messages(t.db()).await.unwrap().len(), 1);
}

async fn an_owner_that_was_fenced_out_cannot_finish_in_its_transaction(t: Database) {
    let (handle, gate, lost) = (schedule(&t).await, Gate::default(), Arc::new(Mutex::new(None)));
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        let transaction = effect(&job).await?;
        let finished = job.finish_in(&transaction, &()).await;
        transaction.rollback().await?;
        job.state::<Arc<Mutex<Option<Error>>>>().lock().unwrap().replace(finished.unwrap_err());
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()).state(lost.clone()));
    gate.arrivals(1).await;
    let other = insert_worker(&t, 3600, 0).await;
    take_over(&t, handle, other).await;
    gate.open(1);
    running.stop().await;
    let refused = lost.lock().unwrap().take();
    assert!(matches!(refused, Some(Error::Lost { id, .. }) if id == handle.id()), "{refused:?}");
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.worker_id, effects(&t).await), (JobStatus::Running, Some(other), 0));
}
