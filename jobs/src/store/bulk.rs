//! Acting on many jobs: those that match are read page by page, without a lock, and then held batch by batch at the version that was read.
//!
//! What has changed in between is not held, so each statement may rely on what the page has shown. No job's lock is waited for, and no job
//! is locked that does not match, whatever index the filter uses. Only keys are waited for, and what MariaDB and MySQL lock with them: see
//! [`keys`].

use std::collections::{HashMap, HashSet};

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, QueryFilter as _, QueryOrder as _, QuerySelect as _, RuntimeErr, Select,
};
use serde::{Deserialize, Serialize};

use super::entity::job::{Column, Entity, Model};
use super::keys::{self, Again};
use super::row::Columns;
use super::{dialect, jobs, json, statement};
use crate::model::JobStatus;

/// A moment of the database: its clock, and the last job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) last: i64,
    pub(crate) time: DateTimeUtc,
}

pub(crate) async fn mark<C: ConnectionTrait>(db: &C) -> Result<Mark, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let sql = format!("SELECT COALESCE(MAX(id), 0), {} FROM jobs_job", dialect.clock);
    let row = db.query_one_raw(statement(dialect, &sql, [])).await?;
    let row = row.ok_or_else(|| DbErr::Query(RuntimeErr::Internal("the clock has no time".into())))?;
    let mut columns = Columns::of(&row);
    Ok(Mark { last: columns.next()?, time: columns.next()? })
}

/// A job at the version at which it was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct Seen {
    pub(crate) id: i64,
    version: i64,
}

/// Returns the first of these jobs whose ids come after this one, in the order of their ids.
pub(crate) async fn page<C: ConnectionTrait>(
    db: &C,
    jobs: Select<Entity>,
    after: i64,
    limit: u64,
) -> Result<Vec<Seen>, DbErr> {
    let page = jobs.filter(Column::Id.gt(after)).order_by_asc(Column::Id).limit(limit);
    let seen: Vec<(i64, i64)> = page.select_only().columns([Column::Id, Column::Version]).into_tuple().all(db).await?;
    Ok(seen.into_iter().map(|(id, version)| Seen { id, version }).collect())
}

impl From<&Model> for Seen {
    fn from(row: &Model) -> Self {
        Self { id: row.id, version: row.version }
    }
}

/// A job whose row the transaction holds.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) seen: Seen,
    pub(crate) queue: String,
    pub(crate) status: JobStatus,
    /// Whether another process waits for its end.
    pub(crate) awaited: bool,
    key: Option<String>,
}

/// Locks those of these jobs that are still at their version, except for those that others have locked.
pub(crate) async fn hold<C: ConnectionTrait>(db: &C, jobs: &[Seen]) -> Result<Vec<Held>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let versions: HashMap<i64, i64> = jobs.iter().map(|job| (job.id, job.version)).collect();
    let rows = db.query_all_raw(statement(dialect, dialect.hold, [json(jobs)?.into()])).await?;
    let mut held = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::of(row);
        let id = columns.next()?;
        let Some(&version) = versions.get(&id) else { continue };
        held.push(Held {
            seen: Seen { id, version },
            queue: columns.next()?,
            status: columns.next()?,
            awaited: columns.next()?,
            key: columns.next()?,
        });
    }
    Ok(held)
}

impl Held {
    fn again(&self) -> Option<Again<'_>> {
        Some(Again { id: self.seen.id, version: self.seen.version + 1, key: self.key.as_deref()? })
    }
}

/// Schedules closed jobs again, and returns which: not those whose keys other jobs hold, and of several with the same key only the first,
/// which then holds it.
pub(crate) async fn retry<C: ConnectionTrait>(db: &C, held: &[Held]) -> Result<HashSet<i64>, DbErr> {
    let mut keys = HashSet::new();
    let first: Vec<_> = held.iter().filter(|job| job.key.as_deref().is_none_or(|key| keys.insert(key))).collect();
    let unique: Vec<_> = first.iter().filter_map(|job| job.again()).collect();
    let holders = keys::acquire_all_again(db, &unique).await?;
    let is_refused = |job: &&Held| {
        let holder = job.key.as_ref().and_then(|key| holders.get(key));
        holder.is_some_and(|holder| *holder != job.seen.id)
    };
    let ids: Vec<_> = first.into_iter().filter(|job| !is_refused(job)).map(|job| job.seen.id).collect();
    jobs::retry_all(db, &ids).await?;
    Ok(ids.into_iter().collect())
}
