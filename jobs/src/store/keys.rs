//! The keys of unique jobs, in `jobs_unique`: which job has each, and whether it still holds it. See [`super::unique`].

use std::collections::{BTreeMap, HashMap};

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, Value};
use serde::Serialize;

use super::claim::int;
use super::connection::is_plain;
use super::dialect::{self, Acquire, Dialect, Unique};
use super::entity::key;
use super::insert::{MAX_BATCH_ROWS, in_chunks};
use super::row::NewKey;
use super::{Store, json, retry_contention, statement};
use crate::error::Error;
use crate::model::{JobId, JobStatus};

/// A row of `jobs_unique`.
#[derive(Debug, Serialize)]
pub(super) struct KeyRow<'k> {
    pub(super) unique_key: &'k str,
    pub(super) job_id: i64,
    pub(super) version: Option<i64>,
    pub(super) within_ms: Option<i64>,
}

impl<'k> KeyRow<'k> {
    /// The row of a new job's key.
    fn new(key: &'k NewKey, job_id: i64) -> Self {
        Self { unique_key: &key.key, job_id, version: Some(0), within_ms: key.within_ms }
    }

    fn values(&self) -> [Value; 4] {
        [self.unique_key.into(), self.job_id.into(), self.version.into(), self.within_ms.into()]
    }
}

/// Acquires the keys that are free, and returns whether all were.
async fn acquire<C: ConnectionTrait>(db: &C, dialect: &Dialect, mut rows: Vec<KeyRow<'_>>) -> Result<bool, DbErr> {
    match dialect.unique.acquire {
        Acquire::Json(sql) => {
            let result = db.execute_raw(statement(dialect, sql, [json(&rows)?.into()])).await?;
            Ok(dialect.has_acquired_all(&result, rows.len()))
        }
        Acquire::Values { into, row, or_ignore, chunks } => {
            rows.sort_unstable_by_key(|row| row.unique_key);
            let mut all = true;
            for some in in_chunks(&rows, chunks) {
                let sql = format!("{into}{}{or_ignore}", vec![row; some.len()].join(", "));
                let result = db.execute_raw(statement(dialect, &sql, some.iter().flat_map(KeyRow::values))).await?;
                all &= dialect.has_acquired_all(&result, some.len());
            }
            Ok(all)
        }
    }
}

/// Acquires the keys of newly inserted jobs, by the range statement if the dialect has one and the ids are contiguous.
pub(super) async fn acquire_new<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    acquire_range: Option<&str>,
    new: &[(&NewKey, i64)],
) -> Result<bool, DbErr> {
    if let (Some(sql), [(key, first), ..], [.., (_, last)]) = (acquire_range, new, new)
        && new.iter().all(|(other, _)| other.within_ms == key.within_ms)
    {
        let values = [(*first).into(), (*last).into(), key.within_ms.into()];
        let result = db.execute_raw(statement(dialect, sql, values)).await?;
        return Ok(dialect.has_acquired_all(&result, new.len()));
    }
    acquire(db, dialect, new.iter().map(|(key, id)| KeyRow::new(key, *id)).collect()).await
}

/// A job that has a key.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) key: String,
    pub(super) job_id: i64,
    /// The job's version when it acquired the key; `None` once the job is deleted.
    pub(super) version: Option<i64>,
    /// Whether the key's time is not over.
    pub(super) is_open: bool,
    pub(super) job: Option<HoldingJob>,
}

#[derive(Debug, Clone, Copy, FromQueryResult)]
pub(super) struct HoldingJob {
    pub(super) id: i64,
    pub(super) version: i64,
    pub(super) status: JobStatus,
    pub(super) unique_while: Option<i16>,
}

impl Holder {
    fn row(&self) -> KeyRow<'_> {
        KeyRow { unique_key: &self.key, job_id: self.job_id, version: self.version, within_ms: None }
    }

    /// Whether the job still holds the key. It does not if the job is gone, even if something other than the framework deleted it.
    pub(super) fn holds(&self) -> bool {
        let holds = |job: HoldingJob| job.unique_while.unwrap_or(0) & job.status.bit() != 0;
        self.is_open || (self.version.is_some() && self.job.is_some_and(holds))
    }
}

