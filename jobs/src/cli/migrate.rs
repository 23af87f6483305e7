//! `migrate`.

use clap::Args;
use jobs_migrations::JobsMigrator;
use sea_orm::DatabaseConnection;
use sea_orm_migration::{MigrationStatus, MigratorTrait as _};
use serde::Serialize;

use super::failure::{Done, Failure};
use super::output::Output;
use super::table;
use crate::{JobFilter, setup};

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Only tell what has been done.
    #[arg(long, conflicts_with = "down")]
    status: bool,

    /// Drop the tables, with every job in them.
    #[arg(long)]
    down: bool,

    /// Yes, drop them.
    #[arg(long, requires = "down")]
    yes: bool,
}

/// A migration, and whether the tables have it.
#[derive(Debug, Serialize)]
struct State {
    migration: String,
    is_applied: bool,
}

impl Migrate {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> Done {
        if self.down && !self.yes {
            // Where there are no tables, there are no jobs.
            let jobs = crate::counts(db, JobFilter::new()).await.map_or(0, |counts| counts.total());
            return Err(Failure::Usage(format!("this would drop the tables with {jobs} job(s): add --yes to do so")));
        }
        if self.down {
            setup::drop_tables(db).await?;
        } else if !self.status {
            crate::migrate(db).await?;
        }
        let states: Vec<_> = states(db).await?;
        output.show(&states, || {
            let row = |state: &State| {
                vec![state.migration.clone(), if state.is_applied { "applied" } else { "pending" }.into()]
            };
            table::table(&["MIGRATION", "STATUS"], states.iter().map(row))
        })
    }
}

async fn states(db: &DatabaseConnection) -> Result<Vec<State>, Failure> {
    let migrations = JobsMigrator::get_migration_with_status_read_only(db).await?;
    let state = |migration: &sea_orm_migration::Migration| State {
        migration: migration.name().to_owned(),
        is_applied: migration.status() == MigrationStatus::Applied,
    };
    Ok(migrations.iter().map(state).collect())
}

/// The migrations that the tables lack.
pub(super) async fn pending(db: &DatabaseConnection) -> Result<Vec<String>, Failure> {
    let pending = states(db).await?.into_iter().filter(|state| !state.is_applied);
    Ok(pending.map(|state| state.migration).collect())
}
