//! Jobs that exist once: each has a key, and `jobs_unique` says which job has it.
//!
//! Nothing is written there when such a job runs or ends. A key is judged when it is wanted again: by the status of the job that has it,
//! and by the time that it was given. One that nobody holds any more is set free first, where it is still as it was seen, and then taken
//! as if it had been free: so each step may stand alone, and whoever takes a key has inserted its row.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::dialect::{self, Dialect};
use super::insert::{NewJob, batch_len, insert};
use super::keys::{Holder, KeyRow, free, holders, keys_and_jobs, take};
use super::{control, json, statement};
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

/// Whether jobs with keys are inserted by one statement; else the caller gives a transaction.
pub(crate) fn is_one_statement<C: ConnectionTrait>(db: &C) -> bool {
    dialect::of(db.get_database_backend()).is_ok_and(|dialect| dialect.unique.insert.is_some())
}

/// Schedules jobs that have keys, or finds those that have them already; in the order of the jobs.
pub(crate) async fn place<C: ConnectionTrait>(db: &C, jobs: &[&NewJob]) -> Result<Vec<Placed>, Error> {
    let dialect = dialect::of(db.get_database_backend())?;
    let mut wanted = wanted(jobs);
    let mut placed = HashMap::new();
    loop {
        for (key, id) in take_and_insert(db, dialect, jobs, &wanted).await? {
            if let Some((key, _)) = wanted.remove_entry(key.as_str()) {
                placed.insert(key, Placed { id, existed: false });
            }
        }
        if wanted.is_empty() {
            return by_job(jobs, &placed);
        }
        let keys: Vec<_> = wanted.keys().copied().collect();
        let lock = wanted.values().any(|place| on_conflict(jobs[*place]) == OnConflict::Replace);
        let mut abandoned = Vec::new();
        for holder in holders(db, dialect, &keys, lock).await? {
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
}

fn on_conflict(job: &NewJob) -> OnConflict {
    job.key.as_ref().map(|key| key.on_conflict).unwrap_or_default()
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
            if on_conflict(job) == OnConflict::Replace {
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

/// Does what is wanted of a job whose key another one has. False: that one has changed meanwhile.
async fn settle<C: ConnectionTrait>(db: &C, dialect: &Dialect, new: &NewJob, holder: &Holder) -> Result<bool, Error> {
    let duplicate = || Error::Duplicate { existing: JobId(holder.job_id) };
    match on_conflict(new) {
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
