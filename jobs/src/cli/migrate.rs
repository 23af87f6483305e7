//! `migrate`.

use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::table;
use crate::client::health::{MigrationState, migration_states};
use crate::client::setup;
use crate::error::fault;
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
        let states = migration_states(db).await?;
        output.show(&states, || {
            let row = |state: &MigrationState| vec![state.migration.clone(), text(state).into()];
            table::table(&["MIGRATION", "STATUS"], &[], states.iter().map(row))
        })
    }
}

const fn text(state: &MigrationState) -> &'static str {
    match (state.is_applied, state.is_known) {
        (false, _) => "pending",
        (true, true) => "applied",
        (true, false) => "applied by a later version",
    }
}
