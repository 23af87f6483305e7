//! Jobs that exist once, scheduled by many at the same time.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::{Error, OnConflict};
use jobs_tests::{Database, Gate, Kind, Running, cases, soon};
use sea_orm::{ConnectionTrait as _, DatabaseConnection, IsolationLevel, TransactionTrait as _};

use crate::common::{counts, total, work, worker_at};
use crate::definitions::{Add, Gated, Note};

cases![
    many_schedulers_make_one_job,
    many_schedulers_take_a_key_that_is_left_once,
    bulk_schedulers_with_keys_in_any_order_make_one_job_each,
    large_batches_with_the_same_keys_make_one_job_each,
    no_two_jobs_with_a_key_are_open_while_workers_end_them,
    an_open_transaction_s_key_is_waited_for,
    a_key_that_is_rolled_back_is_free,
    an_older_snapshot_makes_no_second_job,
    a_job_that_has_ended_since_the_snapshot_does_not_hold_its_key if Kind::locks_rows,
    two_calls_that_wait_for_a_third_one_s_rollback_both_succeed if Kind::locks_rows,
    a_job_whose_key_is_wanted_in_an_open_transaction_ends_with_that_at_the_latest if Kind::locks_rows,
    batches_that_take_over_the_same_keys_in_any_order_all_succeed,
    batches_in_sessions_that_refuse_what_has_changed_all_succeed if Kind::may_refuse_what_has_changed,
    retries_and_schedulers_at_once_leave_one_job_open,
];

const KEYS: i64 = 5;

fn keyed(number: i64) -> jobs::WithOptions<Add> {
    Add::new(number).with_options(JobOptions::new().unique_key(format!("key {}", number % KEYS)))
}

/// Does this in so many tasks at the same time.
async fn at_once<T, F>(db: &DatabaseConnection, tasks: i64, what: impl Fn(DatabaseConnection, i64) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..tasks).map(|task| tokio::spawn(what(db.clone(), task))).collect();
    let mut done = Vec::new();
    for task in tasks {
        done.push(soon(task).await.unwrap());
    }
    done
}

/// How many handles say that their job is new, by job.
fn new_by_job(handles: &[JobHandle<Add>]) -> HashMap<JobId, usize> {
    let mut new = HashMap::new();
    for handle in handles {
        *new.entry(handle.id()).or_default() += usize::from(!handle.existed());
    }
    new
}

async fn schedule_one_by_one(db: DatabaseConnection, task: i64) -> Vec<JobHandle<Add>> {
    let mut handles = Vec::new();
    for number in 0..20 {
        handles.push(keyed(task + number).schedule(&db).await.unwrap());
    }
    handles
}

async fn many_schedulers_make_one_job(t: Database) {
    let handles = at_once(t.db(), 16, schedule_one_by_one).await.concat();
    let new = new_by_job(&handles);
    assert_eq!((handles.len(), new.len(), total(&t).await), (320, 5, 5));
    assert!(new.values().all(|new| *new == 1), "{new:?}");
}

async fn many_schedulers_take_a_key_that_is_left_once(t: Database) {
    for round in 1..=10 {
        at_once(t.db(), 8, schedule_one_by_one).await;
        assert_eq!(total(&t).await, 5 * round);
        work(&t).await;
    }
}

async fn bulk_schedulers_with_keys_in_any_order_make_one_job_each(t: Database) {
    let all = at_once(t.db(), 8, async |db, task| {
        let mut handles = Vec::new();
        for round in 0..5 {
            let mut numbers: Vec<i64> = (0..KEYS).map(|number| (number * 3 + task + round) % KEYS).collect();
            numbers.extend([task % KEYS, round % KEYS]);
            handles.extend(jobs::schedule_all(&db, numbers.into_iter().map(keyed)).await.unwrap());
        }
        handles
    });
    let handles = all.await.concat();
    let new = new_by_job(&handles);
    assert_eq!((handles.len(), new.len(), total(&t).await), (8 * 5 * 7, 5, 5));
    assert!(new.values().all(|new| *new == 1), "{new:?}");
}

/// More than one statement takes, and each in another order.
async fn large_batches_with_the_same_keys_make_one_job_each(t: Database) {
    let ended = at_once(t.db(), 2, async |db, task| {
        let mut numbers: Vec<i64> = (0..6_000).collect();
        if task == 1 {
            numbers.reverse();
        }
        let job = |number: i64| Add::new(number).with_options(JobOptions::new().unique_key(number.to_string()));
        jobs::schedule_all(&db, numbers.into_iter().map(job)).await
    });
    let handles: Vec<_> = ended.await.into_iter().flat_map(Result::unwrap).collect();
    let new = handles.iter().filter(|handle| !handle.existed()).count();
    assert_eq!((new, total(&t).await), (6_000, 6_000));
}

