//! Counting jobs by filter: all that match, or up to a bound.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sea_orm::{ColumnTrait as _, ConnectionTrait, DbErr, QuerySelect as _, Select};
use serde::{Deserialize, Serialize};

use super::JobFilter;
use super::search::Search;
use crate::error::Error;
use crate::model::JobStatus;
use crate::store::connection::Connection;
use crate::store::entity::job::{Column, Entity, Model};
use crate::store::search;

/// The number of jobs in each status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names are those of the statuses")]
pub struct JobCounts {
    pub scheduled: u64,
    pub running: u64,
    pub canceled: u64,
    pub failed: u64,
    pub terminated: u64,
}

impl JobCounts {
    /// The number of jobs in all statuses.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.scheduled + self.running + self.canceled + self.failed + self.terminated
    }

    /// The number of jobs in this status.
    #[must_use]
    pub const fn of(&self, status: JobStatus) -> u64 {
        match status {
            JobStatus::Scheduled => self.scheduled,
            JobStatus::Running => self.running,
            JobStatus::Canceled => self.canceled,
            JobStatus::Failed => self.failed,
            JobStatus::Terminated => self.terminated,
        }
    }

    /// The count of this status.
    pub(crate) const fn of_mut(&mut self, status: JobStatus) -> &mut u64 {
        match status {
            JobStatus::Scheduled => &mut self.scheduled,
            JobStatus::Running => &mut self.running,
            JobStatus::Canceled => &mut self.canceled,
            JobStatus::Failed => &mut self.failed,
            JobStatus::Terminated => &mut self.terminated,
        }
    }
}

impl FromIterator<(JobStatus, i64)> for JobCounts {
    fn from_iter<I: IntoIterator<Item = (JobStatus, i64)>>(rows: I) -> Self {
        rows.into_iter().fold(Self::default(), |mut counts, (status, jobs)| {
            *counts.of_mut(status) += u64::try_from(jobs).unwrap_or(0);
            counts
        })
    }
}

impl std::iter::Sum for JobCounts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, counts| Self {
            scheduled: sum.scheduled + counts.scheduled,
            running: sum.running + counts.running,
            canceled: sum.canceled + counts.canceled,
            failed: sum.failed + counts.failed,
            terminated: sum.terminated + counts.terminated,
        })
    }
}

/// Counts all jobs that match the filter, by status. Its page and limit are ignored.
///
/// It examines as many jobs as it takes, and reads all that conditions on errors or parameters are about: [`bounded_counts`] does not.
pub async fn counts<C: Connection>(db: &C, filter: JobFilter) -> Result<JobCounts, Error> {
    let filter = filter.all_pages();
    Ok(count(db, &filter, Search::all(db, &filter).await?.jobs()).await?)
}

/// How many rows are in memory at once if the filter has conditions on errors or parameters.
const ROWS: u64 = 100;

/// Counts those of these jobs that match the filter, by status.
pub(super) async fn count<C: ConnectionTrait>(
    db: &C,
    filter: &JobFilter,
    jobs: Select<Entity>,
) -> Result<JobCounts, DbErr> {
    if !filter.reads_rows() {
        return count_all(db, jobs).await;
    }
    let (mut counts, mut last) = (JobCounts::default(), i64::MIN);
    loop {
        let rows = search::rows_after(db, jobs.clone(), last, ROWS).await?;
        let Some(row) = rows.last() else { return Ok(counts) };
        last = row.id;
        counts = [counts, filter.matching(&rows).map(|row| (row.status, 1)).collect()].into_iter().sum();
    }
}

/// Counts these jobs, by status.
async fn count_all<C: ConnectionTrait>(db: &C, jobs: Select<Entity>) -> Result<JobCounts, DbErr> {
    let rows: Vec<(JobStatus, i64)> = jobs
        .select_only()
        .column(Column::Status)
        .column_as(Column::Id.count(), "jobs")
        .group_by(Column::Status)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// The most jobs that are counted in a status; one more stands for any number above.
pub(crate) const MOST_COUNTED: u64 = 10_000;

/// The number of jobs in each status, as far as a bounded search tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct BoundedCounts {
    /// The jobs that were found. 10,001 in a status means more than 10,000.
    pub counts: JobCounts,
    /// Whether older jobs may match that were not examined, so that all counts are least values.
    pub is_partial: bool,
}

impl BoundedCounts {
    /// Whether there are exactly so many jobs in this status, and not more.
    #[must_use]
    pub const fn is_exact(&self, status: JobStatus) -> bool {
        !self.is_partial && self.counts.of(status) <= MOST_COUNTED
    }
}

/// Counts the jobs that match the filter by status, at a bounded cost: up to 10,001 in each, and at most as many rows are examined as by
/// one call of [`list`](fn@crate::list), the newest. Its page and limit are ignored.
///
/// ```
/// # use jobs::prelude::*;
/// # #[derive(Job)] #[job_params] struct Greet { name: String }
/// # impl Execute for Greet { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// jobs::schedule_all(&db, ["ada", "grace"].map(Greet::new)).await?;
/// let found = jobs::bounded_counts(&db, "name:Greet".parse()?).await?;
/// assert_eq!(found.counts.scheduled, 2);
/// assert!(found.is_exact(JobStatus::Scheduled));
/// # Ok(()) }
/// ```
pub async fn bounded_counts<C: Connection>(db: &C, filter: JobFilter) -> Result<BoundedCounts, Error> {
    let filter = filter.all_pages();
    let mut found = BoundedCounts::default();
    if filter.is_of_status_only() {
        // Each status is a range of an index.
        for (status, jobs) in search::counts_up_to(db, &filter.statuses(), MOST_COUNTED + 1).await? {
            *found.counts.of_mut(status) = jobs;
        }
        return Ok(found);
    }
    let search = Search::piece(db, &filter).await?;
    (found.counts, found.is_partial) = if filter.reads_rows() {
        let mut counts = JobCounts::default();
        let count = |row: Model| {
            *counts.of_mut(row.status) += 1;
            ControlFlow::Continue(())
        };
        let end = search.each_match(db, &mut BTreeSet::new(), count).await?;
        (counts, end.is_some())
    } else {
        (count_all(db, search.jobs()).await?, search.ends_early())
    };
    for status in JobStatus::ALL {
        let count = found.counts.of_mut(*status);
        *count = (*count).min(MOST_COUNTED + 1);
    }
    Ok(found)
}
