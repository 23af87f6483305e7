//! Credentials that are changed while a worker runs.

use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Account, Database, Kind, Running, cases, soon};
use sea_orm::{DatabaseConnection, DbBackend};

use crate::support::definitions::{Play, Script};
use crate::support::rows::until;

cases![a_worker_goes_on_with_the_credentials_that_its_pool_was_given_while_it_ran if Kind::locks_rows];

/// Gives the pool another user, as a program does whose credentials have been rotated.
fn rotate(db: &DatabaseConnection, user: &str) {
    if db.get_database_backend() == DbBackend::Postgres {
        let pool = db.get_postgres_connection_pool();
        pool.set_connect_options(pool.connect_options().as_ref().clone().username(user));
    } else {
        let pool = db.get_mysql_connection_pool();
        pool.set_connect_options(pool.connect_options().as_ref().clone().username(user));
    }
}

async fn a_worker_goes_on_with_the_credentials_that_its_pool_was_given_while_it_ran(t: Database) {
    let (old, new) = (Account::with_connections(&t, 20).await, Account::with_connections(&t, 20).await);
    let db = jobs::connect(old.url()).await.unwrap();
    let script = Script::new(|job: JobContext| async move {
        job.message("it is executed");
        Ok(())
    });
    let worker = Worker::new(db.clone()).state(script).heartbeat(Duration::from_millis(200));
    let running = Running::start(worker);
    let first = Play::new().schedule(t.db()).await.unwrap();
    soon(first.wait(t.db())).await.unwrap();

    rotate(&db, new.name());
    old.lock_out().await;
    let second = Play::new().schedule(t.db()).await.unwrap();
    let locked_out = second.record(t.db()).await.unwrap().created_at;
    soon(second.wait(t.db())).await.unwrap();
    // On all of its connections, including its heartbeat's.
    until(|| async { jobs::workers(t.db()).await.unwrap().iter().any(|worker| worker.last_seen_at > locked_out) })
        .await;
    let before = first.record(t.db()).await.unwrap();
    assert_eq!(second.record(t.db()).await.unwrap().worker_id, before.worker_id, "it did not have to begin anew");
    running.stop().await;
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
}
