//! What a session writes into the audit.

use sea_orm::ConnectionTrait;

use super::Session;
use crate::error::Error;
use crate::job::parameters::{check_name, without_nul};
use crate::model::{Action, AuditAction};
use crate::store::audit::{self as store, NewEntry};

/// The longest subject: an action on many jobs has it in the row of each.
const MAX_SUBJECT_CHARACTERS: usize = 1_000;

/// An allowed change that is about to be made: all rows of it have this in common.
#[derive(Debug, Clone)]
pub(crate) struct Entry(NewEntry);

impl Session {
    /// Prepares what the audit tells of a change, if its action is allowed.
    pub(crate) fn entry(&self, allowed_by: Action, action: AuditAction) -> Result<Entry, Error> {
        self.check(allowed_by)?;
        let (principal, origin) = (self.principal.name(), self.principal.origin());
        check_name("principal", principal)?;
        origin.map_or(Ok(()), |origin| check_name("origin", origin))?;
        Ok(Entry(NewEntry {
            principal: principal.to_owned(),
            origin: origin.map(str::to_owned),
            action: action.as_str(),
            subject: None,
            operation: None,
            changed: Vec::new(),
        }))
    }
}

impl Entry {
    /// Names what it is done to, if that is more than a job's id. A long text is cut off.
    pub(crate) fn of(self, subject: impl Into<String>) -> Self {
        Self(NewEntry { subject: Some(shortened(without_nul(subject.into()))), ..self.0 })
    }

    /// Names what is changed.
    pub(crate) fn changing(self, names: impl IntoIterator<Item = String>) -> Self {
        Self(NewEntry { changed: names.into_iter().collect(), ..self.0 })
    }

    /// Says that all rows are of one action on many jobs.
    pub(super) fn of_one_operation(self) -> Self {
        Self(NewEntry { operation: Some(format!("{:016x}", fastrand::u64(..))), ..self.0 })
    }

    /// Writes a row for each of these jobs; for `None`, one without a job.
    pub(crate) async fn record<C: ConnectionTrait>(&self, db: &C, jobs: &[Option<i64>]) -> Result<(), Error> {
        Ok(store::record(db, &self.0, jobs).await?)
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_SUBJECT_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
