//! Every table of the framework. Until 0.1.0 is released this migration is edited in place.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

pub(crate) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        // The derived one would be that of the file: `mod`.
        "m20261123_000001_create_jobs"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, create_tables(manager.get_database_backend())?).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        run(manager, include_str!("drop.sql")).await
    }
}

/// The schema is written out per database: partial indexes, storage settings and collations have no common form.
fn create_tables(backend: DbBackend) -> Result<&'static str, DbErr> {
    match backend {
        DbBackend::Postgres => Ok(include_str!("postgres.sql")),
        DbBackend::MySql => Ok(include_str!("mysql.sql")),
        DbBackend::Sqlite => Ok(include_str!("sqlite.sql")),
        other => {
            Err(DbErr::Migration(format!("jobs has no tables for {other:?}; it runs on SQLite, PostgreSQL and MySQL")))
        }
    }
}

/// Runs a script statement by statement: a prepared or text statement may hold only one.
async fn run(manager: &SchemaManager<'_>, script: &str) -> Result<(), DbErr> {
    let without_comments: String =
        script.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join("\n");
    for statement in without_comments.split(';').map(str::trim).filter(|statement| !statement.is_empty()) {
        manager.get_connection().execute_unprepared(statement).await?;
    }
    Ok(())
}
