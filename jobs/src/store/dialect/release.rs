//! What comes back to the pool of connections.
//!
//! A future may be dropped in the middle of a statement: a job that is out of time, a request whose client has gone. Where that was
//! `BEGIN`, the driver gives the connection back inside a transaction that nobody knows of, and what the next one writes there is lost
//! with it; on MySQL, answers to the old question may be taken for those to the next. And where a transaction fails for want of space,
//! SQLite rolls it back by itself; the driver's own rollback is refused then, so it takes the connection to be inside that transaction, and
//! what begins on it next for nested, which rolled back is left open and locks the file. So each connection is looked at before it is used
//! again.

use std::time::Duration;

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{self, Connection, Error};

/// How long a connection may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets only those connections back into the pool that are as they should be; others are closed.
#[cfg(feature = "postgres")]
pub(super) fn check_postgres(pool: PoolOptions<sqlx::Postgres>) -> PoolOptions<sqlx::Postgres> {
    pool.after_release(|connection, _| Box::pin(in_time(postgres_is_free(connection))))
}

/// The same for MySQL.
#[cfg(feature = "mysql")]
pub(super) fn check_mysql(pool: PoolOptions<sqlx::MySql>) -> PoolOptions<sqlx::MySql> {
    pool.after_release(|connection, _| Box::pin(in_time(mysql_is_free(connection))))
}

/// The same for SQLite, whose connections a worker has of its own as well.
#[cfg(feature = "sqlite")]
pub(super) fn check_sqlite(pool: PoolOptions<sqlx::Sqlite>) -> PoolOptions<sqlx::Sqlite> {
    pool.after_release(|connection, _| Box::pin(in_time(is_outside(connection))))
}

/// Whether the driver takes the connection to be outside of a transaction.
async fn is_outside<C: Connection>(connection: &mut C) -> Result<bool, Error> {
    if connection.is_in_transaction() {
        // A rollback may be under way.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

async fn in_time(check: impl Future<Output = Result<bool, Error>>) -> Result<bool, Error> {
    tokio::time::timeout(PATIENCE, check).await.unwrap_or(Err(Error::PoolTimedOut))
}

/// Only inside a transaction that began before does its time differ from the statement's own.
#[cfg(feature = "postgres")]
async fn postgres_is_free(connection: &mut sqlx::PgConnection) -> Result<bool, Error> {
    use sqlx::Row as _;

    // A prepared statement is two for the server, each with a time of its own.
    let is_free =
        sqlx::raw_sql("SELECT now() = statement_timestamp()").fetch_one(&mut *connection).await?.try_get(0)?;
    Ok(is_free && is_outside(connection).await?)
}

/// Leaves whatever transaction it is in, and answers what it was asked now.
#[cfg(feature = "mysql")]
async fn mysql_is_free(connection: &mut sqlx::MySqlConnection) -> Result<bool, Error> {
    use sqlx::Row as _;

    let asked = fastrand::u32(..);
    let sql = sqlx::AssertSqlSafe(format!("ROLLBACK; SELECT CAST({asked} AS CHAR)"));
    let answer: String = sqlx::raw_sql(sql).fetch_one(&mut *connection).await?.try_get(0)?;
    Ok(answer == asked.to_string() && is_outside(connection).await?)
}
