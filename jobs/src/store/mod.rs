//! The tables and the operations on them. Every write to a job has a condition on its version or status. Only [`dialect`] knows what
//! differs between databases, except for how each words its errors: [`fault`] knows that.
//!
//! Imports `model` and `error`.

pub(crate) mod audit;
#[cfg(feature = "web")]
pub(crate) mod bounded;
pub(crate) mod bulk;
pub(crate) mod claim;
pub(crate) mod connection;
pub(crate) mod cron;
pub(crate) mod cursor;
pub(crate) mod dialect;
pub(crate) mod entity;
#[cfg(feature = "web")]
pub(crate) mod failed;
pub(crate) mod failures;
pub(crate) mod finish;
pub(crate) mod firings;
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) mod health;
pub(crate) mod insert;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod limit_keys;
pub(crate) mod limited;
pub(crate) mod limits;
pub(crate) mod lock;
pub(crate) mod maintain;
pub(crate) mod migrations;
pub(crate) mod notify;
pub(crate) mod queues;
pub(crate) mod row;
#[cfg(feature = "web")]
pub(crate) mod running;
pub(crate) mod search;
pub(crate) mod stats;
mod steps;
pub(crate) mod testing;
pub(crate) mod unique;
pub(crate) mod unserved;
pub(crate) mod wake;
pub(crate) mod watch;
pub(crate) mod why;
pub(crate) mod workers;

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, IsolationLevel, RuntimeErr, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait, Value,
};
use serde::Serialize;

use crate::error::{Error, fault};
use connection::is_plain;
use dialect::Dialect;

/// A worker's access to its database.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) db: DatabaseConnection,
    pub(crate) dialect: &'static Dialect,
    /// Whether single statements need a transaction of their own because sessions start with an isolation level other than READ COMMITTED.
    needs_read_committed: bool,
}

impl Store {
    pub(crate) async fn new(db: DatabaseConnection) -> Result<Self, DbErr> {
        let dialect = dialect::of(db.get_database_backend())?;
        let needs_read_committed = dialect::connection::is_stricter_than_read_committed(&db).await?;
        Ok(Self { db, dialect, needs_read_committed })
    }

    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let transaction = begin(&self.db).await?;
        dialect::connection::limit_own_idle(&transaction).await?;
        Ok(transaction)
    }
}

/// Begins a transaction of ours: READ COMMITTED if there is a choice, and a write from the start if there is only one writer.
pub(crate) async fn begin(db: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let chooses = dialect::of(db.get_database_backend())?.row_locks;
    db.begin_with_options(TransactionOptions {
        isolation_level: chooses.then_some(IsolationLevel::ReadCommitted),
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    })
    .await
}

/// How often a transaction that lost against another is repeated.
const REPEATS: u32 = 8;

/// Runs a transaction of ours, and repeats it as a whole if it loses against another one (a deadlock, a busy database).
pub(crate) async fn retry_contention<T, F>(transaction: impl FnMut() -> F) -> Result<T, DbErr>
where
    F: Future<Output = Result<T, DbErr>>,
{
    repeat_if(|error| fault::of(error) == fault::Fault::Contention, transaction).await
}

/// Runs a caller's operation, and repeats it if it loses against another transaction. Only on a plain connection: the database may have
/// rolled back the caller's transaction, and only the caller can repeat that.
///
/// An operation that timed out waiting for a lock is not repeated: its holder may keep it for long.
pub(crate) async fn repeat_call<C, T, F>(db: &C, call: impl FnMut() -> F) -> Result<T, Error>
where
    C: ConnectionTrait,
    F: Future<Output = Result<T, Error>>,
{
    let may_repeat = is_plain(db);
    let has_lost = |error: &Error| matches!(error, Error::Database(error) if may_repeat && fault::is_lost_race(error));
    repeat_if(has_lost, call).await
}

async fn repeat_if<T, E, F>(has_lost: impl Fn(&E) -> bool, mut transaction: impl FnMut() -> F) -> Result<T, E>
where
    E: Display,
    F: Future<Output = Result<T, E>>,
{
    let mut repeats = 0;
    loop {
        match transaction().await {
            Err(error) if repeats < REPEATS && has_lost(&error) => {
                repeats += 1;
                let pause = f64::from(1 << repeats) * fastrand::f64();
                tracing::debug!(%error, repeats, "repeating a transaction that lost against another");
                tokio::time::sleep(Duration::from_millis(1) + Duration::from_secs_f64(pause / 1000.0)).await;
            }
            result => return result,
        }
    }
}

pub(crate) fn statement(dialect: &Dialect, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(dialect.backend, sql, values)
}

/// Returns the time of the database's clock.
pub(crate) async fn clock<C: ConnectionTrait>(db: &C) -> Result<DateTimeUtc, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let row = db.query_one_raw(statement(dialect, &format!("SELECT {}", dialect.clock), [])).await?;
    row.ok_or_else(|| DbErr::Query(RuntimeErr::Internal("the clock has no time".into())))?.try_get_by_index(0)
}

/// Serializes a batch as one JSON document.
pub(crate) fn json<T: Serialize + ?Sized>(rows: &T) -> Result<String, DbErr> {
    serde_json::to_string(rows).map_err(|error| DbErr::Custom(format!("a batch does not serialize: {error}")))
}

/// The longest duration that databases are asked to add: a hundred years.
pub(crate) const LONGEST: Duration = Duration::from_hours(876_000);

/// Converts a duration to milliseconds for SQL, rounded up: never earlier than asked.
pub(crate) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.min(LONGEST).as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}
