//! Jobs that exist once: each has a key, and `jobs_unique` says which job has it.
//!
//! Nothing is written there when such a job runs or ends. A key is judged when it is wanted again: by the status of the job that has it,
//! and by the time that it was given. One that nobody holds any more is set free first, where it is still as it was seen, and then taken
//! as if it had been free: so each step may stand alone, and whoever takes a key has inserted its row.

use std::collections::{BTreeMap, HashMap};

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, QuerySelect,
};
use serde::Serialize;

use super::dialect::{self, Dialect};
use super::insert::{NewJob, batch_len, insert};
use super::{control, json, statement};
use crate::entity::{job, key};
use crate::error::Error;
use crate::unique::OnConflict;
use crate::{JobId, JobStatus};

/// The key of a job that is about to be scheduled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct NewKey {
    #[serde(rename = "unique_key")]
    pub(crate) key: String,
    /// See [`Holder::holds`].
    #[serde(rename = "unique_while")]
    pub(crate) statuses: i16,
    pub(crate) within_ms: Option<i64>,
    #[serde(skip)]
    pub(crate) on_conflict: OnConflict,
}

/// A job that was to be scheduled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) id: i64,
    /// Another one had its key, and is it.
    pub(crate) existed: bool,
}

/// The bit of a status, in what is stored of the statuses while which a key is held.
pub(crate) const fn bit(status: JobStatus) -> i16 {
    1 << status.code()
}

/// Whether jobs with keys are inserted by one statement; else the caller gives a transaction.
pub(crate) fn is_one_statement<C: ConnectionTrait>(db: &C) -> bool {
    dialect::of(db.get_database_backend()).is_ok_and(|dialect| dialect.unique.insert.is_some())
}

/// Schedules jobs that have keys, or finds those that have them already; in the order of the jobs.
pub(crate) async fn place<C: ConnectionTrait>(db: &C, jobs: &[&NewJob]) -> Result<Vec<Placed>, Error> {
    let dialect = dialect::of(db.get_database_backend())?;
    let mut wanted = wanted(jobs);
    let mut placed = HashMap::new();
    while !wanted.is_empty() {
        for (key, id) in take_and_insert(db, dialect, jobs, &wanted).await? {
            if let Some((key, _)) = wanted.remove_entry(key.as_str()) {
                placed.insert(key, Placed { id, existed: false });
            }
        }
        let keys: Vec<_> = wanted.keys().copied().collect();
        let replaces =
            |place: &usize| jobs[*place].key.as_ref().is_some_and(|key| key.on_conflict == OnConflict::Replace);
        let lock = wanted.values().any(replaces);
        let mut abandoned = Vec::new();
        for holder in if keys.is_empty() { Vec::new() } else { holders(db, dialect, &keys, lock).await? } {
            let Some((&key, &place)) = wanted.get_key_value(holder.key.as_str()) else { continue };
            if !holder.holds() {
                abandoned.push(holder);
            } else if settle(db, dialect, jobs[place], &holder).await? {
                wanted.remove(key);
                placed.insert(key, Placed { id: holder.job_id, existed: true });
            }
        }
        free(db, dialect, &abandoned).await?;
    }
    by_job(jobs, &placed)
}

/// What becomes of a job whose key is surely held, where that can be told without a transaction.
pub(crate) async fn place_at_a_glance<C: ConnectionTrait>(db: &C, job: &NewJob) -> Result<Option<Placed>, Error> {
    let dialect = dialect::of(db.get_database_backend())?;
    let (Some(sql), Some(key)) = (dialect.unique.held, &job.key) else { return Ok(None) };
    let held = db.query_one_raw(statement(dialect, sql, [key.key.as_str().into()])).await?;
    let Some(row) = held else { return Ok(None) };
    let id = row.try_get_by_index(1)?;
    match key.on_conflict {
        OnConflict::UseExisting => Ok(Some(Placed { id, existed: true })),
        OnConflict::Fail => Err(Error::Duplicate { existing: JobId(id) }),
        OnConflict::Replace => Ok(None),
    }
}

/// The job that counts for each key, by its place: the first, or the last of those that replace.
fn wanted<'j>(jobs: &[&'j NewJob]) -> BTreeMap<&'j str, usize> {
    let mut wanted = BTreeMap::new();
    for (place, job) in jobs.iter().enumerate() {
        if let Some(key) = &job.key {
            let first = wanted.entry(key.key.as_str()).or_insert(place);
            if key.on_conflict == OnConflict::Replace {
                *first = place;
            }
        }
    }
    wanted
}

