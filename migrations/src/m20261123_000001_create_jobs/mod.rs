//! Every table of the framework. Until 0.1.0 is released this migration is edited in place.

mod schema;
mod tables;

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub use tables::LIMIT_STRIPES;
use tables::TABLES;

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        // The derived name would be that of the file: `mod`.
        "m20261123_000001_create_jobs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES {
            for statement in table.create(manager.get_database_backend())? {
                manager.get_connection().execute_unprepared(&statement).await?;
            }
        }
        manager.get_connection().execute_unprepared(&fill_stripes(manager.get_database_backend())).await?;
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in TABLES.iter().rev() {
            manager.get_connection().execute_unprepared(&table.drop()).await?;
        }
        Ok(())
    }
}

/// Returns the statement that fills `jobs_limit_lock`. A migration that was cut off on MySQL may have filled it already.
fn fill_stripes(backend: DbBackend) -> String {
    let rows: Vec<_> = (0..LIMIT_STRIPES).map(|stripe| format!("({stripe})")).collect();
    let (ignore, or_nothing) = match backend {
        DbBackend::MySql => ("IGNORE ", ""),
        _ => ("", " ON CONFLICT DO NOTHING"),
    };
    format!("INSERT {ignore}INTO jobs_limit_lock (stripe) VALUES {}{or_nothing}", rows.join(", "))
}
