//! Accounts that may have few connections, as those of hosted databases.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{Error, JobFilter};
use jobs_tests::{Account, Database, Kind, Running, cases, soon};
use sea_orm::{ConnectOptions, DatabaseConnection};

use crate::support::definitions::{Play, Script};
use crate::support::rows::until;

cases![
    a_worker_makes_do_with_few_connections if Kind::locks_rows,
    a_worker_makes_do_with_few_connections_on_a_pool_of_the_program_s_own if Kind::locks_rows,
    a_worker_with_too_few_connections_does_not_start_and_says_how_many_it_needs if Kind::locks_rows,
    a_pool_is_no_larger_than_its_account if Kind::locks_rows,
    a_program_connects_where_its_account_may_have_a_single_connection if Kind::locks_rows,
];

/// Each asks the database, too.
fn worker(db: &DatabaseConnection) -> Worker {
    Worker::new(db.clone()).state(Script::new(|job: JobContext| async move {
        jobs::record(job.db(), job.id()).await?;
        Ok(())
    }))
}

/// Schedules and executes jobs with no more than this account.
async fn executes(t: &Database, db: &DatabaseConnection) {
    let running = Running::start(worker(db));
    for _ in 0..3 {
        jobs::schedule_all(db, (0..40).map(|_| Play::new())).await.unwrap();
        Play::new().schedule(db).await.unwrap();
    }
    let last = Play::new().schedule(db).await.unwrap();
    // A call that waits for a connection that is refused fails after 30 seconds.
    soon(last.wait(db)).await.unwrap();
    soon(async {
        while jobs::counts(t.db(), JobFilter::new()).await.unwrap().terminated < 124 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    running.stop().await;
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_attempt").await, 0);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
    t.execute("DELETE FROM jobs_job").await;
}

async fn a_worker_makes_do_with_few_connections(t: Database) {
    for connections in [3, 4, 5, 8] {
        let account = Account::with_connections(&t, connections).await;
        let db = jobs::connect(account.url()).await.unwrap();
        executes(&t, &db).await;
        db.close().await.unwrap();
    }
}

async fn a_worker_makes_do_with_few_connections_on_a_pool_of_the_program_s_own(t: Database) {
    for (connections, pool) in [(3, 1), (5, 2)] {
        let account = Account::with_connections(&t, connections).await;
        let mut options = ConnectOptions::new(account.url());
        options.max_connections(pool);
        let db = sea_orm::Database::connect(options).await.unwrap();
        executes(&t, &db).await;
        db.close().await.unwrap();
    }
}

async fn a_worker_with_too_few_connections_does_not_start_and_says_how_many_it_needs(t: Database) {
    for connections in [1, 2] {
        let account = Account::with_connections(&t, connections).await;
        let db = jobs::connect(account.url()).await.unwrap();
        let error = soon(worker(&db).run()).await.unwrap_err();
        let Error::Setup(what) = &error else { panic!("{error:?}") };
        assert!(what.contains("allow its account 3 or more"), "{what}");
        db.close().await.unwrap();
    }
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
}

async fn a_pool_is_no_larger_than_its_account(t: Database) {
    let account = Account::with_connections(&t, 5).await;
    let db = jobs::connect(account.url()).await.unwrap();
    // Ten at once wait for each other, instead of for connections that the server refuses.
    let calls = (0..10).map(|_| jobs::counts(&db, JobFilter::new()));
    let all = soon(futures_util::future::try_join_all(calls)).await;
    assert_eq!(all.expect("nobody waits for a connection that is refused").len(), 10);
    db.close().await.unwrap();
}

async fn a_program_connects_where_its_account_may_have_a_single_connection(t: Database) {
    let account = Account::with_connections(&t, 1).await;
    let connections = match t.kind() {
        Kind::Postgres => format!("SELECT COUNT(*) FROM pg_stat_activity WHERE usename = '{}'", account.name()),
        _ => format!("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = '{}'", account.name()),
    };
    for _ in 0..50 {
        let db = jobs::connect(account.url()).await.unwrap();
        jobs::counts(&db, JobFilter::new()).await.unwrap();
        db.close().await.unwrap();
        until(|| async { t.number(&connections).await == 0 }).await;
    }
}
