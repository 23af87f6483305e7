//! The floor of unique jobs: their rows and those of their keys, if these are free, through sea-orm and its pool.

use jobs::sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement, TransactionTrait as _, Value};

use crate::Result;

/// A job's parameters, and its key.
pub(crate) type Row = (String, String);

const POSTGRES: &str = "
WITH new AS MATERIALIZED (
    SELECT nextval('jobs_job_id_seq') AS id, value -> 0 AS parameters, value ->> 1 AS unique_key
    FROM json_array_elements($1::json)
), taken AS (
    INSERT INTO jobs_unique (unique_key, job_id, version) SELECT unique_key, id, 0 FROM new
    ON CONFLICT DO NOTHING
    RETURNING job_id
)
INSERT INTO jobs_job (id, name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at, unique_key, unique_while)
SELECT id, 'Noop', 'bench', 0, 5, 5, parameters::json, statement_timestamp(), statement_timestamp(), unique_key, 3
FROM new WHERE id IN (SELECT job_id FROM taken)
RETURNING id";

const SQLITE_JOBS: &str = "
INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at, unique_key, unique_while)
SELECT 'Noop', 'bench', 0, 5, 5, value -> 0, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
       value ->> 1, 3
FROM json_each(?1)";

const SQLITE_KEYS: &str = "
INSERT INTO jobs_unique (unique_key, job_id, version) SELECT value ->> 1, ?2 + key, 0 FROM json_each(?1) WHERE TRUE
ON CONFLICT DO NOTHING";

const MYSQL_JOBS: &str = "
INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at, unique_key, unique_while)
VALUES ";

const MYSQL_KEYS: &str = "INSERT IGNORE INTO jobs_unique (unique_key, job_id, version) VALUES ";

const MYSQL_JOB: &str = "('Noop', 'bench', 0, 5, 5, ?, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), ?, 3)";

/// Rows of one statement.
const CHUNK: usize = 5_000;
const MYSQL_CHUNK: usize = 1_000;

/// Inserts any number of rows, all or none; fails if one exists.
pub(crate) async fn insert(db: &DatabaseConnection, rows: &[Row]) -> Result<()> {
    if let (DbBackend::Postgres, [_]) = (db.get_database_backend(), rows) {
        return insert_chunk(db, rows).await;
    }
    let transaction = db.begin().await?;
    let chunk = if db.get_database_backend() == DbBackend::MySql { MYSQL_CHUNK } else { CHUNK };
    for rows in rows.chunks(chunk) {
        insert_chunk(&transaction, rows).await?;
    }
    Ok(transaction.commit().await?)
}

async fn insert_chunk(db: &impl ConnectionTrait, rows: &[Row]) -> Result<()> {
    match db.get_database_backend() {
        DbBackend::Postgres => {
            let inserted = db.query_all_raw(statement(db, POSTGRES, [json(rows).into()])).await?;
            all_free(inserted.len(), rows)
        }
        DbBackend::Sqlite => {
            let rows_json = json(rows);
            let inserted = db.execute_raw(statement(db, SQLITE_JOBS, [rows_json.clone().into()])).await?;
            let first = inserted.last_insert_id() - inserted.rows_affected() + 1;
            let keys = statement(db, SQLITE_KEYS, [rows_json.into(), i64::try_from(first)?.into()]);
            all_free(db.execute_raw(keys).await?.rows_affected().try_into()?, rows)
        }
        _ => {
            let jobs = format!("{MYSQL_JOBS}{}", vec![MYSQL_JOB; rows.len()].join(", "));
            let values = rows.iter().flat_map(|(parameters, key)| [parameters.into(), key.into()]);
            let first = i64::try_from(db.execute_raw(statement(db, &jobs, values)).await?.last_insert_id())?;
            let keys = format!("{MYSQL_KEYS}{}", vec!["(?, ?, 0)"; rows.len()].join(", "));
            let values = rows.iter().zip(first..).flat_map(|((_, key), id)| [key.into(), id.into()]);
            all_free(db.execute_raw(statement(db, &keys, values)).await?.rows_affected().try_into()?, rows)
        }
    }
}

fn all_free(taken: usize, rows: &[Row]) -> Result<()> {
    if taken == rows.len() { Ok(()) } else { Err(format!("{taken} of {} keys were free", rows.len()).into()) }
}

/// `[[parameters, key], …]`.
fn json(rows: &[Row]) -> String {
    let rows: Vec<_> = rows.iter().map(|(parameters, key)| format!("[{parameters},\"{key}\"]")).collect();
    format!("[{}]", rows.join(","))
}

fn statement(db: &impl ConnectionTrait, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}