/// What became of each job. Of those that share a key, only the first is new.
fn by_job(jobs: &[&NewJob], placed: &HashMap<&str, Placed>) -> Result<Vec<Placed>, Error> {
    let mut placed = placed.clone();
    let keyed = jobs.iter().filter_map(|job| job.key.as_ref());
    keyed
        .map(|key| {
            let now = placed[key.key.as_str()];
            if now.existed && key.on_conflict == OnConflict::Fail {
                return Err(Error::Duplicate { existing: JobId(now.id) });
            }
            placed.insert(&key.key, Placed { existed: true, ..now });
            Ok(now)
        })
        .collect()
}

/// Takes the keys that are free, and inserts their jobs: keys with the jobs' ids.
async fn take_and_insert<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    jobs: &[&NewJob],
    wanted: &BTreeMap<&str, usize>,
) -> Result<Vec<(String, i64)>, DbErr> {
    // By their places, so that ids grow in the order in which the jobs were given.
    let mut places: Vec<_> = wanted.values().copied().collect();
    places.sort_unstable();
    let all: Vec<_> = places.into_iter().map(|place| jobs[place]).collect();
    let mut rest = &all[..];
    let mut taken = Vec::with_capacity(all.len());
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(batch_len(rest));
        match dialect.unique.insert {
            Some(sql) => taken.extend(keys_and_jobs(db, dialect, sql, &batch).await?),
            None => taken.extend(insert_then_take(db, dialect, batch).await?),
        }
        rest = later;
    }
    Ok(taken)
}

/// The same in a transaction of the caller's. Most keys are free: jobs are inserted first, which gives them their ids, and those that turn
/// out to be there already are taken back.
async fn insert_then_take<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    jobs: &[&NewJob],
) -> Result<Vec<(String, i64)>, DbErr> {
    let ids = insert(db, jobs).await?;
    let keys = jobs.iter().filter_map(|job| job.key.as_ref());
    let rows: Vec<_> = keys.zip(ids).map(|(key, id)| KeyRow::new(&key.key, id, key.within_ms)).collect();
    let ours = |row: &KeyRow<'_>| (row.unique_key.to_owned(), row.job_id);
    if take(db, dialect, &rows).await? {
        return Ok(rows.iter().map(ours).collect());
    }
    let names: Vec<_> = rows.iter().map(|row| row.unique_key).collect();
    let found = keys_and_jobs(db, dialect, dialect.unique.holders, &names).await?;
    let found: HashMap<_, _> = found.into_iter().collect();
    let (taken, others): (Vec<_>, Vec<_>) = rows.iter().partition(|row| found.get(row.unique_key) == Some(&row.job_id));
    let others: Vec<_> = others.into_iter().map(|row| row.job_id).collect();
    db.execute_raw(statement(dialect, dialect.delete_jobs, [json(&others)?.into()])).await?;
    Ok(taken.into_iter().map(ours).collect())
}

async fn keys_and_jobs<C: ConnectionTrait, R: Serialize>(
    db: &C,
    dialect: &Dialect,
    sql: &str,
    rows: &R,
) -> Result<Vec<(String, i64)>, DbErr> {
    let rows = db.query_all_raw(statement(dialect, sql, [json(rows)?.into()])).await?;
    rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).collect()
}

/// What a key's row says.
#[derive(Debug, Serialize)]
struct KeyRow<'k> {
    unique_key: &'k str,
    job_id: i64,
    version: Option<i64>,
    within_ms: Option<i64>,
}

impl<'k> KeyRow<'k> {
    /// Of a job that is new.
    const fn new(unique_key: &'k str, job_id: i64, within_ms: Option<i64>) -> Self {
        Self { unique_key, job_id, version: Some(0), within_ms }
    }
}

/// Takes those that are free; false: not all were.
async fn take<C: ConnectionTrait>(db: &C, dialect: &Dialect, rows: &[KeyRow<'_>]) -> Result<bool, DbErr> {
    let result = db.execute_raw(statement(dialect, dialect.unique.take, [json(rows)?.into()])).await?;
    Ok(dialect.has_taken_all(&result, rows.len()))
}

/// Who has a key.
#[derive(Debug)]
struct Holder {
    key: String,
    job_id: i64,
    /// The job's version when it took the key; none once it is deleted.
    version: Option<i64>,
    /// The time that it was given is not over.
    is_open: bool,
    job: Option<HoldingJob>,
}

#[derive(Debug, Clone, Copy, FromQueryResult)]
struct HoldingJob {
    id: i64,
    version: i64,
    status: JobStatus,
    unique_while: Option<i16>,
}

impl Holder {
    fn row(&self) -> KeyRow<'_> {
        KeyRow { unique_key: &self.key, job_id: self.job_id, version: self.version, within_ms: None }
    }

    /// Whether it still has the key.
    fn holds(&self) -> bool {
        self.is_open
            || match (self.version, self.job) {
                (None, _) => false,
                // In a transaction that reads an older snapshot, the job is not there yet, or has not taken it yet.
                (Some(_), None) => true,
                (Some(taken), Some(job)) => job.version < taken || job.unique_while.unwrap_or(0) & bit(job.status) != 0,
            }
    }
}

