//! Unique jobs, scheduled by many at the same time.

use std::collections::{HashMap, HashSet};

use jobs::Error;
use jobs::prelude::*;
use jobs_tests::{Database, Kind, Running, cases, soon};
use sea_orm::{ConnectionTrait as _, DatabaseConnection};

use crate::support::common::{counts, total, work};
use crate::support::definitions::Add;

cases![
    many_schedulers_make_one_job,
    many_schedulers_take_a_key_that_is_left_once,
    bulk_schedulers_with_keys_in_any_order_make_one_job_each,
    large_batches_with_the_same_keys_make_one_job_each,
    no_two_jobs_with_a_key_are_open_while_workers_end_them,
    batches_that_take_over_the_same_keys_in_any_order_all_succeed,
    batches_in_sessions_that_refuse_what_has_changed_all_succeed if Kind::may_refuse_what_has_changed,
    retries_and_schedulers_at_once_leave_one_job_open,
];

const KEYS: i64 = 5;

pub(crate) fn keyed(number: i64) -> jobs::WithOptions<Add> {
    Add::new(number).with_options(JobOptions::new().unique_key(format!("key {}", number % KEYS)))
}

/// Does this in several tasks at the same time.
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

/// More than one statement takes, in a different order each time.
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
            // Until a key has had two jobs: otherwise, the keys would have been held all the time.
            if handles.len() >= 50 && seen.len() > usize::try_from(KEYS).unwrap() {
                break;
            }
        }
        handles
    });
    let twice = "SELECT COUNT(*) FROM (SELECT unique_key FROM jobs_job WHERE status IN (0, 1) GROUP BY unique_key HAVING COUNT(*) > 1) twice";
    let watched = async {
        loop {
            assert_eq!(t.number(twice).await, 0, "keys of more than one open job");
        }
    };
    let handles = tokio::select! {
        handles = handles => handles.concat(),
        never = watched => never,
    };
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
    // Ids are taken when a statement begins, which may then wait for the key.
    records.sort_by_key(|record| record.started_at);
    let mut last: HashMap<i64, &jobs::JobRecord> = HashMap::new();
    for record in &records {
        let key = record.parameter::<i64>("a").unwrap() % KEYS;
        if let Some(before) = last.insert(key, record) {
            assert!(before.finished_at <= record.started_at, "{before:?}\n{record:?}");
        }
    }
}

/// Each of 20 keys is held by a job that has ended.
async fn take_over_batches(t: &Database, connections: &[DatabaseConnection]) {
    const KEYS: i64 = 20;
    // Among enough others that the database finds each by its index.
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
