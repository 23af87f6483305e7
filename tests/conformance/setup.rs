//! Creating the tables, dropping them, and what a worker needs to start.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{Error, JobsMigrator};
use jobs_tests::{Database, Kind, cases, soon};
use sea_orm::{ConnectOptions, ConnectionTrait as _, DbErr, Statement, TransactionTrait as _};
use sea_orm_migration::MigratorTrait as _;

use crate::support::common::{refused, total, work};
use crate::support::definitions::{Add, Ping};

cases![
    migrating_again_changes_nothing,
    many_may_migrate_at_once,
    migrating_down_leaves_no_table_of_jobs,
    migrations_can_be_run_afresh,
    migrating_leaves_the_program_s_own_migrations_alone,
    a_program_says_how_many_connections_it_has,
    a_worker_without_tables_does_not_start_and_says_what_to_do,
    what_is_asked_without_tables_is_an_error_of_the_database,
    a_queue_given_twice_is_refused,
    a_queue_without_slots_is_refused,
    a_bad_name_of_a_queue_is_refused,
    a_lease_under_a_second_is_refused,
    a_heartbeat_that_does_not_fit_its_lease_is_refused,
    a_poll_interval_out_of_range_is_refused,
    an_interval_of_samples_out_of_range_is_refused,
];

const TABLES: [&str; 14] = [
    "jobs_attempt",
    "jobs_audit",
    "jobs_cron",
    "jobs_cron_firing",
    "jobs_job",
    "jobs_limit",
    "jobs_limit_lock",
    "jobs_limit_use",
    "jobs_message",
    "jobs_migration",
    "jobs_queue",
    "jobs_stat",
    "jobs_unique",
    "jobs_worker",
];

/// The existing tables, in order.
async fn tables(t: &Database) -> Vec<String> {
    let name = t.name();
    let sql = match t.kind() {
        Kind::Sqlite => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'".to_owned(),
        Kind::Postgres => format!("SELECT tablename::text FROM pg_tables WHERE schemaname = '{name}'"),
        Kind::Mariadb | Kind::Mysql => {
            format!("SELECT table_name FROM information_schema.tables WHERE table_schema = '{name}'")
        }
    };
    let rows = t.db().query_all_raw(Statement::from_string(t.db().get_database_backend(), sql)).await.unwrap();
    let mut tables: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    tables.sort_unstable();
    tables
}

async fn migrating_again_changes_nothing(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let applied = t.number("SELECT COUNT(*) FROM jobs_migration").await;
    jobs::migrate(t.db()).await.unwrap();
    jobs::migrate(&t.connect().await).await.unwrap();
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_migration").await, applied);
    assert_eq!(usize::try_from(applied).unwrap(), JobsMigrator::migrations().len());
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 2);
}

async fn many_may_migrate_at_once(t: Database) {
    for round in 0..3 {
        JobsMigrator::reset(t.db()).await.unwrap();
        assert_eq!(tables(&t).await, [""; 0], "round {round}");
        let mut tasks = Vec::new();
        for _ in 0..8 {
            let db = t.connect().await;
            tasks.push(tokio::spawn(async move { jobs::migrate(&db).await }));
        }
        for task in tasks {
            soon(task).await.unwrap().unwrap();
        }
        assert_eq!(tables(&t).await, TABLES);
        let applied = t.number("SELECT COUNT(*) FROM jobs_migration").await;
        assert_eq!(usize::try_from(applied).unwrap(), JobsMigrator::migrations().len());
    }
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 2);
}

async fn migrating_down_leaves_no_table_of_jobs(t: Database) {
    assert_eq!(tables(&t).await, TABLES);
    Ping::new().schedule(t.db()).await.unwrap();
    JobsMigrator::down(t.db(), None).await.unwrap();
    // What was done and undone is still on record.
    assert_eq!(tables(&t).await, ["jobs_migration"]);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_migration").await, 0);
    jobs::migrate(t.db()).await.unwrap();
    assert_eq!(total(&t).await, 0);
    JobsMigrator::reset(t.db()).await.unwrap();
    assert_eq!(tables(&t).await, [""; 0]);
    assert_eq!(relations(&t).await, 0, "something is left");
}

/// The number of tables, indexes and sequences.
async fn relations(t: &Database) -> i64 {
    let name = t.name();
    t.number(&match t.kind() {
        Kind::Sqlite => "SELECT COUNT(*) FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'".to_owned(),
        Kind::Postgres => format!("SELECT COUNT(*) FROM pg_class WHERE relnamespace = '{name}'::regnamespace"),
        Kind::Mariadb | Kind::Mysql => {
            format!("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '{name}'")
        }
    })
    .await
}

async fn migrations_can_be_run_afresh(t: Database) {
    for round in 0..2 {
        Ping::new().schedule(t.db()).await.unwrap();
        JobsMigrator::refresh(t.db()).await.unwrap();
        assert_eq!((tables(&t).await.len(), total(&t).await), (TABLES.len(), 0), "round {round}");
    }
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 2);
}

async fn a_program_says_how_many_connections_it_has(t: Database) {
    let mut options = ConnectOptions::new(t.url());
    options.max_connections(1).acquire_timeout(Duration::from_secs(2));
    let db = jobs::connect_with(options).await.unwrap();
    let transaction = db.begin().await.unwrap();
    assert!(matches!(db.begin().await, Err(DbErr::ConnectionAcquire(_))));
    let handle = Add::new(1).schedule(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 2);
}

