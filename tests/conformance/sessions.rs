//! Connections that are set up differently from ours: by the user, in another time zone, with another isolation level.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{SubsecRound as _, TimeDelta, Utc};
use jobs::cron::{self, Cron, Missed};
use jobs::prelude::*;
use jobs::{JobFilter, JobRecord};
use jobs_tests::{Database, Gate, Kind, Running, cases, soon};
use sea_orm::sqlx::Executor as _;
use sea_orm::{ConnectOptions, ConnectionTrait as _, DatabaseConnection, Statement, TransactionTrait as _};

use crate::support::definitions::{Add, Gated, Ping, Talk};

cases![
    a_connection_that_the_user_built_works,
    times_are_the_same_in_every_time_zone,
    due_times_are_judged_alike_in_every_time_zone,
    workers_share_the_work_under_a_stricter_isolation,
    a_running_job_is_canceled_under_a_stricter_isolation,
    a_schedule_fires_each_time_once_in_strange_sessions,
];

/// The connection of a user who has read only sea-orm's manual.
async fn built_by_the_user(t: &Database) -> DatabaseConnection {
    let mut options = ConnectOptions::new(t.url().to_owned());
    if t.kind() == Kind::Sqlite {
        options.max_connections(1);
        options.map_sqlx_sqlite_opts(|options| options.journal_mode(sea_orm::sqlx::sqlite::SqliteJournalMode::Delete));
    }
    soon(async {
        loop {
            match sea_orm::Database::connect(options.clone()).await {
                // SQLite's threads may still be closing what was open before, and its log goes with the last of them.
                Err(error) if error.to_string().contains("database is locked") => {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                connected => return connected.unwrap(),
            }
        }
    })
    .await
}

async fn a_connection_that_the_user_built_works(t: Database) {
    // With SQLite's log switched off for the file, and not only for the session.
    t.db().clone().close().await.unwrap();
    let db = built_by_the_user(&t).await;
    jobs::migrate(&db).await.unwrap();
    let gate = Gate::default();
    let worker = Running::start(Worker::new(db.clone()).state(gate.clone()));
    let gated = Gated::new().with_name("ada").schedule(&db).await.unwrap();
    gate.arrivals(1).await;
    let transaction = db.begin().await.unwrap();
    let in_transaction = Add::new(1).schedule(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(soon(in_transaction.wait(&db)).await.unwrap(), 2);
    let handles = jobs::schedule_all(&db, (0..300).map(Add::new)).await.unwrap();
    for (a, handle) in (0..).zip(&handles) {
        assert_eq!(soon(handle.wait(&db)).await.unwrap(), a + 1);
    }
    let talk = Talk::new("well").schedule(&db).await.unwrap();
    assert_eq!(soon(talk.wait(&db)).await.unwrap(), "done");
    assert_eq!(talk.messages(&db).await.unwrap().len(), 3);
    let canceled = Gated::new().schedule(&db).await.unwrap();
    gate.arrivals(1).await;
    canceled.cancel(&db).await.unwrap();
    soon(canceled.wait(&db)).await.unwrap_err();
    gate.open(1);
    assert_eq!(soon(gated.wait(&db)).await.unwrap(), "ada");
    worker.stop().await;
    talk.delete(&db).await.unwrap();
    let counts = jobs::counts(&db, JobFilter::new()).await.unwrap();
    assert_eq!((counts.terminated, counts.canceled, counts.total()), (302, 1, 303));
    db.close().await.unwrap();
}

/// A connection whose sessions are five and a half hours ahead; none for SQLite, whose sessions have no time zone.
async fn in_another_time_zone(t: &Database) -> DatabaseConnection {
    let mut options = ConnectOptions::new(t.url().to_owned());
    options.max_connections(5).map_sqlx_mysql_opts(|options| options.timezone(Some("+05:30".into())));
    // The driver asks for UTC when it connects; a user may say otherwise then.
    options.map_sqlx_postgres_pool_opts(|options| {
        options.after_connect(|session, _| {
            Box::pin(async move { session.execute("SET TIME ZONE 'Asia/Kolkata'").await.map(|_| ()) })
        })
    });
    let db = sea_orm::Database::connect(options).await.unwrap();
    let offset = match t.kind() {
        Kind::Sqlite => return db,
        Kind::Postgres => "SELECT EXTRACT(TIMEZONE FROM now())::bigint",
        Kind::Mariadb | Kind::Mysql => "SELECT CAST(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) AS SIGNED)",
    };
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), offset)).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 19_800, "the case is about another time zone");
    db
}

