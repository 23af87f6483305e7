//! The migrations, each with whether it is applied.

use jobs_migrations::JobsMigrator;
use sea_orm::DatabaseConnection;
use sea_orm_migration::MigratorTrait as _;
use serde::Serialize;

use crate::error::Error;
use crate::store::migrations;

/// A migration.
#[derive(Debug, Serialize)]
pub(crate) struct MigrationState {
    pub(crate) migration: String,
    /// Whether it is applied.
    pub(crate) is_applied: bool,
    /// Whether this program knows it; it does not know those of later versions.
    pub(crate) is_known: bool,
}

/// The migrations that this program knows, and any others that are applied.
pub(crate) async fn migration_states(db: &DatabaseConnection) -> Result<Vec<MigrationState>, Error> {
    let applied = migrations::applied(db).await?;
    let known: Vec<_> = JobsMigrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let unknown = applied.iter().filter(|migration| !known.contains(migration)).cloned();
    let unknown: Vec<_> =
        unknown.map(|migration| MigrationState { migration, is_applied: true, is_known: false }).collect();
    let state =
        |migration: String| MigrationState { is_applied: applied.contains(&migration), migration, is_known: true };
    Ok(known.into_iter().map(state).chain(unknown).collect())
}
