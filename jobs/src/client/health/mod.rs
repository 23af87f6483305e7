//! Whether anything is wrong: the checks of the command line's `doctor`, which the dashboard makes, too.

mod checks;
mod finding;
mod migrations;

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use tokio::sync::OnceCell;

use crate::error::Error;
#[cfg(feature = "web")]
use crate::error::{chain, fault};
use crate::job::parameters::secrets::HIDDEN;
use crate::model::Level;
use checks::Clocks;
#[cfg(feature = "web")]
pub(crate) use checks::paused_queues;
#[cfg(feature = "web")]
pub(crate) use finding::Step;
pub(crate) use finding::{Check, Finding, Remedy};
#[cfg(feature = "cli")]
pub(crate) use migrations::{MigrationState, migration_states};

/// What is reported if it takes longer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) attempt: Duration,
    pub(crate) transaction: Duration,
}

/// Makes checks, one after the other.
pub(crate) struct Examination<'e> {
    db: &'e DatabaseConnection,
    limits: Limits,
    /// Whether what the database says, and who uses it, is told.
    tells_all: bool,
    /// Read once for all checks.
    clocks: OnceCell<Clocks>,
}

impl<'e> Examination<'e> {
    pub(crate) fn new(db: &'e DatabaseConnection, limits: Limits, tells_all: bool) -> Self {
        Self { db, limits, tells_all, clocks: OnceCell::new() }
    }

    /// Makes these checks. What `failed` makes of one that fails is a finding, or ends them all.
    pub(crate) async fn perform(
        &self,
        checks: &[Check],
        failed: impl Fn(Check, Error) -> Result<Finding, Error>,
    ) -> Result<Vec<Finding>, Error> {
        let mut findings = Vec::new();
        for check in checks {
            match self.perform_one(*check).await {
                Ok(found) => findings.extend(found),
                Err(error) => findings.push(failed(*check, error)?),
            }
            // Without tables, nothing else can be checked.
            if findings.iter().any(|finding| finding.level >= Level::Error) {
                break;
            }
        }
        Ok(findings)
    }

    /// Makes a finding of a check that has failed, unless the database can't be reached.
    #[cfg(feature = "web")]
    pub(crate) fn failed(&self, check: Check, error: Error) -> Result<Finding, Error> {
        if matches!(&error, Error::Database(error) if fault::of(error) == fault::Fault::Connection) {
            return Err(error);
        }
        let error = chain(&error);
        tracing::warn!(check = check.as_str(), "a check has failed: {error}");
        let found = format!("this can't be checked: {}", self.told(error));
        Ok(Finding::new(check, found, Remedy::new("see the database's message: the program's log has it, too")))
    }

    /// The text, unless it is not told.
    fn told(&self, text: String) -> String {
        if self.tells_all { text } else { HIDDEN.to_owned() }
    }

    async fn clocks(&self) -> Result<Clocks, Error> {
        self.clocks.get_or_try_init(|| Clocks::read(self.db)).await.copied()
    }

    /// The time of the database's clock.
    async fn now(&self) -> Result<DateTime<Utc>, Error> {
        Ok(self.clocks().await?.theirs)
    }
}
