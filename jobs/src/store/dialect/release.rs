//! What comes back to the pool of connections.
//!
//! A future may be dropped in the middle of a statement: a job that is out of time, a request whose client has gone. Where that was
//! `BEGIN`, the driver gives the connection back inside a transaction that nobody knows of, and what the next one writes there is lost
//! with it; on MySQL, answers to the old question may be taken for those to the next. So each connection is looked at before it is used
//! again.

use std::time::Duration;

use sea_orm::ConnectOptions;
use sea_orm::sqlx::{self, Error};

/// How long a connection may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Lets only those connections back into the pool that are as they should be; others are closed.
pub(super) fn check(options: &mut ConnectOptions) {
    #[cfg(feature = "postgres")]
    options.map_sqlx_postgres_pool_opts(|pool| {
        pool.after_release(|connection, _| Box::pin(in_time(postgres_is_free(connection))))
    });
    #[cfg(feature = "mysql")]
    options.map_sqlx_mysql_pool_opts(|pool| {
        pool.after_release(|connection, _| Box::pin(in_time(mysql_is_free(connection))))
    });
}

async fn in_time(check: impl Future<Output = Result<bool, Error>>) -> Result<bool, Error> {
    tokio::time::timeout(PATIENCE, check).await.unwrap_or(Err(Error::PoolTimedOut))
}

/// Only inside a transaction that began before does its time differ from the statement's own.
#[cfg(feature = "postgres")]
async fn postgres_is_free(connection: &mut sqlx::PgConnection) -> Result<bool, Error> {
    use sqlx::Row as _;

    // A prepared statement is two for the server, each with a time of its own.
    sqlx::raw_sql("SELECT now() = statement_timestamp()").fetch_one(connection).await?.try_get(0)
}

/// Leaves whatever transaction it is in, and answers what it was asked now.
#[cfg(feature = "mysql")]
async fn mysql_is_free(connection: &mut sqlx::MySqlConnection) -> Result<bool, Error> {
    use sqlx::Row as _;

    let asked = fastrand::u32(..);
    let sql = sqlx::AssertSqlSafe(format!("ROLLBACK; SELECT CAST({asked} AS CHAR)"));
    let answer: String = sqlx::raw_sql(sql).fetch_one(connection).await?.try_get(0)?;
    Ok(answer == asked.to_string())
}
