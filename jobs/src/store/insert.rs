//! Scheduling: new rows, any number in one call.

use std::fmt;

use sea_orm::{ConnectionTrait, DbErr, Statement, Value};
use serde::Serialize;

use super::connection::is_transaction;
use super::dialect::{self, Dialect, Ids, Insert, InsertJobs};
use super::{json, statement};
use crate::model::OnConflict;

/// A job to insert.
#[derive(Clone, Serialize)]
pub struct NewJob {
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) priority: i16,
    pub(crate) max_attempts: i32,
    pub(crate) timeout_ms: Option<i64>,
    /// JSON.
    pub(crate) parameters: String,
    /// When it is due, in UTC; else after the delay.
    pub(crate) at: Option<String>,
    pub(crate) delay_ms: Option<i64>,
    pub(crate) user_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) event_id: Option<String>,
    #[serde(flatten)]
    pub(crate) key: Option<NewKey>,
}

/// Without its parameters, which may be secret.
impl fmt::Debug for NewJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in queue `{}`", self.name, self.queue)
    }
}

impl NewJob {
    /// Whether only their parameters differ, and their keys.
    fn is_like(&self, other: &Self) -> bool {
        self.name == other.name
            && self.queue == other.queue
            && self.priority == other.priority
            && self.max_attempts == other.max_attempts
            && self.timeout_ms == other.timeout_ms
            && self.at == other.at
            && self.delay_ms == other.delay_ms
            && self.user_id == other.user_id
            && self.session_id == other.session_id
            && self.event_id == other.event_id
            && self.key.as_ref().map(NewKey::terms) == other.key.as_ref().map(NewKey::terms)
    }
}

/// The key of a job that is about to be scheduled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct NewKey {
    #[serde(rename = "unique_key")]
    pub(crate) key: String,
    /// See [`super::keys::Holder::holds`].
    #[serde(rename = "unique_while")]
    pub(crate) statuses: i16,
    pub(crate) within_ms: Option<i64>,
    #[serde(skip)]
    pub(crate) on_conflict: OnConflict,
}

impl NewKey {
    /// How long a job holds it.
    const fn terms(&self) -> (i16, Option<i64>) {
        (self.statuses, self.within_ms)
    }
}

/// The most bytes of one statement, well below what any server accepts by default.
const MAX_BATCH_BYTES: usize = 3 * 1024 * 1024;
pub(super) const MAX_BATCH_ROWS: usize = 5_000;

/// Inserts jobs without keys, and returns their ids in the same order. More than one statement where there are many: the caller gives a
/// transaction if they must all be there or none.
pub(crate) async fn insert<C: ConnectionTrait>(db: &C, jobs: &[&NewJob]) -> Result<Vec<i64>, DbErr> {
    debug_assert!(jobs.iter().all(|job| job.key.is_none()), "the key of a job is not taken here");
    let dialect = dialect::of(db.get_database_backend())?;
    insert_all(db, dialect, &dialect.insert, jobs).await
}

pub(super) async fn insert_all<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    insert: &Insert,
    jobs: &[&NewJob],
) -> Result<Vec<i64>, DbErr> {
    let mut ids = Vec::with_capacity(jobs.len());
    for batch in batches(jobs) {
        ids.extend(insert_batch(db, dialect, insert, batch).await?);
    }
    Ok(ids)
}

/// All jobs, in parts that fit into one statement.
pub(super) fn batches<'r, 'j>(mut rest: &'r [&'j NewJob]) -> impl Iterator<Item = &'r [&'j NewJob]> {
    std::iter::from_fn(move || {
        let (batch, later) = rest.split_at_checked(batch_len(rest)?)?;
        rest = later;
        Some(batch)
    })
}

/// How many of the first jobs go into one statement; `None` where there are no jobs.
fn batch_len(jobs: &[&NewJob]) -> Option<usize> {
    let mut bytes = 0;
    let fitting = jobs.iter().take(MAX_BATCH_ROWS).take_while(|job| {
        bytes += job.parameters.len() + 500;
        bytes <= MAX_BATCH_BYTES
    });
    if jobs.is_empty() { None } else { Some(fitting.count().max(1)) }
}

async fn insert_batch<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    insert: &Insert,
    jobs: &[&NewJob],
) -> Result<Vec<i64>, DbErr> {
    let ids = match insert {
        Insert::Rows(insert, Ids::Returned) => returned_ids(db, insert_jobs(dialect, insert, jobs)?).await?,
        Insert::Rows(insert, Ids::UpToLast) => ids_up_to_last(db, insert_jobs(dialect, insert, jobs)?).await?,
        Insert::Values { into, row, due_now, if_committed, chunks } => {
            let (row, is_timed) = match due_now {
                Some(due_now) if jobs.iter().all(|job| job.at.is_none() && job.delay_ms.is_none()) => (due_now, false),
                _ => (row, true),
            };
            let row = match if_committed {
                Some((time, checked)) if !is_transaction(db) => row.replacen(time, checked, 1),
                _ => (*row).to_owned(),
            };
            let mut ids = Vec::with_capacity(jobs.len());
            let step = if jobs.len() == 1 { 1 } else { id_step(db, dialect).await? };
            for some in in_chunks(jobs, chunks) {
                let values: Vec<Value> = some.iter().flat_map(|job| values(dialect, job, is_timed)).collect();
                let first = insert_values(db, dialect, into, &row, some.len(), values).await?;
                ids.extend((0_i64..).take(some.len()).map(|place| first + place * step));
            }
            ids
        }
        Insert::One(_) => unreachable!("no dialect inserts jobs one by one"),
    };
    if ids.len() == jobs.len() {
        Ok(ids)
    } else {
        Err(DbErr::Custom(format!("{} jobs were inserted, and the database gave {} ids", jobs.len(), ids.len())))
    }
}

