//! Properties and settings of a connection.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

/// How long a writer waits for its turn on SQLite.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) fn is_closed(db: &DatabaseConnection) -> bool {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => db.get_postgres_connection_pool().is_closed(),
        #[cfg(feature = "mysql")]
        DbBackend::MySql => db.get_mysql_connection_pool().is_closed(),
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => db.get_sqlite_connection_pool().is_closed(),
        _ => false,
    }
}

/// Returns once the program has closed this pool.
pub(crate) async fn closed(db: &DatabaseConnection) {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => db.get_postgres_connection_pool().close_event().await,
        #[cfg(feature = "mysql")]
        DbBackend::MySql => db.get_mysql_connection_pool().close_event().await,
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => db.get_sqlite_connection_pool().close_event().await,
        _ => std::future::pending().await,
    }
}

/// Whether sessions start with an isolation level stricter than READ COMMITTED, under which claims of several workers fail.
pub(crate) async fn is_stricter_than_read_committed(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        // MySQL's statements run in transactions of ours; SQLite has one writer.
        return Ok(false);
    }
    let sql = "SELECT current_setting('default_transaction_isolation')";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let level: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(level.is_some_and(|level| level != "read committed"))
}

/// Returns a key that distinguishes the databases of this process: two connections with the same key share their pool, whose options keep
/// their address for as long as it lives.
pub(crate) fn key(db: &DatabaseConnection) -> usize {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => std::ptr::from_ref(db.get_postgres_connection_pool().options()).addr(),
        #[cfg(feature = "mysql")]
        DbBackend::MySql => std::ptr::from_ref(db.get_mysql_connection_pool().options()).addr(),
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => std::ptr::from_ref(db.get_sqlite_connection_pool().options()).addr(),
        _ => 0,
    }
}

/// Lets one process at a time migrate. SQLite's transaction is a lock already.
pub(crate) async fn lock_migrations<C: ConnectionTrait>(db: &C, patience: Duration) -> Result<(), DbErr> {
    let sql = match db.get_database_backend() {
        // Held until the transaction ends.
        DbBackend::Postgres => "SELECT 1 FROM pg_advisory_xact_lock(hashtext('jobs_migration'))".to_owned(),
        // Held by the session: MySQL's transactions end at every change of a table.
        DbBackend::MySql => format!("SELECT CAST(GET_LOCK('jobs_migration', {}) AS SIGNED)", patience.as_secs()),
        _ => return Ok(()),
    };
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let locked: Option<i64> = match row {
        Some(row) => row.try_get_by_index::<i32>(0).map(i64::from).or_else(|_| row.try_get_by_index(0)).ok(),
        None => None,
    };
    if locked == Some(1) {
        Ok(())
    } else {
        Err(DbErr::Migration(format!("another process has been migrating for {patience:?}; call migrate again")))
    }
}

/// Lets the next process migrate.
pub(crate) async fn unlock_migrations<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::MySql {
        let sql = "SELECT CAST(RELEASE_LOCK('jobs_migration') AS SIGNED)";
        db.query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await?;
    }
    Ok(())
}

/// Makes the database end a transaction of the user that stays idle, if it can limit a single one, so that it does not hold a job
/// forever.
pub(crate) async fn limit_idle<C: ConnectionTrait>(db: &C, limit: Duration) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        let sql = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)";
        let values = [limit.as_millis().to_string().into()];
        db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    }
    Ok(())
}

/// Limits how long a transaction on a worker's own connection may be idle. A worker does nothing else while it holds rows: if it is silent
/// for that long, its machine or its network is gone.
pub(crate) async fn limit_own_idle<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => "SET LOCAL idle_in_transaction_session_timeout = '10s'",
        // For the whole session, which is the worker's. MySQL can only limit how long a session is idle.
        DbBackend::MySql => {
            "SET @jobs_idle = 1 /*M!100300 , SESSION idle_transaction_timeout = 10 */ /*!80001 , SESSION wait_timeout = 60 */"
        }
        _ => return Ok(()),
    };
    db.execute_unprepared(sql).await.map(|_| ())
}

/// Limits how long the statements of a transaction on a worker's own connection wait for locks to about a second, if they can: SQLite has
/// one writer. Must be [lifted](lift_lock_waits) before the transaction ends.
pub(crate) async fn limit_lock_waits<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => "SET LOCAL lock_timeout = '250ms'",
        // In whole seconds, and for the session.
        DbBackend::MySql => {
            "SET @jobs_lock_wait = @@SESSION.innodb_lock_wait_timeout, SESSION innodb_lock_wait_timeout = 1"
        }
        _ => return Ok(()),
    };
    db.execute_unprepared(sql).await.map(drop)
}

/// Lifts the limit on lock waits if it would outlive the transaction.
pub(crate) async fn lift_lock_waits<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::MySql {
        db.execute_unprepared("SET SESSION innodb_lock_wait_timeout = @jobs_lock_wait").await?;
    }
    Ok(())
}
