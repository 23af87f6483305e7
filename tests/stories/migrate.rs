//! Processes that make the tables.

use jobs::prelude::*;
use jobs_tests::{Database, Kind, cases};
use sea_orm::{ConnectionTrait as _, Statement};
use story_jobs::Note;

use crate::support::process::Process;
use crate::support::setup::{Role, Setup};

cases![eight_processes_may_migrate_an_empty_database_at_once];

const TABLES: [&str; 14] = [
    "jobs_job",
    "jobs_message",
    "jobs_attempt",
    "jobs_worker",
    "jobs_queue",
    "jobs_stat",
    "jobs_unique",
    "jobs_cron",
    "jobs_cron_firing",
    "jobs_audit",
    "jobs_limit",
    "jobs_limit_use",
    "jobs_limit_lock",
    "jobs_migration",
];

async fn eight_processes_may_migrate_an_empty_database_at_once(t: Database) {
    let url = empty(&t).await;
    let setup = Setup { url: url.clone(), role: Role::Migrate, ..Setup::new(&t, "migrates") };
    let mut processes: Vec<_> = (0..8).map(|_| Process::start(&setup)).collect();
    for process in &processes {
        process.says("ready").await;
    }
    for process in &mut processes {
        process.open().await;
    }
    for process in &mut processes {
        let (status, log) = process.ended().await;
        assert!(status.success() && log.is_empty(), "{status}: {log:#?}");
    }
    let db = jobs::connect(&url).await.unwrap();
    let migrated = Statement::from_string(db.get_database_backend(), "SELECT count(*) FROM jobs_migration");
    let migrated = db.query_one_raw(migrated).await.unwrap().expect("a count");
    assert_eq!(migrated.try_get_by_index::<i64>(0).unwrap(), 1);
    for table in TABLES {
        db.execute_unprepared(&format!("SELECT count(*) FROM {table}")).await.unwrap();
    }
    let job = Note::new().schedule(&db).await.unwrap();
    assert_eq!(job.status(&db).await.unwrap(), JobStatus::Scheduled);
}

/// The URL of an empty database.
async fn empty(t: &Database) -> String {
    if t.kind() == Kind::Sqlite {
        // Not even the file is there.
        return t.url().replace("jobs.db", "empty.db");
    }
    for table in TABLES {
        t.execute(&format!("DROP TABLE {table}")).await;
    }
    t.url().into()
}