/// Returns the jobs that have these keys, or had them last, in the order of the keys. Locks them if they are to be replaced, and in a
/// transaction that may read an older snapshot: there, only a lock shows their current state.
pub(super) async fn holders<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    keys: &[&str],
    lock: bool,
) -> Result<Vec<Holder>, DbErr> {
    let rows = db.query_all_raw(statement(dialect, dialect.unique.holders, [json(keys)?.into()])).await?;
    let (mut holders, mut may_be_old) = (Vec::with_capacity(rows.len()), false);
    for row in &rows {
        may_be_old |= row.try_get::<bool>("", "may_be_old")?;
        holders.push(Holder {
            key: row.try_get("", "unique_key")?,
            job_id: row.try_get("", "job_id")?,
            version: row.try_get("", "version")?,
            is_open: row.try_get("", "is_open")?,
            job: None,
        });
    }
    holders.sort_unstable_by(|one, other| one.key.cmp(&other.key));
    let mut ids: Vec<_> = holders.iter().map(|holder| holder.job_id).collect();
    ids.sort_unstable();
    let unique = &dialect.unique;
    let sql = if lock || may_be_old { unique.locked_jobs } else { unique.jobs };
    let mut jobs = HashMap::with_capacity(ids.len());
    for some in ids.chunks(MAX_BATCH_ROWS) {
        for row in db.query_all_raw(statement(dialect, sql, [json(some)?.into()])).await? {
            let job = HoldingJob::from_query_result(&row, "")?;
            jobs.insert(job.id, job);
        }
    }
    for holder in &mut holders {
        holder.job = jobs.get(&holder.job_id).copied();
    }
    Ok(holders)
}

/// Returns the job that certainly holds a key, if there is one: asked first if that costs less than a useless transaction. What the
/// caller's transaction shows may be outdated, so it is checked again.
pub(super) async fn holder_if_certain<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    key: &str,
) -> Result<Option<i64>, DbErr> {
    let Some(sql) = dialect.unique.holder_if_certain else { return Ok(None) };
    let Some(held) = db.query_one_raw(statement(dialect, sql, [key.into()])).await? else { return Ok(None) };
    if is_plain(db) {
        return held.try_get("", "job_id");
    }
    let holders = holders(db, dialect, &[key], false).await?;
    Ok(holders.iter().find(|holder| holder.holds()).map(|holder| holder.job_id))
}

/// Releases these keys if they are unchanged since they were read.
pub(super) async fn release<C: ConnectionTrait>(db: &C, dialect: &Dialect, holders: &[Holder]) -> Result<(), DbErr> {
    if holders.is_empty() {
        return Ok(());
    }
    // In the order of the keys, as everywhere that locks several.
    let mut rows: Vec<_> = holders.iter().map(Holder::row).collect();
    rows.sort_unstable_by_key(|row| row.unique_key);
    db.execute_raw(statement(dialect, dialect.unique.release, [json(&rows)?.into()])).await.map(|_| ())
}

/// Sets how long jobs of the caller, which no one else has seen yet, hold their keys: (key, job, until).
pub(crate) async fn hold_until<C: ConnectionTrait>(db: &C, held: &[(&str, i64, DateTimeUtc)]) -> Result<(), DbErr> {
    #[derive(Serialize)]
    struct Row<'k> {
        unique_key: &'k str,
        job_id: i64,
        expires_at: String,
    }

    if held.is_empty() {
        return Ok(());
    }
    let dialect = dialect::of(db.get_database_backend())?;
    let mut rows = Vec::with_capacity(held.len());
    for (unique_key, job_id, until) in held {
        rows.push(Row { unique_key, job_id: *job_id, expires_at: dialect.time_text(*until) });
    }
    db.execute_raw(statement(dialect, dialect.cron.hold, [json(&rows)?.into()])).await.map(drop)
}