/// Those who have these keys, or had them last. To be replaced, they are locked.
async fn holders<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    keys: &[&str],
    lock: bool,
) -> Result<Vec<Holder>, DbErr> {
    let rows = db.query_all_raw(statement(dialect, dialect.unique.holders, [json(keys)?.into()])).await?;
    let mut holders = Vec::with_capacity(rows.len());
    for row in &rows {
        let (key, job_id) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let (version, is_open) = (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
        holders.push(Holder { key, job_id, version, is_open, job: None });
    }
    // Most keys are free: these are few.
    for some in holders.chunks_mut(100) {
        let mut jobs = job::Entity::find()
            .select_only()
            .columns([job::Column::Id, job::Column::Version, job::Column::Status, job::Column::UniqueWhile])
            .filter(job::Column::Id.is_in(some.iter().map(|holder| holder.job_id)))
            .order_by_asc(job::Column::Id);
        if lock {
            jobs = jobs.lock_exclusive();
        }
        let jobs: HashMap<_, _> =
            jobs.into_model::<HoldingJob>().all(db).await?.into_iter().map(|job| (job.id, job)).collect();
        for holder in some {
            holder.job = jobs.get(&holder.job_id).copied();
        }
    }
    Ok(holders)
}

/// Does what is wanted of a job whose key another one has. False: that one has changed meanwhile.
async fn settle<C: ConnectionTrait>(db: &C, dialect: &Dialect, new: &NewJob, holder: &Holder) -> Result<bool, Error> {
    let duplicate = || Error::Duplicate { existing: JobId(holder.job_id) };
    match new.key.as_ref().map(|key| key.on_conflict).unwrap_or_default() {
        OnConflict::UseExisting => Ok(true),
        OnConflict::Fail => Err(duplicate()),
        OnConflict::Replace => {
            let waiting = holder.job.filter(|job| job.status == JobStatus::Scheduled).ok_or_else(duplicate)?;
            let values = [
                new.at.as_ref().map(|at| dialect.written_time(at)).into(),
                new.delay_ms.into(),
                new.parameters.clone().into(),
                waiting.id.into(),
                waiting.version.into(),
            ];
            let replaced = db.execute_raw(statement(dialect, dialect.unique.replace, values)).await?;
            let is_replaced = replaced.rows_affected() == 1;
            if is_replaced {
                control::notify(db, "jobs_wake", &new.queue).await?;
            }
            Ok(is_replaced)
        }
    }
}

/// Sets these keys free, where they are still as they were seen.
async fn free<C: ConnectionTrait>(db: &C, dialect: &Dialect, holders: &[Holder]) -> Result<(), DbErr> {
    if holders.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = holders.iter().map(Holder::row).collect();
    db.execute_raw(statement(dialect, dialect.unique.free, [json(&rows)?.into()])).await.map(|_| ())
}

/// A job that was closed waits again, at this version: it takes its key again, unless another one holds it. In a transaction of the
/// caller's.
pub(crate) async fn take_again<C: ConnectionTrait>(db: &C, id: JobId, key: &str, version: i64) -> Result<(), Error> {
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
        if take(db, dialect, &[KeyRow { unique_key: key, job_id: id.0, version: Some(version), within_ms: None }])
            .await?
        {
            return Ok(());
        }
        for holder in holders(db, dialect, &[key], false).await? {
            if holder.holds() {
                return Err(Error::Duplicate { existing: JobId(holder.job_id) });
            }
            free(db, dialect, &[holder]).await?;
        }
    }
}

/// Deletes the keys of deleted jobs, once their time is over.
pub(crate) async fn sweep<C: ConnectionTrait>(db: &C, dialect: &Dialect) -> Result<(), DbErr> {
    db.execute_raw(statement(dialect, dialect.unique.sweep, [])).await.map(|_| ())
}