async fn no_two_jobs_with_a_key_are_open_while_workers_end_them(t: Database) {
    let workers = [(); 2].map(|()| Running::start(Worker::new(t.db().clone())));
    let handles = at_once(t.db(), 8, async |db, task| {
        let (mut handles, mut seen) = (Vec::new(), HashSet::new());
        for number in task.. {
            let handle = keyed(number).schedule(&db).await.unwrap();
            handles.push(handle);
            seen.insert(handle.id());
            // Until a key has had two jobs: else the keys would have been held all the time.
            if handles.len() >= 50 && seen.len() > usize::try_from(KEYS).unwrap() {
                break;
            }
        }
        handles
    });
    let handles = handles.await.concat();
    let ids: HashSet<_> = handles.iter().map(JobHandle::id).collect();
    let mut records = Vec::new();
    for id in ids {
        records.push(soon(jobs::wait(t.db(), id)).await.unwrap());
    }
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(u64::try_from(records.len()).unwrap(), total(&t).await);
    let new: usize = new_by_job(&handles).values().sum();
    assert_eq!(new, records.len());
    records.sort_by_key(|record| record.id);
    let mut last: HashMap<i64, &jobs::JobRecord> = HashMap::new();
    for record in &records {
        let key = record.parameter::<i64>("a").unwrap() % KEYS;
        if let Some(before) = last.insert(key, record) {
            assert!(before.finished_at.unwrap() <= record.created_at, "{before:?}\n{record:?}");
        }
    }
}

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

/// In a transaction that sees what was before: the first has ended there or is not there yet, and holds its key now.
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
            // So that they wait; where one does not yet, it has less to wait for.
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

/// Each of 20 keys is held by a job that has ended.
async fn take_over_batches(t: &Database, connections: &[DatabaseConnection]) {
    const KEYS: i64 = 20;
    // Beside so many others that the database finds each by its index.
    let others =
        (0..3_000).map(|number| Add::new(number).with_options(JobOptions::new().unique_key(format!("other {number}"))));
    jobs::schedule_all(t.db(), others).await.unwrap();
    t.execute(if t.kind().speaks_mysql() { "ANALYZE TABLE jobs_unique" } else { "ANALYZE jobs_unique" }).await;
    work(t).await;
    for round in 0..10 {
        let tasks: Vec<_> = connections.iter().cloned().zip(0_i64..).collect();
        let tasks = tasks.into_iter().map(|(db, task)| {
            let numbers = (0..KEYS).map(move |number| (number * 7 + task * 3 + round) % KEYS);
            let job = |number: i64| Add::new(number).with_options(JobOptions::new().unique_key(number.to_string()));
            let jobs: Vec<_> = numbers.map(job).collect();
            tokio::spawn(async move { jobs::schedule_all(&db, jobs).await })
        });
        let mut new = 0;
        for task in tasks.collect::<Vec<_>>() {
            new += soon(task).await.unwrap().unwrap().iter().filter(|handle| !handle.existed()).count();
        }
        assert_eq!((new, counts(t).await.scheduled), (20, 20), "round {round}");
        work(t).await;
    }
}

async fn batches_that_take_over_the_same_keys_in_any_order_all_succeed(t: Database) {
    let connections = vec![t.db().clone(); 8];
    take_over_batches(&t, &connections).await;
}

/// As MariaDB's sessions do from 11.6 on.
async fn batches_in_sessions_that_refuse_what_has_changed_all_succeed(t: Database) {
    let mut connections = Vec::new();
    for _ in 0..8 {
        let mut options = sea_orm::ConnectOptions::new(t.url());
        options.max_connections(1);
        let db = jobs::connect_with(options).await.unwrap();
        db.execute_unprepared("SET SESSION innodb_snapshot_isolation = ON").await.unwrap();
        connections.push(db);
    }
    take_over_batches(&t, &connections).await;
}

async fn retries_and_schedulers_at_once_leave_one_job_open(t: Database) {
    for round in 0..10 {
        let first = keyed(0).schedule(t.db()).await.unwrap();
        assert!(!first.existed(), "round {round}");
        work(&t).await;
        let results = at_once(t.db(), 6, |db, task| async move {
            match task % 2 {
                0 => first.retry(&db).await.map(|()| first.id()),
                _ => keyed(0).schedule(&db).await.map(|handle| handle.id()),
            }
        });
        for result in results.await {
            assert!(matches!(result, Ok(_) | Err(Error::Duplicate { .. } | Error::NotClosed { .. })), "{result:?}");
        }
        assert_eq!(counts(&t).await.scheduled, 1, "round {round}");
        work(&t).await;
    }
}