/// Acquires the key of a closed job that waits again, at this version, unless another job holds it. Runs in the caller's transaction.
pub(crate) async fn acquire_again<C: ConnectionTrait>(db: &C, id: JobId, key: &str, version: i64) -> Result<(), Error> {
    let dialect = dialect::of(db.get_database_backend())?;
    loop {
        let still_has_it = key::Entity::update_many()
            .col_expr(key::Column::Version, Expr::value(version))
            .filter(key::Column::UniqueKey.eq(key))
            .filter(key::Column::JobId.eq(id.0))
            .exec(db)
            .await?;
        if still_has_it.rows_affected == 1 {
            return Ok(());
        }
        if acquire(db, dialect, vec![KeyRow { unique_key: key, job_id: id.0, version: Some(version), within_ms: None }])
            .await?
        {
            return Ok(());
        }
        for holder in holders(db, dialect, &[key], false).await? {
            if holder.holds() {
                return Err(Error::Duplicate { existing: JobId(holder.job_id) });
            }
            release(db, dialect, &[holder]).await?;
        }
    }
}

/// A job that is about to wait again, at this version, and its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Again<'k> {
    pub(crate) id: i64,
    pub(crate) version: i64,
    pub(crate) key: &'k str,
}

impl<'k> Again<'k> {
    fn row(&self) -> KeyRow<'k> {
        KeyRow { unique_key: self.key, job_id: self.id, version: Some(self.version), within_ms: None }
    }
}

/// Like [`acquire_again`] for jobs that all have different keys, and are still closed. Returns which jobs hold the keys that are not free.
pub(crate) async fn acquire_all_again<C: ConnectionTrait>(
    db: &C,
    jobs: &[Again<'_>],
) -> Result<HashMap<String, i64>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let mut held = HashMap::new();
    // In the order of the keys, as everywhere that locks several.
    let mut wanted: BTreeMap<&str, &Again<'_>> = jobs.iter().map(|job| (job.key, job)).collect();
    while !wanted.is_empty() {
        let (mut kept, mut abandoned, mut free) = (Vec::new(), Vec::new(), wanted.clone());
        let keys: Vec<_> = wanted.keys().copied().collect();
        for holder in holders(db, dialect, &keys, false).await? {
            let Some(job) = wanted.get(holder.key.as_str()).copied() else { continue };
            if holder.job_id != job.id && !holder.holds() {
                abandoned.push(holder);
                continue;
            }
            free.remove(job.key);
            if holder.job_id != job.id {
                wanted.remove(job.key);
                held.insert(holder.key, holder.job_id);
            } else if holder.version == Some(job.version) {
                wanted.remove(job.key);
            } else {
                kept.push(job.row());
            }
        }
        release(db, dialect, &abandoned).await?;
        if !kept.is_empty() {
            db.execute_raw(statement(dialect, dialect.unique.keep, [json(&kept)?.into()])).await?;
        }
        if !free.is_empty() && acquire(db, dialect, free.values().map(|job| job.row()).collect()).await? {
            wanted.retain(|key, _| !free.contains_key(key));
        }
    }
    Ok(held)
}

/// The maximum number of keys that one transaction sweeps.
const MAX_SWEPT: usize = 1_000;

impl Store {
    /// Deletes the keys of deleted jobs once their time is over. Keys that others have locked are left for the next time: on MariaDB and
    /// MySQL, waiting for them would hold up those who acquire keys.
    ///
    /// Deletes up to a thousand in one transaction, and returns whether there may be more.
    pub(crate) async fn sweep_some_keys(&self) -> Result<bool, DbErr> {
        Ok(retry_contention(|| self.sweep_once()).await? == MAX_SWEPT)
    }

    async fn sweep_once(&self) -> Result<usize, DbErr> {
        let Unique { left, sweep, .. } = &self.dialect.unique;
        let transaction = self.begin().await?;
        let rows = transaction.query_all_raw(statement(self.dialect, left, [int(MAX_SWEPT)])).await?;
        let keys: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
        if !keys.is_empty() {
            transaction.execute_raw(statement(self.dialect, sweep, [json(&keys)?.into()])).await?;
        }
        transaction.commit().await?;
        Ok(keys.len())
    }
}
