//! Reading what a story needs from the tables, and waiting for it there.

use std::time::Duration;

use jobs_tests::{Database, PATIENCE};
use tokio::time::Instant;

/// Waits until a query returns this number.
pub(crate) async fn until(t: &Database, sql: &str, wanted: i64) {
    let patience = Instant::now() + PATIENCE;
    loop {
        let number = t.number(sql).await;
        if number == wanted {
            return;
        }
        assert!(Instant::now() < patience, "{number} instead of {wanted}: {sql}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a worker of this name has joined; returns its id.
pub(crate) async fn joined(t: &Database, name: &str) -> i64 {
    until(t, &format!("SELECT count(*) FROM jobs_worker WHERE name = '{name}'"), 1).await;
    t.number(&format!("SELECT id FROM jobs_worker WHERE name = '{name}'")).await
}

/// The number of workers that have a row.
pub(crate) async fn workers(t: &Database) -> i64 {
    t.number("SELECT count(*) FROM jobs_worker").await
}

/// Makes the table in which `Note` keeps its executions.
pub(crate) async fn make_notes(t: &Database) {
    t.execute("CREATE TABLE story_note (job_id BIGINT NOT NULL, attempt INTEGER NOT NULL, pid BIGINT NOT NULL)").await;
}