async fn migrating_leaves_the_program_s_own_migrations_alone(t: Database) {
    JobsMigrator::reset(t.db()).await.unwrap();
    t.execute("CREATE TABLE seaql_migrations (version VARCHAR(200) PRIMARY KEY, applied_at BIGINT NOT NULL)").await;
    t.execute("INSERT INTO seaql_migrations VALUES ('m20200101_000001_of_the_program', 1577836800)").await;
    jobs::migrate(t.db()).await.unwrap();
    jobs::migrate(t.db()).await.unwrap();
    assert_eq!(t.number("SELECT COUNT(*) FROM seaql_migrations").await, 1);
    JobsMigrator::reset(t.db()).await.unwrap();
    assert_eq!(tables(&t).await, ["seaql_migrations"]);
}

async fn a_worker_without_tables_does_not_start_and_says_what_to_do(t: Database) {
    JobsMigrator::reset(t.db()).await.unwrap();
    for end in [soon(Worker::new(t.db().clone()).run_until_idle()).await, soon(Worker::new(t.db().clone()).run()).await]
    {
        let Err(Error::Setup(what)) = end else { panic!("{end:?}") };
        assert!(what.contains("jobs::migrate"), "{what}");
    }
}

async fn what_is_asked_without_tables_is_an_error_of_the_database(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    JobsMigrator::reset(t.db()).await.unwrap();
    for error in [
        Add::new(1).schedule(t.db()).await.unwrap_err(),
        handle.status(t.db()).await.unwrap_err(),
        soon(handle.wait(t.db())).await.unwrap_err(),
        handle.cancel(t.db()).await.unwrap_err(),
        jobs::unserved(t.db()).await.unwrap_err(),
    ] {
        assert!(matches!(error, Error::Database(_)) && !error.is_retryable(), "{error}");
    }
}

/// The error with which the worker refuses to start. A job is due: it is not executed.
async fn refusal(t: &Database, set_up: impl FnOnce(Worker) -> Worker) -> String {
    let handle = Ping::new().schedule(t.db()).await.unwrap();
    let refusal = refused(soon(set_up(Worker::new(t.db().clone())).run_until_idle()).await);
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
    refusal
}

async fn a_queue_given_twice_is_refused(t: Database) {
    assert_eq!(refusal(&t, |worker| worker.queue("images", 1).queue("mail", 1).queue("images", 2)).await, "queue");
}

async fn a_queue_without_slots_is_refused(t: Database) {
    assert_eq!(refusal(&t, |worker| worker.queue("images", 0)).await, "concurrency");
    assert_eq!(refusal(&t, |worker| worker.concurrency(0)).await, "concurrency");
    assert_eq!(refusal(&t, |worker| worker.concurrency(usize::MAX)).await, "concurrency");
}

async fn a_bad_name_of_a_queue_is_refused(t: Database) {
    assert_eq!(refusal(&t, |worker| worker.queue("", 1)).await, "queue");
    assert_eq!(refusal(&t, |worker| worker.queue("mail ", 1)).await, "queue");
    assert_eq!(refusal(&t, |worker| worker.jobs_queue("x".repeat(201))).await, "jobs_queue");
}

async fn a_lease_under_a_second_is_refused(t: Database) {
    assert_eq!(refusal(&t, |worker| worker.lease(Duration::from_millis(999))).await, "lease");
    assert_eq!(refusal(&t, |worker| worker.lease(Duration::ZERO)).await, "lease");
    soon(Worker::new(t.db().clone()).lease(Duration::from_secs(1)).run_until_idle()).await.unwrap();
}

async fn a_heartbeat_that_does_not_fit_its_lease_is_refused(t: Database) {
    let second = Duration::from_secs(1);
    assert_eq!(refusal(&t, |worker| worker.heartbeat(Duration::ZERO)).await, "heartbeat");
    assert_eq!(refusal(&t, |worker| worker.heartbeat(30 * second)).await, "heartbeat");
    assert_eq!(refusal(&t, |worker| worker.lease(9 * second).heartbeat(6 * second)).await, "heartbeat");
    assert_eq!(refusal(&t, |worker| worker.lease(9 * second).cancel_grace(6 * second)).await, "heartbeat");
    let fitting = Worker::new(t.db().clone()).lease(9 * second).heartbeat(4 * second).cancel_grace(second);
    soon(fitting.run_until_idle()).await.unwrap();
}

async fn a_poll_interval_out_of_range_is_refused(t: Database) {
    for interval in [Duration::ZERO, Duration::from_millis(9), Duration::from_millis(60_001), Duration::MAX] {
        assert_eq!(refusal(&t, |worker| worker.poll_interval(interval)).await, "poll_interval");
    }
    for interval in [Duration::from_millis(10), Duration::from_mins(1)] {
        soon(Worker::new(t.db().clone()).poll_interval(interval).run_until_idle()).await.unwrap();
    }
}

async fn an_interval_of_samples_out_of_range_is_refused(t: Database) {
    for interval in [Duration::ZERO, Duration::from_millis(999), Duration::from_millis(86_400_001)] {
        assert_eq!(refusal(&t, |worker| worker.sample_queues(interval)).await, "sample_queues");
    }
    for interval in [Duration::from_secs(1), Duration::from_hours(24)] {
        soon(Worker::new(t.db().clone()).sample_queues(interval).run_until_idle()).await.unwrap();
    }
}
