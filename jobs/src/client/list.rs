//! Listing jobs by filter, page by page, and counting them.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use serde::{Deserialize, Serialize};

use super::JobRecord;
use crate::error::Error;
use crate::job::parameters::check_name;
use crate::model::{JobId, JobStatus};
use crate::store::connection::Connection;
use crate::store::dialect;
use crate::store::entity::job::{Column, Entity};
use crate::store::unserved::{self, Unserved};

/// Selects the jobs to list or count. All given conditions must hold; a new filter has none.
///
/// It can be read from the query of a URL, or from JSON, in which each condition has the name of its method:
///
/// ```
/// # use jobs::{JobFilter, JobStatus};
/// let filter: JobFilter = serde_json::from_str(r#"{"status": "failed,canceled", "queue": "images", "limit": 20}"#)?;
/// assert_eq!(filter, JobFilter::new().status(JobStatus::Failed).status(JobStatus::Canceled).queue("images").limit(20));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// `status` is one status, several separated by commas, or a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct JobFilter {
    #[serde(rename = "status", with = "statuses", skip_serializing_if = "Vec::is_empty")]
    statuses: Vec<JobStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_from: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_until: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    unserved: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<JobId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

/// Statuses as one text that fits into the query of a URL.
mod statuses {
    use std::fmt;

    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};

    use crate::model::JobStatus;

    pub(super) fn serialize<S: Serializer>(statuses: &[JobStatus], serializer: S) -> Result<S::Ok, S::Error> {
        let texts: Vec<_> = statuses.iter().map(|status| status.as_str()).collect();
        serializer.serialize_str(&texts.join(","))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<JobStatus>, D::Error> {
        struct Statuses;

        impl<'de> Visitor<'de> for Statuses {
            type Value = Vec<JobStatus>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("statuses, separated by commas or in a list")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
                texts.map(|text| text.parse().map_err(E::custom)).collect()
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut statuses = Vec::new();
                while let Some(status) = list.next_element()? {
                    statuses.push(status);
                }
                Ok(statuses)
            }
        }

        deserializer.deserialize_any(Statuses)
    }
}

/// The largest page.
const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;

impl JobFilter {
    /// Creates a filter that matches all jobs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Jobs in this status; if called more than once, in any of them.
    pub fn status(mut self, status: JobStatus) -> Self {
        self.statuses.push(status);
        self
    }

    /// Jobs of the definition with this name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Jobs in this queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Jobs that run on behalf of this user.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// Jobs requested by this session.
    pub fn session(mut self, session: impl Into<String>) -> Self {
        self.session = Some(session.into());
        self
    }

    /// Jobs requested by this event.
    pub fn event(mut self, event: impl Into<String>) -> Self {
        self.event = Some(event.into());
        self
    }

    /// Jobs scheduled at this time or later.
    pub fn created_from(mut self, time: DateTime<Utc>) -> Self {
        self.created_from = Some(time);
        self
    }

    /// Jobs scheduled before this time.
    pub fn created_until(mut self, time: DateTime<Utc>) -> Self {
        self.created_until = Some(time);
        self
    }

    /// Due jobs in a queue, or with a name, that no live worker serves.
    pub fn unserved(mut self) -> Self {
        self.unserved = true;
        self
    }

    /// The page after the one that ends with this job.
    pub fn after(mut self, last: impl Into<JobId>) -> Self {
        self.after = Some(last.into());
        self
    }

    /// The most jobs in a page, 1 to 1000; 100 by default.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The statuses that it asks for; none if any will do.
    pub(crate) fn statuses(&self) -> &[JobStatus] {
        &self.statuses
    }

    /// Whether it asks for unserved jobs.
    pub(crate) const fn is_unserved(&self) -> bool {
        self.unserved
    }

    /// The same, for jobs in these statuses.
    pub(crate) fn in_statuses(self, statuses: Vec<JobStatus>) -> Self {
        Self { statuses, ..self }
    }

    /// Selects the jobs that match, of all pages.
    pub(crate) async fn select<C: ConnectionTrait>(&self, db: &C) -> Result<Select<Entity>, Error> {
        let dialect = dialect::of(db.get_database_backend())?;
        let mut select = Entity::find();
        if !self.statuses.is_empty() {
            select = select.filter(Column::Status.is_in(self.statuses.iter().copied()));
        }
        let texts = [
            (Column::Name, &self.name),
            (Column::Queue, &self.queue),
            (Column::UserId, &self.user),
            (Column::SessionId, &self.session),
            (Column::EventId, &self.event),
        ];
        for (column, text) in texts {
            // An invalid name matches nothing; databases disagree on comparing such texts (trailing spaces, NUL).
            match text {
                Some(text) if check_name("filter", text).is_ok() => select = select.filter(column.eq(text)),
                Some(_) => select = select.filter(Expr::val(1).eq(0)),
                None => {}
            }
        }
        if let Some(from) = self.created_from {
            select = select.filter(Expr::col(Column::CreatedAt).gte(dialect.time(from)));
        }
        if let Some(until) = self.created_until {
            select = select.filter(Expr::col(Column::CreatedAt).lt(dialect.time(until)));
        }
        if self.unserved {
            select = select.filter(unserved::is_due_in(dialect, &unserved::groups(db).await?)?);
        }
        Ok(select)
    }
}

/// Lists one page of the jobs that match the filter, newest first. The next page is that of `filter.after(last.id)`.
pub async fn list<C: Connection>(db: &C, filter: JobFilter) -> Result<Vec<JobRecord>, Error> {
    let limit = filter.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Error::invalid("limit", format!("{limit} is not between 1 and {MAX_LIMIT}")));
    }
    let mut select = filter.select(db).await?.order_by_desc(Column::Id).limit(limit);
    if let Some(last) = filter.after {
        select = select.filter(Column::Id.lt(last.0));
    }
    Ok(select.all(db).await?.into_iter().map(JobRecord::of).collect())
}

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

/// Counts the jobs that match the filter, by status. Its page and limit are ignored.
pub async fn counts<C: Connection>(db: &C, filter: JobFilter) -> Result<JobCounts, Error> {
    count(db, filter.select(db).await?).await
}

/// Counts these jobs by status.
pub(crate) async fn count<C: ConnectionTrait>(db: &C, jobs: Select<Entity>) -> Result<JobCounts, Error> {
    let rows: Vec<(JobStatus, i64)> = jobs
        .select_only()
        .column(Column::Status)
        .column_as(Column::Id.count(), "jobs")
        .group_by(Column::Status)
        .into_tuple()
        .all(db)
        .await?;
    let mut counts = JobCounts::default();
    for (status, jobs) in rows {
        *counts.of_mut(status) = u64::try_from(jobs).unwrap_or(0);
    }
    Ok(counts)
}

/// Counts the due jobs that no live worker serves, by queue and name: either the queue has no worker, or no running program
/// defines the name.
pub async fn unserved<C: Connection>(db: &C) -> Result<Vec<Unserved>, Error> {
    Ok(unserved::unserved(db).await?)
}
