//! What a session does to many jobs.

use super::{Entry, Session};
#[cfg(feature = "web")]
use crate::client::BoundedCounts;
use crate::client::JobFilter;
#[cfg(any(feature = "cli", feature = "web"))]
use crate::client::bulk::Verb;
use crate::client::bulk::{self, Bulk, BulkAction};
use crate::error::Error;
use crate::model::{Action, AuditAction};

impl Session {
    /// Counts the jobs that match the filter, to act on all of them: [`cancel_all`](Self::cancel_all), [`retry_all`](Self::retry_all),
    /// [`delete_all`](Self::delete_all) or [`run_all_now`](Self::run_all_now). See [`bulk`](crate::bulk()). Takes the same as
    /// [`list`](Self::list).
    ///
    /// ```
    /// # use jobs::prelude::*;
    /// # use jobs::{AuditFilter, JobFilter, Principal, Role};
    /// # #[derive(Job)] #[job_params] struct Greet { name: String }
    /// # impl Execute for Greet { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
    /// # let db = jobs::testing::database().await?;
    /// # jobs::schedule_all(&db, ["ada", "grace"].map(Greet::new)).await?;
    /// let session = jobs::acting_as(&db, Principal::new("ada", Role::Admin));
    /// let counted = session.bulk(JobFilter::new().name("Greet")).await?;
    /// println!("Cancel {} jobs?", counted.counts().scheduled);
    /// assert_eq!(session.cancel_all(&counted)?.await?.done, 2);
    ///
    /// let rows = session.audit(AuditFilter::new()).await?.records;
    /// assert_eq!(rows.len(), 2);
    /// assert_eq!(rows[0].operation, rows[1].operation);
    /// # Ok(()) }
    /// ```
    pub async fn bulk(&self, filter: JobFilter) -> Result<Bulk, Error> {
        bulk::bulk(self.to_search(&filter)?, filter).await
    }

    /// Cancels the jobs that were counted. See [`Bulk::cancel`]. Takes [`Action::Cancel`], and what counting them takes.
    ///
    /// Here and below, each job has a row in the audit, written in the same transaction; all of one call have the same operation, and the
    /// filter as their subject: with the statuses that the action changes, times instead of durations, `•••` for values of parameters, errors
    /// and keys, and cut off after 1,000 characters.
    pub fn cancel_all<'b>(&'b self, counted: &'b Bulk) -> Result<BulkAction<'b>, Error> {
        let entry = self.bulk_entry(counted, Action::Cancel, AuditAction::Cancel)?;
        Ok(counted.cancel(&self.db).recorded_as(entry))
    }

    /// Schedules the closed jobs that were counted again. See [`Bulk::retry`]. Takes [`Action::Retry`], and what counting them takes.
    pub fn retry_all<'b>(&'b self, counted: &'b Bulk) -> Result<BulkAction<'b>, Error> {
        let entry = self.bulk_entry(counted, Action::Retry, AuditAction::Retry)?;
        Ok(counted.retry(&self.db).recorded_as(entry))
    }

    /// Deletes the closed jobs that were counted. See [`Bulk::delete`]. Takes [`Action::Delete`], and what counting them takes.
    pub fn delete_all<'b>(&'b self, counted: &'b Bulk) -> Result<BulkAction<'b>, Error> {
        let entry = self.bulk_entry(counted, Action::Delete, AuditAction::Delete)?;
        Ok(counted.delete(&self.db).recorded_as(entry))
    }

    /// Makes the waiting jobs that were counted due now. See [`Bulk::run_now`]. Takes [`Action::RunNow`], and what counting them takes.
    pub fn run_all_now<'b>(&'b self, counted: &'b Bulk) -> Result<BulkAction<'b>, Error> {
        let entry = self.bulk_entry(counted, Action::RunNow, AuditAction::RunNow)?;
        Ok(counted.run_now(&self.db).recorded_as(entry))
    }

    /// Acts on the jobs that were counted.
    #[cfg(any(feature = "cli", feature = "web"))]
    pub(crate) fn act_on_all<'b>(&'b self, verb: Verb, counted: &'b Bulk) -> Result<BulkAction<'b>, Error> {
        match verb {
            Verb::Cancel => self.cancel_all(counted),
            Verb::Retry => self.retry_all(counted),
            Verb::Delete => self.delete_all(counted),
            Verb::RunNow => self.run_all_now(counted),
        }
    }

    /// Counts the jobs that match the filter and that the verb can change, at a bounded cost. Takes the same as [`bulk`](Self::bulk).
    #[cfg(feature = "web")]
    pub(crate) async fn bounded_bulk(&self, verb: Verb, filter: &JobFilter) -> Result<(Bulk, BoundedCounts), Error> {
        Bulk::bounded(self.to_search(filter)?, verb, filter).await
    }

    /// Counts all jobs of which some were counted. Takes the same as [`bulk`](Self::bulk).
    #[cfg(feature = "web")]
    pub(crate) async fn count_all(&self, counted: Bulk) -> Result<Bulk, Error> {
        let db = self.to_search(counted.filter())?;
        counted.count_all(db).await
    }

    /// The filter may be one that somebody else has counted.
    fn bulk_entry(&self, counted: &Bulk, allowed_by: Action, action: AuditAction) -> Result<Entry, Error> {
        self.to_search(counted.filter())?;
        Ok(self.entry(allowed_by, action)?.of_one_operation())
    }
}
