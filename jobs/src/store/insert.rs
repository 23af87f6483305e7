//! Scheduling: new rows, any number in one call.

use sea_orm::{ConnectionTrait, DbErr, Statement, Value};

use super::connection::is_transaction;
use super::dialect::{self, Dialect, Ids, Insert, InsertJobs};
use super::row::{NewJob, for_given_columns, parameter};
use super::{json, statement};

/// A job's values for the columns that are stored as given.
macro_rules! given {
    (($job:ident) $($column:ident: $type:ident),*) => { [$($job.$column.clone().into()),*] };
}

/// A job's values for the columns that are stored as given, each with its parameter's number.
macro_rules! numbered {
    (($job:ident) $($column:ident: $type:ident),*) => { [$((parameter!($column), $job.$column.clone().into())),*] };
}

/// The maximum size of a statement in bytes, well below what any server accepts by default.
const MAX_BATCH_BYTES: usize = 3 * 1024 * 1024;
pub(super) const MAX_BATCH_ROWS: usize = 5_000;

/// The result of inserting a job, or of finding the one that has its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct InsertResult {
    pub(crate) id: i64,
    /// Whether this is another job, which had the key before.
    pub(crate) existed: bool,
}

/// Inserts jobs without keys and returns their ids in the same order. Many jobs take more than one statement: the caller provides a
/// transaction if they must be inserted all or none.
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

/// Splits jobs into batches that each fit into one statement.
pub(super) fn batches<'r, 'j>(mut rest: &'r [&'j NewJob]) -> impl Iterator<Item = &'r [&'j NewJob]> {
    std::iter::from_fn(move || {
        let (batch, later) = rest.split_at_checked(batch_len(rest)?)?;
        rest = later;
        Some(batch)
    })
}

/// Returns how many of the first jobs go into one statement; `None` if there are no jobs.
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
        Insert::Values { into, row, due_now, if_committed, id_step, chunks } => {
            let (row, is_timed) = match due_now {
                Some(due_now) if jobs.iter().all(|job| job.at.is_none() && job.delay_ms.is_none()) => (due_now, false),
                _ => (row, true),
            };
            let row = match if_committed {
                Some((time, checked)) if !is_transaction(db) => row.replacen(time, checked, 1),
                _ => (*row).to_owned(),
            };
            let mut ids = Vec::with_capacity(jobs.len());
            let step = if jobs.len() == 1 { 1 } else { ask_id_step(db, dialect, id_step).await? };
            for some in in_chunks(jobs, chunks) {
                let values: Vec<Value> = some.iter().flat_map(|job| values(dialect, job, is_timed)).collect();
                let first = insert_values(db, dialect, into, &row, some.len(), values).await?;
                ids.extend((0_i64..).take(some.len()).map(|offset| first + offset * step));
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

/// Splits rows into chunks of these lengths.
pub(super) fn in_chunks<'r, T>(mut rest: &'r [T], lengths: &[usize]) -> impl Iterator<Item = &'r [T]> {
    std::iter::from_fn(move || {
        let length = lengths.iter().find(|length| **length <= rest.len())?;
        let (some, later) = rest.split_at(*length);
        rest = later;
        Some(some)
    })
}

/// Returns the statement that inserts these jobs.
pub(super) fn insert_jobs(dialect: &Dialect, insert: &InsertJobs, jobs: &[&NewJob]) -> Result<Statement, DbErr> {
    match jobs {
        [first, rest @ ..] if rest.iter().all(|job| job.is_uniform_with(first)) => {
            Ok(statement(dialect, insert.uniform, uniform_values(first, jobs)))
        }
        _ => Ok(statement(dialect, insert.mixed, [json(jobs)?.into()])),
    }
}

fn uniform_values(first: &NewJob, jobs: &[&NewJob]) -> Vec<Value> {
    let mut values = vec![
        (parameter!(parameters), parameters(jobs).into()),
        (parameter!(name), first.name.clone().into()),
        (parameter!(queue), first.queue.clone().into()),
        (parameter!(priority), first.priority.into()),
        (parameter!(max_attempts), first.max_attempts.into()),
        (parameter!(timeout_ms), first.timeout_ms.into()),
        (parameter!(at), first.at.clone().into()),
        (parameter!(delay_ms), first.delay_ms.into()),
    ];
    values.extend(for_given_columns!([numbered] first));
    if let Some(key) = &first.key {
        values.push((parameter!(unique_while), key.statuses.into()));
        values.push((parameter!(within_ms), key.within_ms.into()));
    }
    values.sort_unstable_by_key(|(number, _)| *number);
    values.into_iter().map(|(_, value)| value).collect()
}

/// Returns the jobs' parameters as a JSON array, or as a JSON object if the jobs have keys.
fn parameters(jobs: &[&NewJob]) -> String {
    let is_keyed = jobs.iter().any(|job| job.key.is_some());
    let mut text = String::with_capacity(jobs.iter().map(|job| job.parameters.len() + 50).sum());
    text.push(if is_keyed { '{' } else { '[' });
    for (index, job) in jobs.iter().enumerate() {
        if index > 0 {
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
        Insert::One(sql) | Insert::Rows(InsertJobs { mixed: sql, .. }, _) => {
            let ids = returned_ids(db, statement(dialect, sql, values)).await?;
            ids.first().copied().ok_or_else(|| DbErr::Custom("the database gave no id for a new row".into()))
        }
        Insert::Values { into, row, .. } => insert_values(db, dialect, into, row, 1, values).await,
    }
}

/// Inserts rows and returns their ids in the order of the batch, in which they were assigned, whatever the order in which they come back.
pub(super) async fn returned_ids<C: ConnectionTrait>(db: &C, insert: Statement) -> Result<Vec<i64>, DbErr> {
    let rows = db.query_all_raw(insert).await?;
    let mut ids = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<Vec<_>, _>>()?;
    ids.sort_unstable();
    Ok(ids)
}

/// Inserts rows and computes their ids, which are consecutive with one writer: returning each would take longer than inserting its row.
async fn ids_up_to_last<C: ConnectionTrait>(db: &C, insert: Statement) -> Result<Vec<i64>, DbErr> {
    let result = db.execute_raw(insert).await?;
    let id = |number: u64| i64::try_from(number).map_err(|_| DbErr::Custom("ids have run out".into()));
    let (last, rows) = (id(result.last_insert_id())?, id(result.rows_affected())?);
    Ok((last - rows + 1..=last).collect())
}

/// Inserts this many rows and returns the id of the first. A `VALUES` list whose length the server knows in advance gets consecutive ids in
/// every lock mode.
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

/// Returns how far apart the ids of rows that are inserted together are.
async fn ask_id_step<C: ConnectionTrait>(db: &C, dialect: &Dialect, sql: &str) -> Result<i64, DbErr> {
    let row = db.query_one_raw(statement(dialect, sql, [])).await?;
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
    values.extend(for_given_columns!([given] job));
    values
        .extend([job.key.as_ref().map(|key| key.key.clone()).into(), job.key.as_ref().map(|key| key.statuses).into()]);
    values
}
