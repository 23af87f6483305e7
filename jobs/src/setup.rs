//! Making a database ready.

use std::time::Duration;

use jobs_migrations::JobsMigrator;
use sea_orm::DatabaseConnection;
use sea_orm_migration::MigratorTrait as _;

use crate::error::Error;
use crate::store;
use crate::store::dialect::connection;

/// Connects to a database with settings that suit jobs: `sqlite:jobs.db`, `postgres://…`, `mysql://…`.
///
/// On SQLite the file is created where there is none, with a write-ahead log. Statements are logged at TRACE. A connection of
/// your own works too; the driver must be among the crate's features (`sqlite`, `postgres`, `mysql`).
pub async fn connect(url: impl AsRef<str>) -> Result<DatabaseConnection, Error> {
    Ok(connection::connect(url.as_ref()).await?)
}

/// How long one process waits for another that makes the tables.
const PATIENCE: Duration = Duration::from_mins(1);

/// Makes the tables, or brings them up to date. Many processes may call this at once: one does it, the others wait.
///
/// What was done is recorded in a table of its own, `jobs_migration`. To run the migrations inside a `Migrator` of yours, see
/// [`JobsMigrator`].
pub async fn migrate(db: &DatabaseConnection) -> Result<(), Error> {
    // A connection of its own: a call that is dropped takes the lock with it.
    let own = connection::own_connections(db, 1);
    store::repeat(|| async {
        let transaction = store::begin(&own).await?;
        connection::lock_migrations(&transaction, PATIENCE).await?;
        let migrated = JobsMigrator::up(&transaction, None).await;
        let unlocked = connection::unlock_migrations(&transaction).await;
        migrated.and(unlocked)?;
        transaction.commit().await
    })
    .await?;
    Ok(())
}
