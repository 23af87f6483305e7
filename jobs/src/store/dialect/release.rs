//! Checks of connections that come back to their pool.
//!
//! A future may be dropped in the middle of a statement: a job that times out, a request whose client is gone. If that was `BEGIN`, the
//! driver gives the connection back inside a transaction that no one knows of, and what is written there next is lost with it; on MySQL,
//! answers to the old query may be taken for those to the next. And if a transaction fails for lack of space, SQLite rolls it back by
//! itself. The driver's own rollback is refused then, so the driver takes the connection to be inside that transaction, and takes the one
//! that begins on it next for a nested one, which is left open when it is rolled back, and locks the file. So each connection is checked
//! before it is used again.

use std::time::Duration;

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{self, Connection, Error};

/// How long a connection may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets connections to PostgreSQL back into the pool only if they are in order; others are closed.
#[cfg(feature = "postgres")]
pub(super) fn check_postgres(pool: PoolOptions<sqlx::Postgres>) -> PoolOptions<sqlx::Postgres> {
    pool.after_release(|connection, _| Box::pin(in_time(postgres_is_free(connection))))
}

/// Lets connections to MySQL back into the pool only if they are in order; others are closed.
#[cfg(feature = "mysql")]
pub(super) fn check_mysql(pool: PoolOptions<sqlx::MySql>) -> PoolOptions<sqlx::MySql> {
    pool.after_release(|connection, _| Box::pin(in_time(mysql_is_free(connection))))
}

/// Lets connections to SQLite back into the pool only if they are in order; others are closed. Also used for a worker's own connections.
#[cfg(feature = "sqlite")]
pub(super) fn check_sqlite(pool: PoolOptions<sqlx::Sqlite>) -> PoolOptions<sqlx::Sqlite> {
    pool.after_release(|connection, _| Box::pin(in_time(is_outside(connection))))
}

/// Whether the driver takes the connection to be outside a transaction.
async fn is_outside<C: Connection>(connection: &mut C) -> Result<bool, Error> {
    if connection.is_in_transaction() {
        // A rollback may be in progress.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

async fn in_time(check: impl Future<Output = Result<bool, Error>>) -> Result<bool, Error> {
    tokio::time::timeout(PATIENCE, check).await.unwrap_or(Err(Error::PoolTimedOut))
}

/// Whether the connection is outside a transaction: only in one that began before does its time differ from the statement's.
#[cfg(feature = "postgres")]
async fn postgres_is_free(connection: &mut sqlx::PgConnection) -> Result<bool, Error> {
    use sqlx::Row as _;

    // For the server, a prepared statement is two, each with its own time.
    let is_free =
        sqlx::raw_sql("SELECT now() = statement_timestamp()").fetch_one(&mut *connection).await?.try_get(0)?;
    Ok(is_free && is_outside(connection).await?)
}

/// Rolls back any open transaction, and checks that the answer is to the current query.
#[cfg(feature = "mysql")]
async fn mysql_is_free(connection: &mut sqlx::MySqlConnection) -> Result<bool, Error> {
    use sqlx::Row as _;

    let asked = fastrand::u32(..);
    let sql = sqlx::AssertSqlSafe(format!("ROLLBACK; SELECT CAST({asked} AS CHAR)"));
    let answer: String = sqlx::raw_sql(sql).fetch_one(&mut *connection).await?.try_get(0)?;
    Ok(answer == asked.to_string() && is_outside(connection).await?)
}
