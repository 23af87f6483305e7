//! Searching jobs by filter, piece by piece: a piece has a bounded number of rows to examine.
//!
//! What bounds a piece is an index that leads to few rows, or else a range of identifiers: databases would read all rows for a page that
//! few rows match.

#[cfg(feature = "web")]
mod failed;

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DbErr, EntityTrait as _, Order, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select, Value,
};
use serde::{Deserialize, Serialize};

use super::filter::Label;
use super::{JobFilter, JobRecord};
use crate::error::Error;
use crate::model::{JobId, JobStatus};
use crate::store::entity::job::{Column, Entity, Model};
use crate::store::search::{self, Ids, Place};
use crate::store::{clock, dialect, unserved};

/// The most rows that a piece examines.
const EXAMINED: u64 = 20_000;

/// The most rows of a piece whose errors and parameters are read.
const READ: usize = 5_000;

/// How many of them are in memory at once: each may have megabytes of parameters and results.
const READ_AT_ONCE: usize = 100;

/// The indexes of texts, in which the jobs of each are in order.
const INDEXED: [Label; 3] = [Label::Event, Label::Session, Label::User];

/// The jobs that one call of [`list`](fn@crate::list) has found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobPage {
    /// The jobs, newest first.
    pub jobs: Vec<JobRecord>,
    /// Where the search goes on: the next page is that of `filter.after(next)`. `None` if no older job matches.
    pub next: Option<JobId>,
    /// If the page is not full because the search stopped at its bound: since when the jobs were scheduled that it has examined.
    pub searched_back_to: Option<DateTime<Utc>>,
    /// The parameters on which there are conditions, and which are secret in a job that was examined: secrets match no condition.
    pub secrets: Vec<String>,
}

/// What a piece has found, in its order.
pub(crate) struct Found {
    pub(crate) jobs: Vec<JobRecord>,
    /// Where the search goes on.
    pub(crate) next: Option<Place>,
    /// If the search stopped at its bound: how far back it has come.
    pub(crate) searched_back_to: Option<DateTime<Utc>>,
    pub(crate) secrets: Vec<String>,
}

impl From<Found> for JobPage {
    fn from(Found { jobs, next, searched_back_to, secrets }: Found) -> Self {
        Self { jobs, next: next.map(|(id, _)| JobId(id)), searched_back_to, secrets }
    }
}

/// A piece of a search, or all of it.
pub(super) struct Search<'f> {
    filter: &'f JobFilter,
    condition: Condition,
    ids: Ids,
    /// Where the next piece begins.
    next: Option<Place>,
    /// The order: the greatest comes first.
    keys: Vec<Expr>,
    /// The time in the place of a job.
    time: Column,
    /// Whether records have their parameters and results, which may be megabytes in each.
    pub(super) has_values: bool,
}

impl<'f> Search<'f> {
    /// A search among all jobs, however many there are.
    pub(super) async fn all<C: ConnectionTrait>(db: &C, filter: &'f JobFilter) -> Result<Self, Error> {
        let now = if filter.needs_time() { clock(db).await? } else { DateTime::UNIX_EPOCH };
        Self::at(db, filter, now).await
    }

    /// A search among all jobs, for those that match at this time.
    pub(super) async fn at<C: ConnectionTrait>(
        db: &C,
        filter: &'f JobFilter,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        filter.check()?;
        let dialect = dialect::of(db.get_database_backend())?;
        let groups = if filter.needs_unserved() { unserved::groups(db).await? } else { Vec::new() };
        let condition = filter.sql(dialect, now, &groups)?;
        let ids = ids_of(db, filter, now).await?;
        let keys = vec![Column::Id.into_expr()];
        Ok(Self { filter, condition, ids, next: None, keys, time: Column::CreatedAt, has_values: true })
    }

    /// The newest piece of a search, from the filter's position on.
    pub(super) async fn piece<C: ConnectionTrait>(db: &C, filter: &'f JobFilter) -> Result<Self, Error> {
        let mut search = Self::all(db, filter).await?;
        if filter.is_empty() || !filter.ids().is_empty() {
            return Ok(search);
        }
        let mut has_other_order = are_few(db, filter).await?;
        if !has_other_order {
            let texts = indexed_texts(filter);
            search.next = boundary(db, texts.as_ref(), search.ids).await?;
            // Each of several texts has an order of its own.
            has_other_order = texts.is_some_and(|(_, texts)| texts.len() > 1);
        }
        if has_other_order {
            search.keys = vec![search::id_without_index()];
        }
        if let Some((first, _)) = search.next {
            search.ids.from = Some(first);
        }
        Ok(search)
    }

    /// Whether there are older jobs, which may match, too.
    pub(super) const fn ends_early(&self) -> bool {
        self.next.is_some()
    }

    /// Finds the first jobs of the piece that match.
    pub(super) async fn page<C: ConnectionTrait>(&self, db: &C, limit: usize) -> Result<Found, Error> {
        if self.filter.reads_rows() {
            return self.read(db, limit).await;
        }
        // One more shows whether there is a next page.
        let first = self.first(limit + 1);
        let mut rows = if self.has_values { first } else { search::without_values(first) }.all(db).await?;
        let is_full = rows.len() > limit;
        rows.truncate(limit);
        Ok(Found {
            next: if is_full { rows.last().map(|row| self.place(row)) } else { self.next },
            searched_back_to: self.next.map(|(_, time)| time).filter(|_| !is_full),
            jobs: rows.into_iter().map(|row| self.record(row)).collect(),
            secrets: Vec::new(),
        })
    }