/// All rows, in parts of these lengths.
pub(super) fn in_chunks<'r, T>(mut rest: &'r [T], lengths: &[usize]) -> impl Iterator<Item = &'r [T]> {
    std::iter::from_fn(move || {
        let length = lengths.iter().find(|length| **length <= rest.len())?;
        let (some, later) = rest.split_at(*length);
        rest = later;
        Some(some)
    })
}

/// The statement that inserts all of these.
pub(super) fn insert_jobs(dialect: &Dialect, insert: &InsertJobs, jobs: &[&NewJob]) -> Result<Statement, DbErr> {
    match jobs {
        [first, rest @ ..] if rest.iter().all(|job| job.is_like(first)) => {
            Ok(statement(dialect, insert.alike, alike_values(first, jobs)))
        }
        _ => Ok(statement(dialect, insert.any, [json(jobs)?.into()])),
    }
}

fn alike_values(first: &NewJob, jobs: &[&NewJob]) -> Vec<Value> {
    let mut values = vec![
        parameters(jobs).into(),
        first.name.clone().into(),
        first.queue.clone().into(),
        first.priority.into(),
        first.max_attempts.into(),
        first.timeout_ms.into(),
        first.at.clone().into(),
        first.delay_ms.into(),
        first.user_id.clone().into(),
        first.session_id.clone().into(),
        first.event_id.clone().into(),
    ];
    if let Some(key) = &first.key {
        values.extend([key.statuses.into(), key.within_ms.into()]);
    }
    values
}

/// As a JSON array; of jobs with keys as an object.
fn parameters(jobs: &[&NewJob]) -> String {
    let is_keyed = jobs.iter().any(|job| job.key.is_some());
    let mut text = String::with_capacity(jobs.iter().map(|job| job.parameters.len() + 50).sum());
    text.push(if is_keyed { '{' } else { '[' });
    for (place, job) in jobs.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        if let Some(key) = &job.key {
            // Letters, digits, `-` and `_`: nothing to escape.
            text.extend(["\"", &key.key, "\":"]);
        }
        text.push_str(&job.parameters);
    }
    text.push(if is_keyed { '}' } else { ']' });
    text
}

/// Inserts one row of any table with a generated id.
pub(super) async fn insert_one<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    insert: &Insert,
    values: Vec<Value>,
) -> Result<i64, DbErr> {
    match insert {
        Insert::One(sql) | Insert::Rows(InsertJobs { any: sql, .. }, _) => {
            let ids = returned_ids(db, statement(dialect, sql, values)).await?;
            ids.first().copied().ok_or_else(|| DbErr::Custom("the database gave no id for a new row".into()))
        }
        Insert::Values { into, row, .. } => insert_values(db, dialect, into, row, 1, values).await,
    }
}

/// Ids were given in the order of the batch, whatever the order in which they come back.
pub(super) async fn returned_ids<C: ConnectionTrait>(db: &C, insert: Statement) -> Result<Vec<i64>, DbErr> {
    let rows = db.query_all_raw(insert).await?;
    let mut ids = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    Ok(ids)
}

/// One writer gives ids that follow each other; to return each would take longer than to insert its row.
async fn ids_up_to_last<C: ConnectionTrait>(db: &C, insert: Statement) -> Result<Vec<i64>, DbErr> {
    let result = db.execute_raw(insert).await?;
    let id = |number: u64| i64::try_from(number).map_err(|_| DbErr::Custom("ids have run out".into()));
    let (last, rows) = (id(result.last_insert_id())?, id(result.rows_affected())?);
    Ok((last - rows + 1..=last).collect())
}

/// Inserts so many rows and returns the first one's id. A list of `VALUES` whose length the server knows beforehand gets ids that follow
/// each other, in every lock mode.
async fn insert_values<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    into: &str,
    row: &str,
    rows: usize,
    values: Vec<Value>,
) -> Result<i64, DbErr> {
    let sql = format!("{into}{}", vec![row; rows].join(", "));
    let result = db.execute_raw(statement(dialect, &sql, values)).await?;
    i64::try_from(result.last_insert_id()).map_err(|_| DbErr::Custom("ids have run out".into()))
}

/// Ids are further apart than one where several servers write.
async fn id_step<C: ConnectionTrait>(db: &C, dialect: &Dialect) -> Result<i64, DbErr> {
    let row = db.query_one_raw(statement(dialect, "SELECT CAST(@@auto_increment_increment AS SIGNED)", [])).await?;
    row.map_or(Ok(1), |row| row.try_get_by_index(0))
}

fn values(dialect: &Dialect, job: &NewJob, is_timed: bool) -> Vec<Value> {
    let mut values = vec![
        job.name.clone().into(),
        job.queue.clone().into(),
        job.priority.into(),
        job.max_attempts.into(),
        job.max_attempts.into(),
        job.timeout_ms.into(),
        job.parameters.clone().into(),
    ];
    if is_timed {
        values.extend([job.at.as_ref().map(|at| dialect.written_time(at)).into(), job.delay_ms.into()]);
    }
    values.extend([
        job.user_id.clone().into(),
        job.session_id.clone().into(),
        job.event_id.clone().into(),
        job.key.as_ref().map(|key| key.key.clone()).into(),
        job.key.as_ref().map(|key| key.statuses).into(),
    ]);
    values
}
