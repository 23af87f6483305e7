//! Reading the audit.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Session;
use crate::error::Error;
use crate::job::parameters::check_name;
use crate::model::{Action, AuditAction, JobId};
use crate::store::audit::{self as store, AuditRow, Found, Wanted};

/// The largest page, which is also the default.
const MAX_LIMIT: u64 = 100;

/// Selects rows of the audit. All given conditions must hold; a new filter has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct AuditFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<AuditAction>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

impl AuditFilter {
    /// Creates a filter that matches all rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps the rows about this job.
    pub fn job(mut self, job: impl Into<JobId>) -> Self {
        self.job = Some(job.into());
        self
    }

    /// Keeps the rows of the principal of this name.
    pub fn principal(mut self, name: impl Into<String>) -> Self {
        self.principal = Some(name.into());
        self
    }

    /// Rows of this action. [`AuditAction::Unknown`] stands for all that this release does not know.
    pub fn action(mut self, action: AuditAction) -> Self {
        self.action = Some(action);
        self
    }

    /// The page after this row: where [`AuditPage::next`] says that the search goes on.
    pub fn after(mut self, last: i64) -> Self {
        self.after = Some(last);
        self
    }

    /// The most rows in a page, 1 to 100; 100 by default.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    fn wanted(&self) -> Result<Wanted<'_>, Error> {
        let limit = self.limit.unwrap_or(MAX_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Error::invalid("limit", format!("{limit} is not between 1 and {MAX_LIMIT}")));
        }
        // Databases compare texts that no principal can have differently.
        self.principal.as_deref().map_or(Ok(()), |principal| check_name("principal", principal))?;
        Ok(Wanted {
            job: self.job.map(|job| job.0),
            principal: self.principal.as_deref(),
            action: self.action,
            before: self.after,
            limit,
        })
    }
}

/// The rows that one call of [`Session::audit`] has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditPage {
    /// The rows, newest first.
    pub records: Vec<AuditRecord>,
    /// Where the search goes on: the next page is that of `filter.after(next)`. `None` if no older row matches.
    pub next: Option<i64>,
    /// If the page is not full because the search stopped at its bound: when the oldest row was written that it has examined.
    pub searched_back_to: Option<DateTime<Utc>>,
}

/// A row of the audit: who has done something, when, and to what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The identifier: larger ones were written later.
    pub id: i64,
    /// When it was done, by the database's clock.
    pub at: DateTime<Utc>,
    /// The name of the principal.
    pub principal: String,
    /// Where the principal acted from, if that is known.
    pub origin: Option<String>,
    /// What was done.
    pub action: AuditAction,
    /// The job to which it was done. It may have been deleted since.
    pub job: Option<JobId>,
    /// What it was done to, or chosen by: the queue, the schedule, the revealed parameter, the name of the scheduled job, or for an action
    /// on many jobs their filter.
    pub subject: Option<String>,
    /// The same for all jobs of one action on many.
    pub operation: Option<String>,
    /// The names of the parameters that were changed.
    pub changed: Vec<String>,
}

impl AuditRecord {
    fn of(row: AuditRow) -> Self {
        Self {
            id: row.id,
            at: row.at,
            principal: row.principal,
            origin: row.origin,
            action: AuditAction::stored(&row.action),
            job: row.job_id.map(JobId),
            subject: row.subject,
            operation: row.operation,
            changed: row.changed.and_then(|changed| serde_json::from_value(changed.0).ok()).unwrap_or_default(),
        }
    }
}

impl Session {
    /// Lists one page of what was done by whom, newest first. Takes [`Action::ViewAudit`], or for the audit of [one job](AuditFilter::job)
    /// [`Action::View`]. [`Error::InvalidValue`] if the limit is out of range, or no principal can have the name.
    ///
    /// A search by principal or action, without a job, examines at most 20,000 rows: a page may be empty and yet have a
    /// [next](AuditPage::next) one. Workers [delete](crate::Worker::audit_retention) old rows.
    pub async fn audit(&self, filter: AuditFilter) -> Result<AuditPage, Error> {
        let action = if filter.job.is_some() { Action::View } else { Action::ViewAudit };
        let (db, wanted) = (self.to_read(action)?, filter.wanted()?);
        let Found { rows, next, searched_back_to } = store::list(db, wanted).await?;
        Ok(AuditPage { records: rows.into_iter().map(AuditRecord::of).collect(), next, searched_back_to })
    }
}
