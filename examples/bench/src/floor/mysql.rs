//! The floor on MariaDB: what is claimed is locked first, in a transaction, since an update returns no rows.

use jobs::sea_orm::sqlx::mysql::{MySqlConnectOptions, MySqlRow};
use jobs::sea_orm::sqlx::query::Query;
use jobs::sea_orm::sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, MySqlConnection, Row as _, query,
};

use super::{Claimed, OWNER, json};
use crate::Result;

pub(super) const LOCK: &str = "
SELECT id, version, name, attempt, CAST(parameters AS CHAR)
FROM jobs_job
WHERE status = 0 AND queue = 'bench' AND priority = 0 AND name = 'Noop' AND scheduled_at <= UTC_TIMESTAMP(6)
ORDER BY scheduled_at, id LIMIT ? FOR UPDATE SKIP LOCKED";

pub(super) const CLAIM: &str = "
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (claimed BIGINT PATH '$[0]')) AS batch
STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON id = claimed
SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = ?, started_at = UTC_TIMESTAMP(6)";

pub(super) const FINISH: &str = "
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (ended BIGINT PATH '$[0]', ended_version BIGINT PATH '$[1]')) AS batch
STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON id = ended AND version = ended_version
SET version = version + 1, finished_at = UTC_TIMESTAMP(6), progress = 100, status = 4";

pub(super) const INSERT: &str = "
INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at) VALUES ";

pub(super) const ROW: &str = "('Noop', 'bench', 0, 5, 5, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6))";

/// Rows of one statement.
const CHUNK: usize = 1_000;

pub(super) async fn open(url: &str) -> Result<MySqlConnection> {
    let mut connection = url.parse::<MySqlConnectOptions>()?.disable_statement_logging().connect().await?;
    connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED").await?;
    Ok(connection)
}

pub(super) async fn claim(connection: &mut MySqlConnection, most: i64) -> Result<Vec<Claimed>> {
    let mut transaction = connection.begin().await?;
    let rows = query(LOCK).bind(most).fetch_all(&mut *transaction).await?;
    let jobs = rows.iter().map(claimed).collect::<Result<Vec<_>>>()?;
    if !jobs.is_empty() {
        query(CLAIM).bind(json(&jobs)?).bind(OWNER).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    // With their new version and attempt.
    Ok(jobs.into_iter().map(|job| Claimed { version: job.version + 1, attempt: job.attempt + 1, ..job }).collect())
}

fn claimed(row: &MySqlRow) -> Result<Claimed> {
    Ok(Claimed {
        id: row.try_get(0)?,
        version: row.try_get(1)?,
        name: row.try_get(2)?,
        attempt: row.try_get(3)?,
        parameters: row.try_get(4)?,
    })
}

pub(super) async fn finish(connection: &mut MySqlConnection, jobs: &[Claimed]) -> Result<Vec<i64>> {
    let finished = query(FINISH).bind(json(jobs)?).execute(connection).await?.rows_affected();
    all_finished(jobs, finished)
}

/// Nothing is skipped here, so all must have been finished.
pub(super) fn all_finished(jobs: &[Claimed], finished: u64) -> Result<Vec<i64>> {
    if finished == u64::try_from(jobs.len())? {
        Ok(jobs.iter().map(|job| job.id).collect())
    } else {
        Err(format!("the floor finished {finished} of {} jobs", jobs.len()).into())
    }
}

pub(super) async fn insert(connection: &mut MySqlConnection, parameters: String) -> Result<i64> {
    let id =
        query(AssertSqlSafe(format!("{INSERT}{ROW}"))).bind(parameters).execute(connection).await?.last_insert_id();
    Ok(id.try_into()?)
}

pub(super) async fn insert_all(connection: &mut MySqlConnection, parameters: &[String]) -> Result<Vec<i64>> {
    let mut ids = Vec::new();
    let mut transaction = connection.begin().await?;
    for chunk in parameters.chunks(CHUNK) {
        let rows = vec![ROW; chunk.len()].join(", ");
        let insert = query(AssertSqlSafe(format!("{INSERT}{rows}")));
        let insert = chunk.iter().fold(insert, Query::bind);
        let first = i64::try_from(insert.execute(&mut *transaction).await?.last_insert_id())?;
        ids.extend((first..).take(chunk.len()));
    }
    transaction.commit().await?;
    Ok(ids)
}