async fn times_are_the_same_in_every_time_zone(t: Database) {
    let there = in_another_time_zone(&t).await;
    let at = Utc::now().trunc_subsecs(3) - TimeDelta::hours(2);
    for (writes, reads) in [(t.db(), &there), (&there, t.db())] {
        let before = Add::new(1).schedule(t.db()).await.unwrap().record(t.db()).await.unwrap();
        let delayed = Add::new(1).schedule(writes).delay(Duration::from_hours(1)).await.unwrap();
        let timed = Add::new(1).schedule(writes).at(at).await.unwrap();
        soon(Worker::new(writes.clone()).run_until_idle()).await.unwrap();
        let after = Add::new(1).schedule(t.db()).await.unwrap().record(t.db()).await.unwrap();
        let [delayed, timed] = [reads_alike(writes, reads, delayed).await, reads_alike(writes, reads, timed).await];
        assert_eq!(delayed.scheduled_at - delayed.created_at, TimeDelta::hours(1));
        assert_eq!(timed.scheduled_at, at);
        for time in [delayed.created_at, timed.created_at, timed.started_at.unwrap(), timed.finished_at.unwrap()] {
            assert!((before.created_at..=after.created_at).contains(&time), "{time} {before:?} {after:?}");
        }
        let found = JobFilter::new().created_from(timed.created_at).created_until(after.created_at);
        let found: HashSet<_> = jobs::list(reads, found).await.unwrap().jobs.iter().map(|record| record.id).collect();
        assert!(found.contains(&timed.id) && !found.contains(&before.id), "{found:?}");
    }
}

async fn reads_alike(one: &DatabaseConnection, other: &DatabaseConnection, handle: JobHandle<Add>) -> JobRecord {
    let record = handle.record(one).await.unwrap();
    assert_eq!(handle.record(other).await.unwrap(), record);
    record
}

async fn due_times_are_judged_alike_in_every_time_zone(t: Database) {
    let there = in_another_time_zone(&t).await;
    for (schedules, works) in [(t.db(), &there), (&there, t.db())] {
        let past = Add::new(1).schedule(schedules).at(Utc::now() - TimeDelta::minutes(1)).await.unwrap();
        let now = Add::new(1).schedule(schedules).await.unwrap();
        let delayed = Add::new(1).schedule(schedules).delay(Duration::from_mins(1)).await.unwrap();
        let future = Add::new(1).schedule(schedules).at(Utc::now() + TimeDelta::minutes(1)).await.unwrap();
        let waiting: HashSet<_> = jobs::unserved(works)
            .await
            .unwrap()
            .iter()
            .map(|unserved| (unserved.name.clone(), unserved.jobs))
            .collect();
        assert_eq!(waiting, HashSet::from([("Add".to_owned(), 2)]));
        soon(Worker::new(works.clone()).run_until_idle()).await.unwrap();
        for (handle, status) in [
            (past, JobStatus::Terminated),
            (now, JobStatus::Terminated),
            (delayed, JobStatus::Scheduled),
            (future, JobStatus::Scheduled),
        ] {
            assert_eq!(handle.status(schedules).await.unwrap(), status);
        }
    }
}

