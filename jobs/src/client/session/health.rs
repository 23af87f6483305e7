//! What a session checks.

use std::time::Duration;

use super::Session;
use crate::client::health::{Check, Examination, Finding, Limits};
use crate::error::Error;
use crate::model::Action;

/// Those of the command line's `doctor`, unless it is told otherwise.
const LIMITS: Limits = Limits { attempt: Duration::from_hours(1), transaction: Duration::from_mins(5) };

impl Session {
    /// Makes these checks. Takes [`Action::View`]; without [`Action::ViewPayload`], what the database says and who uses it read `"•••"`.
    ///
    /// A check that fails is a finding, unless the database can't be reached.
    pub(crate) async fn findings(&self, checks: &[Check]) -> Result<Vec<Finding>, Error> {
        let db = self.to_read(Action::View)?;
        let examination = Examination::new(db, LIMITS, self.may(Action::ViewPayload));
        examination.perform(checks, |check, error| examination.failed(check, error)).await
    }
}
