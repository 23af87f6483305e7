//! The same statements through sea-orm and its pool: what the framework could reach if it cost nothing.

use jobs::sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, IsolationLevel, QueryResult, Statement, TransactionTrait as _,
    Value,
};

use super::{Claimed, OWNER, json, mysql, postgres, sqlite};
use crate::Result;

pub(super) async fn claim(db: &DatabaseConnection, most: i64) -> Result<Vec<Claimed>> {
    match db.get_database_backend() {
        DbBackend::Postgres => rows(db, postgres::CLAIM, [OWNER.into(), most.into()]).await,
        DbBackend::Sqlite => rows(db, sqlite::CLAIM, [OWNER.into(), most.into()]).await,
        _ => claim_in_transaction(db, most).await,
    }
}

async fn claim_in_transaction(db: &DatabaseConnection, most: i64) -> Result<Vec<Claimed>> {
    let transaction = db.begin_with_config(Some(IsolationLevel::ReadCommitted), None).await?;
    let jobs = rows(&transaction, mysql::LOCK, [most.into()]).await?;
    if !jobs.is_empty() {
        transaction.execute_raw(statement(db, mysql::CLAIM, [json(&jobs)?.into(), OWNER.into()])).await?;
    }
    transaction.commit().await?;
    Ok(jobs.into_iter().map(|job| Claimed { version: job.version + 1, attempt: job.attempt + 1, ..job }).collect())
}

pub(super) async fn finish(db: &DatabaseConnection, jobs: &[Claimed]) -> Result<Vec<i64>> {
    let statement = match db.get_database_backend() {
        DbBackend::Postgres => {
            let values = [array(jobs, |job| job.id).into(), array(jobs, |job| job.version).into()];
            statement(db, postgres::FINISH, values)
        }
        DbBackend::Sqlite => statement(db, sqlite::FINISH, [json(jobs)?.into()]),
        _ => {
            let finished = db.execute_raw(statement(db, mysql::FINISH, [json(jobs)?.into()])).await?.rows_affected();
            return mysql::all_finished(jobs, finished);
        }
    };
    let rows = db.query_all_raw(statement).await?;
    Ok(rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?)
}

pub(super) async fn insert(db: &DatabaseConnection, parameters: String) -> Result<i64> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => postgres::INSERT,
        DbBackend::Sqlite => sqlite::INSERT,
        _ => {
            let insert = statement(db, &format!("{}{}", mysql::INSERT, mysql::ROW), [parameters.into()]);
            return Ok(db.execute_raw(insert).await?.last_insert_id().try_into()?);
        }
    };
    let row = db.query_one_raw(statement(db, sql, [parameters.into()])).await?.ok_or("an insert gave no id")?;
    Ok(row.try_get_by_index(0)?)
}

/// A PostgreSQL array as text.
fn array(jobs: &[Claimed], number: fn(&Claimed) -> i64) -> String {
    let numbers: Vec<_> = jobs.iter().map(|job| number(job).to_string()).collect();
    format!("{{{}}}", numbers.join(","))
}

async fn rows<const N: usize>(db: &impl ConnectionTrait, sql: &str, values: [Value; N]) -> Result<Vec<Claimed>> {
    let rows = db.query_all_raw(statement(db, sql, values)).await?;
    rows.iter().map(claimed).collect()
}

fn statement<const N: usize>(db: &impl ConnectionTrait, sql: &str, values: [Value; N]) -> Statement {
    Statement::from_sql_and_values(db.get_database_backend(), sql, values)
}

fn claimed(row: &QueryResult) -> Result<Claimed> {
    Ok(Claimed {
        id: row.try_get_by_index(0)?,
        version: row.try_get_by_index(1)?,
        name: row.try_get_by_index(2)?,
        attempt: row.try_get_by_index(3)?,
        parameters: row.try_get_by_index(4)?,
    })
}
