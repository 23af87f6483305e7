//! What a session reads. All of it takes [`Action::View`]; what a job says and is given is hidden without [`Action::ViewPayload`].

use std::collections::BTreeMap;

use sea_orm::DatabaseConnection;

use super::Session;
use crate::client::{
    Attempt, BoundedCounts, FailureGroups, JobCounts, JobEvents, JobFilter, JobPage, JobRecord, Message, QueueRecord,
    Stats, StatsFilter, WorkerRecord, counts, failures, list, queue, record, stats, watch, why, workers,
};
use crate::error::Error;
use crate::job::parameters::secrets::HIDDEN;
use crate::model::{Action, JobId, Why};
use crate::store::unserved::Unserved;

impl Session {
    /// Everything that is stored about a job. See [`record`](crate::record()). Takes [`Action::View`]; without [`Action::ViewPayload`], the
    /// record says that its payload is [hidden](JobRecord::payload_hidden).
    pub async fn record(&self, id: impl Into<JobId>) -> Result<JobRecord, Error> {
        let mut job = record::record(self.to_read(Action::View)?, id).await?;
        self.hide([&mut job], JobRecord::hide_payload);
        Ok(job)
    }

    /// Lists one page of the jobs that match the filter. See [`list`](fn@crate::list). Takes and hides the same as
    /// [`record`](Self::record); a filter with conditions on parameters, errors or keys also takes [`Action::ViewPayload`], because who may
    /// search by values can find them out.
    pub async fn list(&self, filter: JobFilter) -> Result<JobPage, Error> {
        let mut page = list::list(self.to_search(&filter)?, filter).await?;
        self.hide(&mut page.jobs, JobRecord::hide_payload);
        Ok(page)
    }

    /// Counts the jobs that match the filter, by status. See [`counts`](fn@crate::counts). Takes the same as [`list`](Self::list).
    pub async fn counts(&self, filter: JobFilter) -> Result<JobCounts, Error> {
        counts::counts(self.to_search(&filter)?, filter).await
    }

    /// Counts the jobs that match the filter, at a bounded cost. See [`bounded_counts`](crate::bounded_counts). Takes the same as
    /// [`list`](Self::list).
    pub async fn bounded_counts(&self, filter: JobFilter) -> Result<BoundedCounts, Error> {
        counts::bounded_counts(self.to_search(&filter)?, filter).await
    }

    /// Counts the jobs of each queue by status. See [`counts_by_queue`](crate::counts_by_queue). Takes [`Action::View`].
    pub async fn counts_by_queue(&self) -> Result<BTreeMap<String, JobCounts>, Error> {
        queue::counts_by_queue(self.to_read(Action::View)?).await
    }

    /// The messages of a job, oldest first. Takes [`Action::View`]; without [`Action::ViewPayload`], their texts read `"•••"`.
    pub async fn messages(&self, id: impl Into<JobId>) -> Result<Vec<Message>, Error> {
        let mut messages = record::messages(self.to_read(Action::View)?, id).await?;
        self.hide(&mut messages, Message::hide_payload);
        Ok(messages)
    }

    /// The unsuccessful attempts of a job, in order. Takes [`Action::View`]; without [`Action::ViewPayload`], their errors read `"•••"`.
    pub async fn failed_attempts(&self, id: impl Into<JobId>) -> Result<Vec<Attempt>, Error> {
        let mut attempts = record::failed_attempts(self.to_read(Action::View)?, id).await?;
        self.hide(&mut attempts, Attempt::hide_payload);
        Ok(attempts)
    }

    /// Why a job waits. See [`why`](crate::why). Takes [`Action::View`]; without [`Action::ViewPayload`], errors read `"•••"`.
    pub async fn why(&self, id: impl Into<JobId>) -> Result<Why, Error> {
        let mut why = why::why(self.to_read(Action::View)?, id).await?;
        self.hide([&mut why], |why| why.replace_payload(HIDDEN));
        Ok(why)
    }

    /// Follows a job. See [`watch`](crate::watch()). Takes [`Action::View`]; without [`Action::ViewPayload`], its results, errors and
    /// messages are hidden. What the principal may do is not checked again while the stream lasts.
    pub fn watch(&self, id: impl Into<JobId>) -> Result<JobEvents, Error> {
        let events = watch::watch(self.to_read(Action::View)?, id);
        Ok(if self.may(Action::ViewPayload) { events } else { events.hiding_payload() })
    }

    /// Lists the queues. See [`queues`](crate::queues). Takes [`Action::View`].
    pub async fn queues(&self) -> Result<Vec<QueueRecord>, Error> {
        queue::queues(self.to_read(Action::View)?).await
    }

    /// Lists the workers. See [`workers`](crate::workers). Takes [`Action::View`].
    pub async fn workers(&self) -> Result<Vec<WorkerRecord>, Error> {
        workers::workers(self.to_read(Action::View)?).await
    }

    /// Counts the due jobs that no live worker serves. See [`unserved`](crate::unserved). Takes [`Action::View`].
    pub async fn unserved(&self) -> Result<Vec<Unserved>, Error> {
        list::unserved(self.to_read(Action::View)?).await
    }

    /// Sums of what workers have counted. See [`stats`](fn@crate::stats). Takes [`Action::View`].
    pub async fn stats(&self, filter: impl Into<StatsFilter>) -> Result<Stats, Error> {
        stats::stats(self.to_read(Action::View)?, filter).await
    }

    /// Groups the jobs that have failed in the last day. See [`failures`](fn@crate::failures). Takes [`Action::View`]; without
    /// [`Action::ViewPayload`], they are grouped by their names alone.
    pub async fn failures(&self) -> Result<FailureGroups, Error> {
        failures::grouped(self.to_read(Action::View)?, self.may(Action::ViewPayload)).await
    }

    /// Returns the connection to search with this filter, if that is allowed.
    pub(in crate::client) fn to_search(&self, filter: &JobFilter) -> Result<&DatabaseConnection, Error> {
        if filter.is_on_payload() {
            self.check(Action::ViewPayload)?;
        }
        self.to_read(Action::View)
    }

    /// Hides the payload of these if the principal may not see it.
    pub(crate) fn hide<'t, T: 't>(&self, all: impl IntoIterator<Item = &'t mut T>, hide: impl FnMut(&'t mut T)) {
        if !self.may(Action::ViewPayload) {
            all.into_iter().for_each(hide);
        }
    }
}
