//! Acting as somebody: everything is checked, and every change leaves a row in the audit.

mod audit;
mod bulk;
mod entry;
#[cfg(feature = "web")]
mod health;
mod jobs;
mod queues;
mod read;

use std::fmt;
use std::sync::Arc;

use sea_orm::{DatabaseConnection, DatabaseTransaction};

use crate::error::Error;
use crate::model::{Action, JobId, Principal};
use crate::store::{self, repeat_call};
pub use audit::{AuditFilter, AuditPage, AuditRecord};
pub(crate) use entry::Entry;

/// Acts on jobs, queues and schedules as somebody: as a user of a dashboard, for example.
///
/// Each method of the [`Session`] takes an [`Action`], and without it returns [`Error::Forbidden`], before it asks the database anything.
/// Each method that changes something writes who has done it into the table `jobs_audit`, in the same transaction. Functions of the root,
/// such as [`cancel`](crate::cancel), are for programs that act on their own behalf: they check nothing, and leave no trace.
///
/// ```
/// # use jobs::prelude::*;
/// use jobs::{Action, AuditFilter, Error, Principal, Role};
/// # #[derive(Job)] #[job_params] struct Greet { name: String }
/// # impl Execute for Greet { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Error> {
/// # let db = jobs::testing::database().await?;
/// let job = Greet::new("grace").schedule(&db).await?;
///
/// let ada = jobs::acting_as(&db, Principal::new("ada", Role::Operator).with_origin("203.0.113.7"));
/// ada.cancel(job).await?;
/// let error = ada.delete(job).await.unwrap_err();
/// assert_eq!(error.to_string(), "ada may not delete jobs");
///
/// let done = ada.audit(AuditFilter::new().job(job)).await?.records;
/// assert_eq!((done[0].principal.as_str(), done[0].action.as_str()), ("ada", "cancel"));
/// # Ok(()) }
/// ```
///
/// This asks the database nothing.
pub fn acting_as(db: &DatabaseConnection, principal: Principal) -> Session {
    Session { db: db.clone(), principal: Arc::new(principal) }
}

/// Somebody who acts: what they may do is checked, and what they change is recorded. See [`acting_as`].
///
/// It is cheap to clone. Whoever has one can't get at the connection.
#[derive(Clone)]
#[must_use]
pub struct Session {
    db: DatabaseConnection,
    principal: Arc<Principal>,
}

impl Session {
    /// Who acts.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// Whether this action is allowed.
    #[must_use]
    pub fn may(&self, action: Action) -> bool {
        self.principal.may(action)
    }

    pub(crate) fn check(&self, action: Action) -> Result<(), Error> {
        if self.may(action) {
            return Ok(());
        }
        Err(Error::Forbidden { principal: self.principal.name().to_owned(), action })
    }

    /// Returns the connection to read from, if this action is allowed.
    pub(crate) fn to_read(&self, action: Action) -> Result<&DatabaseConnection, Error> {
        self.check(action)?;
        Ok(&self.db)
    }

    /// Executes a change, which ends with [`Change::commit`], and repeats it if it loses against another transaction. Whoever must be woken
    /// is woken by the caller, after this.
    pub(crate) async fn change<'s, T, F>(
        &'s self,
        entry: &'s Entry,
        change: impl Fn(Change<'s>) -> F,
    ) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let once = || async { change(Change { transaction: store::begin(&self.db).await?, entry }).await };
        repeat_call(&self.db, once).await
    }
}

/// A change under way. It is rolled back if it is dropped.
pub(crate) struct Change<'s> {
    pub(crate) transaction: DatabaseTransaction,
    entry: &'s Entry,
}

impl<'s> Change<'s> {
    /// Records another entry.
    pub(crate) fn told_as(self, entry: &'s Entry) -> Self {
        Self { entry, ..self }
    }

    /// Commits without a record, because nothing was changed. Returns the result.
    pub(crate) async fn commit_unchanged<T>(self, result: T) -> Result<T, Error> {
        self.transaction.commit().await?;
        Ok(result)
    }

    /// Records to which job it was done, and commits both: the change and its record are there, or neither. Returns the result.
    pub(crate) async fn commit<T>(self, job: Option<JobId>, result: T) -> Result<T, Error> {
        self.entry.record(&self.transaction, &[job.map(|job| job.0)]).await?;
        self.transaction.commit().await?;
        Ok(result)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("principal", &self.principal).finish_non_exhaustive()
    }
}
