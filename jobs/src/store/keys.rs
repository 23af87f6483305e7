//! The keys of unique jobs, in `jobs_unique`: who has them, and who holds them still. See [`super::unique`].

use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, Select, Value,
};
use serde::Serialize;

use super::dialect::{self, Dialect, Take};
use super::insert::in_chunks;
use super::unique::NewKey;
use super::{json, statement};
use crate::entity::{job, key};
use crate::error::Error;
use crate::{JobId, JobStatus};

/// The bit of a status, in what is stored of the statuses while which a key is held.
pub(crate) const fn bit(status: JobStatus) -> i16 {
    1 << status.code()
}

/// What a key's row says.
#[derive(Debug, Serialize)]
pub(super) struct KeyRow<'k> {
    pub(super) unique_key: &'k str,
    pub(super) job_id: i64,
    pub(super) version: Option<i64>,
    pub(super) within_ms: Option<i64>,
}

impl<'k> KeyRow<'k> {
    /// Of a job that is new.
    fn new(key: &'k NewKey, job_id: i64) -> Self {
        Self { unique_key: &key.key, job_id, version: Some(0), within_ms: key.within_ms }
    }

    fn values(&self) -> [Value; 4] {
        [self.unique_key.into(), self.job_id.into(), self.version.into(), self.within_ms.into()]
    }
}

/// Takes those that are free; false: not all were.
async fn take<C: ConnectionTrait>(db: &C, dialect: &Dialect, mut rows: Vec<KeyRow<'_>>) -> Result<bool, DbErr> {
    match dialect.unique.take {
        Take::Json(sql) => {
            let result = db.execute_raw(statement(dialect, sql, [json(&rows)?.into()])).await?;
            Ok(dialect.has_taken_all(&result, rows.len()))
        }
        Take::Values { into, row, unless_there, chunks } => {
            rows.sort_unstable_by_key(|row| row.unique_key);
            let mut all = true;
            for some in in_chunks(&rows, chunks) {
                let sql = format!("{into}{}{unless_there}", vec![row; some.len()].join(", "));
                let result = db.execute_raw(statement(dialect, &sql, some.iter().flat_map(KeyRow::values))).await?;
                all &= dialect.has_taken_all(&result, some.len());
            }
            Ok(all)
        }
    }
}

/// The same for jobs that are new: by the statement that takes keys of ids that follow each other, where there is one and it can.
pub(super) async fn take_new<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    take_range: Option<&str>,
    new: &[(&NewKey, i64)],
) -> Result<bool, DbErr> {
    if let (Some(sql), [(key, first), ..], [.., (_, last)]) = (take_range, new, new)
        && new.iter().all(|(other, _)| other.within_ms == key.within_ms)
    {
        let values = [(*first).into(), (*last).into(), key.within_ms.into()];
        let result = db.execute_raw(statement(dialect, sql, values)).await?;
        return Ok(dialect.has_taken_all(&result, new.len()));
    }
    take(db, dialect, new.iter().map(|(key, id)| KeyRow::new(key, *id)).collect()).await
}

/// Who has a key.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) key: String,
    pub(super) job_id: i64,
    /// The job's version when it took the key; none once it is deleted.
    pub(super) version: Option<i64>,
    /// The time that it was given is not over.
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

    /// Whether it still has the key.
    pub(super) fn holds(&self) -> bool {
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
pub(super) async fn holders<C: ConnectionTrait>(
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
    if lock {
        // One by one, by their ids alone: of several, or of a table with few rows, MariaDB may lock all that there are.
        holders.sort_unstable_by_key(|holder| holder.job_id);
        for holder in &mut holders {
            let job = what_holds(job::Entity::find_by_id(holder.job_id)).lock_exclusive();
            holder.job = job.into_model().one(db).await?;
        }
        return Ok(holders);
    }
    // Most keys are free: these are few.
    for some in holders.chunks_mut(100) {
        let ids = some.iter().map(|holder| holder.job_id);
        let jobs = what_holds(job::Entity::find().filter(job::Column::Id.is_in(ids)));
        let jobs: Vec<HoldingJob> = jobs.into_model().all(db).await?;
        for holder in some {
            holder.job = jobs.iter().find(|job| job.id == holder.job_id).copied();
        }
    }
    Ok(holders)
}

fn what_holds(jobs: Select<job::Entity>) -> Select<job::Entity> {
    use job::Column::{Id, Status, UniqueWhile, Version};
    jobs.select_only().columns([Id, Version, Status, UniqueWhile])
}

/// Sets these keys free, where they are still as they were seen.
pub(super) async fn free<C: ConnectionTrait>(db: &C, dialect: &Dialect, holders: &[Holder]) -> Result<(), DbErr> {
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
        if take(db, dialect, vec![KeyRow { unique_key: key, job_id: id.0, version: Some(version), within_ms: None }])
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