    /// Like [`page`](Self::page), for conditions that are checked on the rows.
    async fn read<C: ConnectionTrait>(&self, db: &C, limit: usize) -> Result<Found, Error> {
        let (mut jobs, mut last, mut secrets) = (Vec::new(), None, BTreeSet::new());
        let end = self
            .each_match(db, &mut secrets, |row| {
                last = Some(self.place(&row));
                jobs.push(self.record(row));
                if jobs.len() == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            })
            .await?;
        let is_full = jobs.len() == limit;
        Ok(Found {
            jobs,
            next: if is_full { last } else { end },
            searched_back_to: end.map(|(_, time)| time).filter(|_| !is_full),
            secrets: secrets.into_iter().collect(),
        })
    }

    /// Reads the rows of the piece, in its order, and hands over those that match, until it is told to stop. Returns where the next
    /// piece begins. Names the parameters that are secret in `secrets`.
    pub(super) async fn each_match<C: ConnectionTrait>(
        &self,
        db: &C,
        secrets: &mut BTreeSet<String>,
        mut take: impl FnMut(Model) -> ControlFlow<()>,
    ) -> Result<Option<Place>, Error> {
        // One more shows whether all of them are read.
        let mut candidates = self.candidates(db, READ + 1).await?;
        let end = if candidates.len() > READ { candidates.get(READ - 1).copied() } else { self.next };
        candidates.truncate(READ);
        for some in candidates.chunks(READ_AT_ONCE) {
            for row in self.rows_of(db, some).await? {
                if self.filter.matches(&row, secrets) && take(row).is_break() {
                    return Ok(end);
                }
            }
        }
        Ok(end)
    }

    fn record(&self, row: Model) -> JobRecord {
        let mut record = JobRecord::of(row);
        if !self.has_values {
            record.parameters = serde_json::Value::Null;
            record.results.clear();
        }
        record
    }

    /// Selects the jobs that match, without the conditions that are checked on the rows.
    pub(super) fn jobs(&self) -> Select<Entity> {
        Entity::find().filter(self.condition.clone()).filter(self.ids.condition())
    }

    /// The places of the first jobs that fulfill the conditions of SQL.
    async fn candidates<C: ConnectionTrait>(&self, db: &C, limit: usize) -> Result<Vec<Place>, DbErr> {
        self.first(limit).select_only().columns([Column::Id, self.time]).into_tuple().all(db).await
    }

    /// The rows of these candidates, in their order. Those that have changed, and are none anymore, are left out.
    async fn rows_of<C: ConnectionTrait>(&self, db: &C, candidates: &[Place]) -> Result<Vec<Model>, DbErr> {
        let are_they = Column::Id.is_in(candidates.iter().map(|(id, _)| *id));
        let mut rows = self.jobs().filter(are_they).all(db).await?;
        // Sorted here: databases might look for these few in the index of the order, among all of the piece.
        rows.sort_by_key(|row| candidates.iter().position(|(id, _)| *id == row.id));
        Ok(rows)
    }

    /// Selects the first jobs that fulfill the conditions of SQL.
    fn first(&self, limit: usize) -> Select<Entity> {
        let sorted = self.keys.iter().fold(self.jobs(), |jobs, key| jobs.order_by(key.clone(), Order::Desc));
        sorted.limit(u64::try_from(limit).unwrap_or(u64::MAX))
    }

    /// Where a job stands in the order.
    fn place(&self, row: &Model) -> Place {
        let ended = row.finished_at.filter(|_| matches!(self.time, Column::FinishedAt));
        (row.id, ended.unwrap_or(row.created_at))
    }
}

/// The identifiers among which jobs may match: before the filter's position, and of the time that it names.
async fn ids_of<C: ConnectionTrait>(db: &C, filter: &JobFilter, now: DateTime<Utc>) -> Result<Ids, DbErr> {
    let mut ids = Ids { from: None, before: filter.position().map(JobId::get) };
    let (since, until) = filter.period(now);
    if let Some(since) = since {
        ids.from = Some(search::first_since(db, since).await?);
    }
    if let Some(until) = until {
        let first = search::first_after(db, until).await?;
        ids.before = Some(ids.before.map_or(first, |before| before.min(first)));
    }
    Ok(ids)
}

/// Whether so few jobs have the statuses of the filter that all of them can be examined.
async fn are_few<C: ConnectionTrait>(db: &C, filter: &JobFilter) -> Result<bool, DbErr> {
    let statuses = filter.statuses();
    if statuses.len() == JobStatus::ALL.len() {
        return Ok(false);
    }
    let mut left = EXAMINED;
    for status in statuses {
        let mut among = search::is(status);
        let queues = filter.label_values(Label::Queue);
        // The index of waiting jobs begins with the queue.
        if status == JobStatus::Scheduled && !queues.is_empty() {
            among = among.add(Column::Queue.is_in(queues));
        }
        match left.checked_sub(search::count_up_to(db, among, left + 1).await?) {
            Some(rest) => left = rest,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// The texts of a filter to which an index leads.
fn indexed_texts(filter: &JobFilter) -> Option<(Label, Vec<Value>)> {
    let mut texts = INDEXED.into_iter().map(|label| (label, filter.label_values(label)));
    texts.find(|(_, texts)| !texts.is_empty())
}

/// Where a piece ends that has at most as many rows as may be examined: of jobs with one of these texts, if there are some.
async fn boundary<C: ConnectionTrait>(
    db: &C,
    texts: Option<&(Label, Vec<Value>)>,
    ids: Ids,
) -> Result<Option<Place>, DbErr> {
    let Some((label, texts)) = texts else {
        return search::boundary(db, ids.condition(), EXAMINED).await;
    };
    let mut latest = None;
    let share = (EXAMINED / texts.len() as u64).max(1);
    for text in texts {
        let among = ids.condition().add(label.column().eq(text.clone()));
        latest = latest.max(search::boundary(db, among, share).await?);
    }
    Ok(latest)
}
