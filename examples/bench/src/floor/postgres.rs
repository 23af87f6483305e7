//! The floor on PostgreSQL.

use jobs::sea_orm::sqlx::postgres::{PgConnectOptions, PgRow};
use jobs::sea_orm::sqlx::{ConnectOptions as _, PgConnection, Row as _, query, query_scalar};

use super::{Claimed, OWNER};
use crate::Result;

pub(super) const CLAIM: &str = "
UPDATE jobs_job
SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = $1, started_at = statement_timestamp()
WHERE id = ANY(ARRAY(
    SELECT id FROM jobs_job
    WHERE status = 0 AND queue = 'bench' AND priority = 0 AND name = 'Noop' AND scheduled_at <= statement_timestamp()
    ORDER BY scheduled_at, id LIMIT $2 FOR UPDATE SKIP LOCKED))
RETURNING id, version, name, attempt, parameters::text";

/// Rows are locked in order first: two that write overlapping sets would deadlock. The version shows that the job still runs; a
/// condition on its status would make the planner walk the index of running jobs.
pub(super) const FINISH: &str = "
WITH own AS MATERIALIZED (
    SELECT job.id FROM jobs_job AS job
    JOIN unnest($1::bigint[], $2::bigint[]) AS ended (id, version) ON ended.id = job.id AND ended.version = job.version
    ORDER BY job.id FOR UPDATE OF job SKIP LOCKED
)
UPDATE jobs_job AS job
SET status = 4, version = job.version + 1, finished_at = statement_timestamp(), progress = 100
FROM own WHERE job.id = own.id
RETURNING job.id";

pub(super) const INSERT: &str = "
INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at)
VALUES ('Noop', 'bench', 0, 5, 5, $1::json, statement_timestamp(), statement_timestamp())
RETURNING id";

const INSERT_AND_NOTIFY: &str = "
WITH new AS (
    INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at)
    VALUES ('Noop', 'bench', 0, 5, 5, $1::json, statement_timestamp(), statement_timestamp())
    RETURNING id)
SELECT id, pg_notify($2, '') FROM new";

const INSERT_ALL: &str = "
INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at)
SELECT 'Noop', 'bench', 0, 5, 5, parameters::json, statement_timestamp(), statement_timestamp()
FROM unnest($1::text[]) AS new (parameters)
RETURNING id";

pub(super) async fn open(url: &str) -> Result<PgConnection> {
    Ok(url.parse::<PgConnectOptions>()?.disable_statement_logging().connect().await?)
}

pub(super) async fn claim(connection: &mut PgConnection, most: i64) -> Result<Vec<Claimed>> {
    let rows = query(CLAIM).bind(OWNER).bind(most).fetch_all(connection).await?;
    rows.iter().map(claimed).collect()
}

fn claimed(row: &PgRow) -> Result<Claimed> {
    Ok(Claimed {
        id: row.try_get(0)?,
        version: row.try_get(1)?,
        name: row.try_get(2)?,
        attempt: row.try_get(3)?,
        parameters: row.try_get(4)?,
    })
}

pub(super) async fn finish(connection: &mut PgConnection, jobs: &[Claimed]) -> Result<Vec<i64>> {
    let (ids, versions): (Vec<_>, Vec<_>) = jobs.iter().map(|job| (job.id, job.version)).unzip();
    Ok(query_scalar(FINISH).bind(ids).bind(versions).fetch_all(connection).await?)
}

pub(super) async fn insert(connection: &mut PgConnection, parameters: String, notify: Option<&str>) -> Result<i64> {
    Ok(match notify {
        None => query_scalar(INSERT).bind(parameters).fetch_one(connection).await?,
        Some(channel) => query_scalar(INSERT_AND_NOTIFY).bind(parameters).bind(channel).fetch_one(connection).await?,
    })
}

pub(super) async fn insert_all(connection: &mut PgConnection, parameters: Vec<String>) -> Result<Vec<i64>> {
    Ok(query_scalar(INSERT_ALL).bind(parameters).fetch_all(connection).await?)
}
