//! Unique jobs: each has a key, and `jobs_unique` says which job has it.
//!
//! Nothing is written there when such a job runs or ends. A key is checked when it is wanted again: by the status of the job that has it,
//! and by the time for which it was given. A key that is no longer held is first released, if it is unchanged since it was read, and then
//! acquired like a free one: so each step may stand alone, and whoever acquires a key has inserted its row.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ConnectionTrait, DbErr};

use super::dialect::{self, Dialect, Insert, InsertJobs, InsertUnique};
use super::insert::{InsertResult, MAX_BATCH_ROWS, batches, insert_all, insert_jobs, returned_ids};
use super::keys::{Holder, acquire_new, holder_if_certain, holders, release};
use super::row::{NewJob, NewKey};
use super::{json, notify, statement};
use crate::error::Error;
use crate::model::{JobId, JobStatus, OnConflict};

/// Whether one statement inserts one job with a key. Otherwise the caller provides a transaction, as it does for several.
pub(crate) fn is_one_statement<C: ConnectionTrait>(db: &C) -> bool {
    dialect::of(db.get_database_backend())
        .is_ok_and(|dialect| matches!(dialect.unique.insert, InsertUnique::Statement(_)))
}

/// Inserts jobs that all have keys, or finds those that already have the keys; in the order of the jobs.
pub(crate) async fn insert<C: ConnectionTrait>(db: &C, jobs: &[&NewJob]) -> Result<Vec<InsertResult>, Error> {
    let dialect = dialect::of(db.get_database_backend())?;
    let (distinct, of_job) = by_key(jobs);
    let mut results = vec![None; distinct.len()];
    loop {
        let wanted = unresolved(&results);
        let new: Vec<_> = wanted.iter().map(|index| distinct[*index]).collect();
        for (index, id) in wanted.iter().zip(acquire_and_insert(db, dialect, &new).await?) {
            results[*index] = id.map(|id| InsertResult { id, existed: false });
        }
        let wanted = unresolved(&results);
        if wanted.is_empty() {
            return by_job(jobs, of_job, results);
        }
        // In the order of the keys, as everywhere that locks several.
        let by_key: BTreeMap<_, _> = wanted.iter().map(|index| (key_of(distinct[*index]), *index)).collect();
        let keys: Vec<_> = by_key.keys().copied().collect();
        let lock = wanted.iter().any(|index| on_conflict(distinct[*index]) == OnConflict::Replace);
        let mut abandoned = Vec::new();
        for holder in holders(db, dialect, &keys, lock).await? {
            let Some(&index) = by_key.get(holder.key.as_str()) else { continue };
            if !holder.holds() {
                abandoned.push(holder);
            } else if resolve(db, dialect, distinct[index], &holder).await? {
                results[index] = Some(InsertResult { id: holder.job_id, existed: true });
            }
        }
        release(db, dialect, &abandoned).await?;
    }
}

/// Returns the indexes of the jobs without a result.
fn unresolved(results: &[Option<InsertResult>]) -> Vec<usize> {
    (0..results.len()).filter(|index| results[*index].is_none()).collect()
}

fn key_of(job: &NewJob) -> &str {
    job.key.as_ref().map(|key| key.key.as_str()).unwrap_or_default()
}

fn on_conflict(job: &NewJob) -> OnConflict {
    job.key.as_ref().map(|key| key.on_conflict).unwrap_or_default()
}

/// Returns the result for a job whose key is certainly held, if no transaction is needed to know it.
pub(crate) async fn result_if_certain<C: ConnectionTrait>(db: &C, job: &NewJob) -> Result<Option<InsertResult>, Error> {
    let dialect = dialect::of(db.get_database_backend())?;
    let Some(key) = job.key.as_ref().filter(|key| key.on_conflict != OnConflict::Replace) else { return Ok(None) };
    match holder_if_certain(db, dialect, &key.key).await? {
        Some(id) if key.on_conflict == OnConflict::Fail => Err(Error::Duplicate { existing: JobId(id) }),
        held => Ok(held.map(|id| InsertResult { id, existed: true })),
    }
}

/// Returns one job for each key, the first or the last of those that replace, in the order in which the keys appear; and for each job the
/// index of its key.
fn by_key<'j>(jobs: &[&'j NewJob]) -> (Vec<&'j NewJob>, Vec<usize>) {
    let mut distinct = Vec::with_capacity(jobs.len());
    let mut indexes = HashMap::with_capacity(jobs.len());
    let of_job = jobs.iter().map(|job| {
        let index = *indexes.entry(key_of(job)).or_insert(distinct.len());
        if index == distinct.len() {
            distinct.push(*job);
        } else if on_conflict(job) == OnConflict::Replace {
            distinct[index] = job;
        }
        index
    });
    let of_job = of_job.collect();
    (distinct, of_job)
}