/// Sessions that begin with more isolation than READ COMMITTED. SQLite has one level.
async fn with_a_stricter_isolation(t: &Database) -> DatabaseConnection {
    let url = if t.kind() == Kind::Postgres {
        format!("{}%20-c%20default_transaction_isolation%3Drepeatable%5C%20read", t.url())
    } else {
        t.url().to_owned()
    };
    let mut options = ConnectOptions::new(url);
    options.max_connections(10).map_sqlx_mysql_pool_opts(|options| {
        options.after_connect(|session, _| {
            Box::pin(async move {
                session.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ").await.map(|_| ())
            })
        })
    });
    let db = sea_orm::Database::connect(options).await.unwrap();
    let level = match t.kind() {
        Kind::Sqlite => return db,
        Kind::Postgres => "SHOW default_transaction_isolation",
        Kind::Mariadb => "SELECT @@tx_isolation",
        Kind::Mysql => "SELECT @@transaction_isolation",
    };
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), level)).await.unwrap().unwrap();
    let level: String = row.try_get_by_index(0).unwrap();
    assert_eq!(level.to_lowercase().replace('-', " "), "repeatable read", "the case is about another isolation level");
    db
}

async fn workers_share_the_work_under_a_stricter_isolation(t: Database) {
    let first = with_a_stricter_isolation(&t).await;
    let second = with_a_stricter_isolation(&t).await;
    let workers = [&first, &second].map(|db| Running::start(Worker::new(db.clone()).queue("long-running", 8)));
    let scheduling = [&first, &second, &first, &second].map(|db| {
        let db = db.clone();
        tokio::spawn(async move {
            let mut handles = Vec::new();
            for batch in 0..5 {
                handles.extend(jobs::schedule_all(&db, (batch * 30..(batch + 1) * 30).map(Add::new)).await.unwrap());
                handles.push(Add::new(150 + batch).schedule(&db).await.unwrap());
            }
            handles
        })
    });
    for handles in scheduling {
        for handle in soon(handles).await.unwrap() {
            let record = soon(jobs::wait(&first, handle.id())).await.unwrap();
            assert_eq!((record.status, record.attempt), (JobStatus::Terminated, 1), "{record:?}");
            assert_eq!(record.output::<i64>().unwrap(), record.parameter::<i64>("a").unwrap() + 1);
        }
    }
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_attempt").await, 0);
    assert_eq!(crate::support::common::counts(&t).await.terminated, 4 * 155);
}

async fn a_running_job_is_canceled_under_a_stricter_isolation(t: Database) {
    let db = with_a_stricter_isolation(&t).await;
    let gate = Gate::default();
    let worker = Running::start(Worker::new(db.clone()).state(gate.clone()));
    let handles = jobs::schedule_all(&db, ["a", "b"].map(|name| Gated::new().with_name(name))).await.unwrap();
    gate.arrivals(2).await;
    handles[0].cancel(&db).await.unwrap();
    soon(handles[0].wait(&db)).await.unwrap_err();
    gate.open(1);
    assert_eq!(soon(handles[1].wait(&db)).await.unwrap(), "b");
    worker.stop().await;
    assert_eq!(handles[0].status(&db).await.unwrap(), JobStatus::Canceled);
}

async fn a_schedule_fires_each_time_once_in_strange_sessions(t: Database) {
    let (strict, elsewhere) = (with_a_stricter_isolation(&t).await, in_another_time_zone(&t).await);
    cron::add(&elsewhere, "often", Cron::new("* * * * * *").missed(Missed::All(100)), Ping::new()).await.unwrap();
    let added = cron::list(&strict).await.unwrap().remove(0);
    assert!((added.next_at.unwrap() - Utc::now()).abs() < TimeDelta::minutes(1), "{added:?}");
    let workers = [&strict, &strict, &elsewhere].map(|db| Running::start(Worker::new(db.clone())));
    soon(async {
        while cron::history(&strict, "often").await.unwrap().len() < 3 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    cron::pause(&strict, "often").await.unwrap();
    for worker in workers {
        worker.stop().await;
    }
    let jobs = jobs::list(&elsewhere, JobFilter::new()).await.unwrap().jobs;
    let times: HashSet<_> = jobs.iter().map(|job| job.nominal_time.unwrap()).collect();
    let history = cron::history(&strict, "often").await.unwrap();
    assert_eq!((times.len(), history.len()), (jobs.len(), jobs.len()), "{jobs:?}");
    assert!(times.iter().all(|time| (*time - Utc::now()).abs() < TimeDelta::minutes(2)), "{times:?}");
}
