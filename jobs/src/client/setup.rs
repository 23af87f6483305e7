//! Making a database ready.

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
/// On SQLite the file is created where there is none, with a write-ahead log. There are up to 10 connections, which are waited for
/// up to 30 seconds. One that was idle for a second is asked whether it lives before it is used, so that a call rarely fails because
/// the server was restarted, or has closed idle connections. Statements are logged at TRACE.
///
/// [`Error::InvalidValue`] where the URL can't be read, or its driver is not among the crate's features (`sqlite`, `postgres`, `mysql`). A
/// server that refuses connections is asked again for 3 seconds; the error says what it answered. The same where the session or the server
/// (MariaDB, MySQL) has a setting under which jobs don't work, with its name (see the guide "Deploying").
///
/// A connection of your own works too, with one thing to know: where a future is dropped while it begins a transaction, as that of a
/// request whose client has gone, the driver (`SQLx` 0.9) may give its connection back to the pool inside that transaction, and
/// what is written on it next is lost; and on SQLite, where a transaction fails because the disk is full, its connection may come back in a
/// state in which it locks the file. Connections that are made here are looked at before they are used again.
pub async fn connect(url: impl AsRef<str>) -> Result<DatabaseConnection, Error> {
    connect_with(connect::options(url.as_ref())).await
}

/// The same with options of your own: how many connections, how long to wait for one, the schema, hooks.
///
/// They are kept, and what [`connect`] does is added:
///
/// | what | is set |
/// | --- | --- |
/// | `PoolOptions::after_release` (but for `SQLite` in memory) | always: the driver has room for one such hook, and it can't be seen whether yours is there |
/// | SQLite's journal mode, `synchronous`, busy time-out; no test of a connection before use | always |
/// | one connection, which is never closed | always for `SQLite` in memory |
/// | fewer connections than you ask for | where the account may not have so many (see the guide "Deploying") |
/// | connections that were idle are asked whether they live (not `SQLite`) | unless `test_before_acquire(false)`, or a `before_acquire` in your pool options, says otherwise |
/// | the number of connections, the levels of logging | where you leave sea-orm's defaults |
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
    // Boxed: what the driver does here is deep, and the caller's future would be as deep.
    Box::pin(connect::connect(options)).await
}

/// How long one process waits for another that makes the tables.
const PATIENCE: Duration = Duration::from_mins(1);

/// Makes the tables, or brings them up to date. Many processes may call this at once: one does it, the others wait.
///
/// Where they are up to date nothing is written, so that a user who may not change tables can call it; tables of a later release are up to
/// date. What was done is recorded in a table of its own, `jobs_migration`. To run the migrations inside a `Migrator` of yours, see
/// [`JobsMigrator`].
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
        // A later release may have been quicker.
        Err(_) if migrations::state(db).await? == State::UpToDate => Ok(()),
        migrated => migrated,
    }
}

/// Tables that are brought up to date lie where new ones would be made: else there would be others beside them.
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

/// Migrates while nobody else does.
async fn in_turn(
    db: &DatabaseConnection,
    migrate: impl AsyncFn(&DatabaseTransaction) -> Result<(), DbErr>,
) -> Result<(), Error> {
    // A connection of its own: a call that is dropped takes the lock with it.
    let own = own_pool::own_connections(db, 1);
    store::retry_contention(|| async {
        let transaction = store::begin(&own).await?;
        connection::lock_migrations(&transaction, PATIENCE).await?;
        let migrated = migrate(&transaction).await;
        let unlocked = connection::unlock_migrations(&transaction).await;
        migrated.and(unlocked)?;
        transaction.commit().await
    })
    .await?;
    Ok(())
}
