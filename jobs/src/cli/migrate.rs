//! `migrate`.

use clap::Args;
use jobs_migrations::JobsMigrator;
use sea_orm::DatabaseConnection;
use sea_orm_migration::MigratorTrait as _;
use serde::Serialize;

use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::table;
use crate::client::setup;
use crate::error::fault;
use crate::store::health;
use crate::{Error, JobFilter};

#[derive(Debug, Args)]
pub(super) struct Migrate {
    /// Only show which migrations are applied.
    #[arg(long, conflicts_with = "down")]
    status: bool,

    /// Drop the tables, with every job in them.
    #[arg(long)]
    down: bool,

    /// Confirm: drop them.
    #[arg(long, requires = "down")]
    yes: bool,
}

/// A migration.
#[derive(Debug, Serialize)]
pub(super) struct State {
    pub(super) migration: String,
    /// Whether it is applied.
    pub(super) is_applied: bool,
    /// Whether this program knows it; it does not know those of later versions.
    pub(super) is_known: bool,
}

impl Migrate {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> CommandResult {
        if self.down && !self.yes {
            let jobs = match crate::counts(db, JobFilter::new()).await {
                Ok(counts) => counts.total(),
                // Without tables, there are no jobs.
                Err(Error::Database(error)) if fault::lacks_tables(&error) => 0,
                Err(error) => return Err(error.into()),
            };
            return Err(Failure::Usage(format!("this would drop the tables with {jobs} job(s): add --yes to do so")));
        }
        if self.down {
            setup::drop_tables(db).await?;
        } else if !self.status {
            crate::migrate(db).await?;
        }
        let states = states(db).await?;
        output.show(&states, || {
            let row = |state: &State| vec![state.migration.clone(), state.text().into()];
            table::table(&["MIGRATION", "STATUS"], &[], states.iter().map(row))
        })
    }
}

impl State {
    const fn text(&self) -> &'static str {
        match (self.is_applied, self.is_known) {
            (false, _) => "pending",
            (true, true) => "applied",
            (true, false) => "applied by a later version",
        }
    }
}

/// The migrations that this program knows, and any others that are applied.
pub(super) async fn states(db: &DatabaseConnection) -> Result<Vec<State>, Failure> {
    let applied = health::applied_migrations(db).await?;
    let known: Vec<_> = JobsMigrator::migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let unknown = applied.iter().filter(|migration| !known.contains(migration)).cloned();
    let unknown: Vec<_> = unknown.map(|migration| State { migration, is_applied: true, is_known: false }).collect();
    let state = |migration: String| State { is_applied: applied.contains(&migration), migration, is_known: true };
    Ok(known.into_iter().map(state).chain(unknown).collect())
}
