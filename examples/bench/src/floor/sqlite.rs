//! The floor on SQLite. Each statement is its own transaction that begins as a write: it waits its turn.

use std::time::Duration;

use jobs::sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use jobs::sea_orm::sqlx::{ConnectOptions as _, Row as _, SqliteConnection, query, query_scalar};

use super::{Claimed, OWNER, json};
use crate::Result;

pub(super) const CLAIM: &str = "
UPDATE jobs_job
SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = ?1,
    started_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
WHERE id IN (
    SELECT id FROM jobs_job
    WHERE status = 0 AND queue = 'bench' AND priority = 0 AND name = 'Noop'
      AND scheduled_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    ORDER BY scheduled_at, id LIMIT ?2)
RETURNING id, version, name, attempt, parameters";

pub(super) const FINISH: &str = "
UPDATE jobs_job
SET status = 4, version = version + 1, finished_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), progress = 100
FROM (SELECT value ->> 0 AS ended_id, value ->> 1 AS ended_version FROM json_each(?1)) AS ended
WHERE id = ended_id AND version = ended_version
RETURNING id";

pub(super) const INSERT: &str = "
INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at)
VALUES ('Noop', 'bench', 0, 5, 5, ?1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
RETURNING id";

const INSERT_ALL: &str = "
INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at)
SELECT 'Noop', 'bench', 0, 5, 5, value, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
FROM json_each(?1)
RETURNING id";

/// With the settings of `jobs::connect`.
pub(super) async fn open(url: &str) -> Result<SqliteConnection> {
    let options = url
        .parse::<SqliteConnectOptions>()?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(30));
    Ok(options.disable_statement_logging().connect().await?)
}

pub(super) async fn claim(connection: &mut SqliteConnection, most: i64) -> Result<Vec<Claimed>> {
    let rows = query(CLAIM).bind(OWNER).bind(most).fetch_all(connection).await?;
    rows.iter().map(claimed).collect()
}

fn claimed(row: &SqliteRow) -> Result<Claimed> {
    Ok(Claimed {
        id: row.try_get(0)?,
        version: row.try_get(1)?,
        name: row.try_get(2)?,
        attempt: row.try_get(3)?,
        parameters: row.try_get(4)?,
    })
}

pub(super) async fn finish(connection: &mut SqliteConnection, jobs: &[Claimed]) -> Result<Vec<i64>> {
    Ok(query_scalar(FINISH).bind(json(jobs)?).fetch_all(connection).await?)
}

pub(super) async fn insert(connection: &mut SqliteConnection, parameters: String) -> Result<i64> {
    Ok(query_scalar(INSERT).bind(parameters).fetch_one(connection).await?)
}

pub(super) async fn insert_all(connection: &mut SqliteConnection, parameters: &[String]) -> Result<Vec<i64>> {
    let objects = format!("[{}]", parameters.join(","));
    Ok(query_scalar(INSERT_ALL).bind(objects).fetch_all(connection).await?)
}
