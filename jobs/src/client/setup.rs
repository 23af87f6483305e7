//! Connecting to a database, and migrating it.

use std::time::Duration;

use jobs_migrations::JobsMigrator;
use sea_orm::{ConnectOptions, DatabaseConnection, DatabaseTransaction, DbErr};
use sea_orm_migration::MigratorTrait as _;

use crate::error::Error;
use crate::store;
use crate::store::dialect::{connect, connection, own_pool, session};
use crate::store::migrations::{self, State};

/// Connects to a database with settings that suit jobs: `sqlite:jobs.db`, `postgres://…`, `mysql://…`.
///
/// On SQLite the file is created if it does not exist, with a write-ahead log. The pool has up to 10 connections; acquiring one
/// times out after 30 seconds. A connection that was idle for a second is tested before it is used, so that a call rarely fails
/// because the server was restarted or has closed idle connections. Statements are logged at TRACE.
///
/// [`Error::InvalidValue`] if the URL can't be parsed, or its driver is not among the crate's features (`sqlite`, `postgres`,
/// `mysql`); also if the session or the server (MariaDB, MySQL) has a setting under which jobs don't work, with its name (see the
/// guide "Deploying"). A server that refuses connections is retried for 3 seconds; the error says what it answered.
///
/// Your own connection works too, with one caveat: if a future is dropped while `BEGIN` is in flight (for example, because an HTTP
/// client disconnects), `SQLx` 0.9 may return the connection to the pool inside that transaction, and the next writes on it are
/// lost; and on SQLite, if a transaction fails because the disk is full, its connection may return in a state in which it locks the
/// file. Connections made here are checked before they are reused.
pub async fn connect(url: impl AsRef<str>) -> Result<DatabaseConnection, Error> {
    connect_with(connect::options(url.as_ref())).await
}

/// Connects to a database with your own options: number of connections, timeouts, schema, hooks.
///
/// Your options are kept, and those of [`connect`] are added:
///
/// | setting | when it is set |
/// | --- | --- |
/// | `PoolOptions::after_release` (except for `SQLite` in memory) | always: the driver has room for one such hook, and can't tell whether yours is set |
/// | SQLite's journal mode, `synchronous`, busy timeout; no test of a connection before use | always |
/// | one connection, which is never closed | always for `SQLite` in memory |
/// | fewer connections than you ask for | if the account is limited to fewer (see the guide "Deploying") |
/// | idle connections are tested before use (not `SQLite`) | unless `test_before_acquire(false)`, or a `before_acquire` in your pool options, says otherwise |
/// | the number of connections, the log levels | if you leave sea-orm's defaults |
///
/// ```no_run
/// # async fn run() -> Result<(), jobs::Error> {
/// let mut options = jobs::sea_orm::ConnectOptions::new("postgres://localhost/app");
/// options.max_connections(30);
/// let db = jobs::connect_with(options).await?;
/// # Ok(())
/// # }
/// ```
pub async fn connect_with(options: ConnectOptions) -> Result<DatabaseConnection, Error> {
    // Boxed: the driver's future is deep, and would make the caller's as deep.
    Box::pin(connect::connect(options)).await
}

/// How long one process waits for another that creates the tables.
const LOCK_TIMEOUT: Duration = Duration::from_mins(1);

/// Creates the tables, or brings them up to date. Any number of processes may call this at once: one does it, the others wait.
///
/// If the tables are up to date, or of a later release, nothing is written, so a user without the privilege to change tables can
/// call it. The applied migrations are recorded in a separate table, `jobs_migration`. To run the migrations inside your own
/// `Migrator`, see [`JobsMigrator`].
pub async fn migrate(db: &DatabaseConnection) -> Result<(), Error> {
    match migrations::state(db).await? {
        State::UpToDate => return Ok(()),
        State::Behind => stay_in_one_schema(db).await?,
        State::Diverged(unknown) => {
            return Err(Error::Database(DbErr::Migration(format!(
                "another release has made {} in these tables, which this program does not know, and they lack what it needs: migrate with a \
                 release that has both",
                unknown.join(", ")
            ))));
        }
    }
    let migrated = in_turn(db, async |transaction| JobsMigrator::up(transaction, None).await).await;
    match migrated {
        // A later release may have been faster.
        Err(_) if migrations::state(db).await? == State::UpToDate => Ok(()),
        migrated => migrated,
    }
}

/// Refuses to update tables in another schema than the one where new tables would be created: there would then be two sets.
async fn stay_in_one_schema(db: &DatabaseConnection) -> Result<(), Error> {
    match session::migrates_elsewhere(db).await? {
        None => Ok(()),
        Some((found, first)) => Err(Error::Database(DbErr::Migration(format!(
            "the tables are in the schema `{found}`, and the session's `search_path` names `{first}` before it, where others would be \
             made: name `{found}` first, as with `ConnectOptions::set_schema_search_path`"
        )))),
    }
}

/// Drops the tables, with every job in them.
#[cfg(feature = "cli")]
pub(crate) async fn drop_tables(db: &DatabaseConnection) -> Result<(), Error> {
    in_turn(db, async |transaction| JobsMigrator::down(transaction, None).await).await
}

/// Migrates while no other process does.
async fn in_turn(
    db: &DatabaseConnection,
    migrate: impl AsyncFn(&DatabaseTransaction) -> Result<(), DbErr>,
) -> Result<(), Error> {
    // On its own connection: if the call is dropped, the lock goes with it.
    let own = own_pool::own_connections(db, 1);
    store::retry_contention(|| async {
        let transaction = store::begin(&own).await?;
        connection::lock_migrations(&transaction, LOCK_TIMEOUT).await?;
        let migrated = migrate(&transaction).await;
        let unlocked = connection::unlock_migrations(&transaction).await;
        migrated.and(unlocked)?;
        transaction.commit().await
    })
    .await?;
    Ok(())
}