/// Returns the result for each job. Of those that share a key, only the first is new.
fn by_job(
    jobs: &[&NewJob],
    of_job: Vec<usize>,
    mut results: Vec<Option<InsertResult>>,
) -> Result<Vec<InsertResult>, Error> {
    let each = jobs.iter().zip(of_job).map(|(job, index)| {
        let result =
            results[index].ok_or_else(|| DbErr::Custom("it is not known what became of a unique job".into()))?;
        if result.existed && on_conflict(job) == OnConflict::Fail {
            return Err(Error::Duplicate { existing: JobId(result.id) });
        }
        results[index] = Some(InsertResult { existed: true, ..result });
        Ok(result)
    });
    each.collect()
}

/// Acquires the keys that are free, and inserts their jobs. Returns the jobs' ids, `None` if the key is not free. Several jobs need the
/// caller's transaction.
async fn acquire_and_insert<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    jobs: &[&NewJob],
) -> Result<Vec<Option<i64>>, DbErr> {
    match &dialect.unique.insert {
        InsertUnique::Statement(insert) => {
            let mut ids = Vec::with_capacity(jobs.len());
            for batch in batches(jobs) {
                ids.extend(insert_where_free(db, dialect, insert, batch).await?);
            }
            Ok(ids)
        }
        InsertUnique::Steps { jobs: insert, acquire_range } => {
            insert_then_acquire(db, dialect, insert, *acquire_range, jobs).await
        }
    }
}

/// Inserts the jobs whose keys are free by one statement, and returns their ids in the order of the jobs.
async fn insert_where_free<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    insert: &InsertJobs,
    jobs: &[&NewJob],
) -> Result<Vec<Option<i64>>, DbErr> {
    let ids = returned_ids(db, insert_jobs(dialect, insert, jobs)?).await?;
    if ids.is_empty() {
        return Ok(vec![None; jobs.len()]);
    }
    if ids.len() == jobs.len() {
        return Ok(ids.into_iter().map(Some).collect());
    }
    let holding = jobs_of(db, dialect, jobs).await?;
    let id_of = |job: &&NewJob| holding.get(key_of(job)).copied().filter(|id| ids.binary_search(id).is_ok());
    Ok(jobs.iter().map(id_of).collect())
}

/// Inserts the jobs, which gives them their ids, then acquires their keys, and deletes the jobs whose keys are not free: most are. All keys
/// are acquired after all jobs are inserted, in one order, so that no two callers that want the same keys deadlock.
async fn insert_then_acquire<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    insert: &Insert,
    acquire_range: Option<&str>,
    jobs: &[&NewJob],
) -> Result<Vec<Option<i64>>, DbErr> {
    let ids = insert_all(db, dialect, insert, jobs).await?;
    let new: Vec<_> = jobs.iter().filter_map(|job| job.key.as_ref()).zip(ids).collect();
    if acquire_new(db, dialect, acquire_range, &new).await? {
        return Ok(new.into_iter().map(|(_, id)| Some(id)).collect());
    }
    let holding = jobs_of(db, dialect, jobs).await?;
    let has_acquired = |(key, id): &(&NewKey, i64)| holding.get(&key.key) == Some(id);
    let others: Vec<_> = new.iter().filter(|new| !has_acquired(new)).map(|(_, id)| id).collect();
    for some in others.chunks(MAX_BATCH_ROWS) {
        db.execute_raw(statement(dialect, dialect.delete_jobs, [json(some)?.into()])).await?;
    }
    Ok(new.iter().map(|new| has_acquired(new).then_some(new.1)).collect())
}

/// Returns which job has the key of each of these.
async fn jobs_of<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    jobs: &[&NewJob],
) -> Result<HashMap<String, i64>, DbErr> {
    let mut holding = HashMap::with_capacity(jobs.len());
    for some in jobs.chunks(MAX_BATCH_ROWS) {
        let mut keys: Vec<_> = some.iter().map(|job| key_of(job)).collect();
        keys.sort_unstable();
        let rows = db.query_all_raw(statement(dialect, dialect.unique.holders, [json(&keys)?.into()])).await?;
        for row in rows {
            holding.insert(row.try_get("", "unique_key")?, row.try_get("", "job_id")?);
        }
    }
    Ok(holding)
}

/// Resolves the conflict of a new job with the holder of its key. Returns false if the holder has changed meanwhile.
async fn resolve<C: ConnectionTrait>(db: &C, dialect: &Dialect, new: &NewJob, holder: &Holder) -> Result<bool, Error> {
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
                new.limit_key.clone().into(),
                waiting.id.into(),
                waiting.version.into(),
            ];
            let replaced = db.execute_raw(statement(dialect, dialect.unique.replace, values)).await?;
            let is_replaced = replaced.rows_affected() == 1;
            if is_replaced {
                notify::send(db, "jobs_wake", &new.queue).await?;
            }
            Ok(is_replaced)
        }
    }
}
