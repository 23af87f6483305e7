//! Batched writes of attempts: their ends, and their progress, results and messages while they run. A row is written only if its attempt
//! still owns the job.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde::{Serialize, Serializer};

use super::dialect::{Batch, Dialect};
use super::row::Columns;
use super::{Store, json, retry_contention, statement};
use crate::error::fault::{self, Fault};
use crate::model::outcome::Transition;
use crate::model::{AttemptEnd, JobStatus};

/// The end of an attempt, as it is written.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FinishRow {
    pub(crate) id: i64,
    /// The version under which the attempt owns the job.
    pub(crate) version: i64,
    #[serde(serialize_with = "as_code")]
    pub(crate) status: JobStatus,
    pub(crate) delay_ms: Option<i64>,
    pub(crate) attempt_change: i32,
    pub(crate) max_attempts_change: i32,
    #[serde(serialize_with = "as_word")]
    pub(crate) how: Option<AttemptEnd>,
    pub(crate) error: Option<String>,
    pub(crate) progress: Option<i16>,
    /// A JSON object.
    pub(crate) results: Option<String>,
    /// The worker that ran it, for the history.
    pub(crate) worker: String,
    /// The worker that writes this, and that the row names from now on; `None` if the job's own worker is gone. With the version, it
    /// shows whether a repeated write was done before.
    pub(crate) owner: Option<i64>,
    #[serde(skip)]
    pub(crate) messages: Vec<NewMessage>,
}

impl FinishRow {
    pub(crate) fn new(id: i64, version: i64, transition: Transition, worker: String, owner: Option<i64>) -> Self {
        Self {
            id,
            version,
            status: transition.status,
            delay_ms: transition.delay.map(super::millis),
            attempt_change: transition.attempt_change,
            max_attempts_change: transition.max_attempts_change,
            how: transition.how,
            error: transition.error,
            progress: None,
            results: None,
            worker,
            owner,
            messages: Vec::new(),
        }
    }
}

/// Serializes a status as the tables store it.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn as_code<S: Serializer>(status: &JobStatus, serializer: S) -> Result<S::Ok, S::Error> {
    status.code().serialize(serializer)
}

/// Serializes the end of an attempt as the tables store it.
#[allow(clippy::ref_option, clippy::trivially_copy_pass_by_ref, reason = "serde gives it so")]
fn as_word<S: Serializer>(end: &Option<AttemptEnd>, serializer: S) -> Result<S::Ok, S::Error> {
    end.map(AttemptEnd::as_str).serialize(serializer)
}

/// The end of an attempt that is just a success. Most are, so they take a shorter path.
#[derive(Debug, Serialize)]
struct SuccessRow<'a> {
    id: i64,
    version: i64,
    /// A JSON object.
    results: Option<&'a str>,
}

impl FinishRow {
    /// Whether the job was claimed and given back without being started.
    pub(crate) const fn never_started(&self) -> bool {
        self.attempt_change < 0
    }

    fn success(&self) -> Option<SuccessRow<'_>> {
        let is_plain = self.status == JobStatus::Terminated
            && self.how.is_none()
            && self.error.is_none()
            && self.progress == Some(100)
            && self.owner.is_some()
            && self.attempt_change == 0
            && self.max_attempts_change == 0
            && self.messages.is_empty();
        is_plain.then_some(SuccessRow { id: self.id, version: self.version, results: self.results.as_deref() })
    }
}

/// A running attempt's progress, results and messages since they were last written.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Report {
    pub(crate) id: i64,
    pub(crate) version: i64,
    pub(crate) progress: Option<i16>,
    pub(crate) results: Option<String>,
    #[serde(skip)]
    pub(crate) messages: Vec<NewMessage>,
}

/// A message to store with its job.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct NewMessage {
    pub(crate) job_id: i64,
    pub(crate) attempt: i32,
    pub(crate) version: i64,
    /// Its number among the messages of its attempt: a message that exists is not written again.
    pub(crate) number: i64,
    pub(crate) level: i16,
    /// How long ago it was logged: the database's clock gives the time.
    pub(crate) age_ms: i64,
    pub(crate) text: String,
}

/// The limits of a batch, in rows and in bytes.
pub(crate) const MAX_ROWS: usize = 1_000;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A batch of this many bytes or more may exceed what a server takes at once (MySQL's and MariaDB's `max_allowed_packet`).
const LARGE: usize = 256 * 1024;

/// A job's id, and the version under which an attempt owns it: its writes take effect only while the job has that version.
pub(crate) type Fence = (i64, i64);

/// A row of a batch.
pub(crate) trait FencedRow: Serialize + Sync {
    fn batch(dialect: &Dialect) -> &Batch;
    fn fence(&self) -> Fence;
    fn messages(&self) -> &[NewMessage];
    fn bytes(&self) -> usize;
    /// Whether the row adds one to the history.
    fn is_history(&self) -> bool {
        false
    }
}

impl FencedRow for FinishRow {
    fn batch(dialect: &Dialect) -> &Batch {
        &dialect.finish
    }

    fn fence(&self) -> Fence {
        (self.id, self.version)
    }

    fn messages(&self) -> &[NewMessage] {
        &self.messages
    }

    fn bytes(&self) -> usize {
        bytes(self.results.as_ref(), &self.messages) + self.error.as_ref().map_or(0, String::len)
    }

    fn is_history(&self) -> bool {
        self.how.is_some()
    }
}

impl FencedRow for Report {
    fn batch(dialect: &Dialect) -> &Batch {
        &dialect.report
    }

    fn fence(&self) -> Fence {
        (self.id, self.version)
    }

    fn messages(&self) -> &[NewMessage] {
        &self.messages
    }

    fn bytes(&self) -> usize {
        bytes(self.results.as_ref(), &self.messages)
    }
}

impl<R: FencedRow> FencedRow for &R {
    fn batch(dialect: &Dialect) -> &Batch {
        R::batch(dialect)
    }

    fn fence(&self) -> Fence {
        R::fence(self)
    }

    fn messages(&self) -> &[NewMessage] {
        R::messages(self)
    }

    fn bytes(&self) -> usize {
        R::bytes(self)
    }

    fn is_history(&self) -> bool {
        R::is_history(self)
    }
}

/// Reads the fences of rows: every dialect selects the job's id, then the version.
fn fences(rows: &[QueryResult]) -> Result<HashSet<Fence>, DbErr> {
    let fence = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.next()?, columns.next()?))
    };
    rows.iter().map(fence).collect()
}

fn bytes(results: Option<&String>, messages: &[NewMessage]) -> usize {
    let texts: usize = messages.iter().map(|message| message.text.len() + 100).sum();
    texts + results.map_or(0, String::len) + 200
}

/// Returns how many of these rows fit into one batch.
pub(crate) fn batch_len<'a, R: FencedRow + 'a>(rows: impl Iterator<Item = &'a R>) -> usize {
    let mut bytes = 0;
    let fitting = rows.take(MAX_ROWS).take_while(|row| {
        bytes += row.bytes();
        bytes <= MAX_BYTES
    });
    fitting.count().max(1)
}

/// Whether a batch may be larger than a server takes at once.
pub(crate) fn is_large<R: FencedRow>(batch: &[R]) -> bool {
    batch.iter().map(FencedRow::bytes).sum::<usize>() >= LARGE
}

impl Store {
    /// Writes these ends. See [`Store::write`].
    pub(crate) async fn finish(&self, ends: &[FinishRow]) -> Result<HashSet<Fence>, DbErr> {
        let successes: Vec<_> = ends.iter().filter_map(FinishRow::success).collect();
        if successes.is_empty() || !self.write_at_once(self.dialect.complete, &successes).await? {
            return self.write(ends).await;
        }
        let mut written: HashSet<Fence> = successes.iter().map(|row| (row.id, row.version)).collect();
        let others: Vec<_> = ends.iter().filter(|end| !written.contains(&end.fence())).collect();
        if !others.is_empty() {
            written.extend(self.write(&others).await?);
        }
        Ok(written)
    }

    /// Writes what running attempts report. See [`Store::write`].
    pub(crate) async fn report(&self, reports: &[Report]) -> Result<HashSet<Fence>, DbErr> {
        if let Some(sql) = self.dialect.progress
            && reports.iter().all(|report| report.messages.is_empty())
            && self.write_at_once(sql, reports).await?
        {
            return Ok(reports.iter().map(FencedRow::fence).collect());
        }
        self.write(reports).await
    }

    /// Returns true if every row was written. Otherwise some may have been, and [`Store::row_states`] tells which: returning each id would
    /// cost more than writing its row.
    async fn write_at_once<R: Serialize>(&self, sql: &str, rows: &[R]) -> Result<bool, DbErr> {
        if self.needs_read_committed {
            return Ok(false);
        }
        match self.db.execute_raw(statement(self.dialect, sql, [json(rows)?.into()])).await {
            Ok(result) => Ok(usize::try_from(result.rows_affected()).is_ok_and(|written| written == rows.len())),
            Err(error) if fault::of(&error) == Fault::Contention => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Writes the rows whose attempts still own their jobs, and returns their fences. Rows that others have locked are left out, as are those
    /// that were fenced out: [`Store::row_states`] tells which.
    pub(crate) async fn write<R: FencedRow>(&self, rows: &[R]) -> Result<HashSet<Fence>, DbErr> {
        retry_contention(|| async {
            let in_one = !matches!(R::batch(self.dialect), Batch::Steps { .. });
            if in_one && !self.needs_read_committed {
                return write(&self.db, self.dialect, rows).await;
            }
            let transaction = self.begin().await?;
            let written = write(&transaction, self.dialect, rows).await?;
            transaction.commit().await?;
            Ok(written)
        })
        .await
    }
}

/// Writes the rows on a connection or in the caller's transaction. A batch with steps needs a transaction.
pub(crate) async fn write<C: ConnectionTrait, R: FencedRow>(
    db: &C,
    dialect: &Dialect,
    rows: &[R],
) -> Result<HashSet<Fence>, DbErr> {
    let messages: Vec<_> = rows.iter().flat_map(FencedRow::messages).collect();
    match R::batch(dialect) {
        Batch::Statement(sql) => {
            let values = [json(rows)?.into(), json(&messages)?.into()];
            let written = db.query_all_raw(statement(dialect, sql, values)).await?;
            fences(&written)
        }
        Batch::Steps { lock, history, own, messages: write_messages } => {
            let locked = db.query_all_raw(statement(dialect, lock, [json(rows)?.into()])).await?;
            let locked = fences(&locked)?;
            let rows: Vec<_> = rows.iter().filter(|row| locked.contains(&row.fence())).collect();
            let messages: Vec<_> =
                messages.into_iter().filter(|message| locked.contains(&(message.job_id, message.version))).collect();
            if !rows.is_empty() {
                let has_history = rows.iter().any(FencedRow::is_history);
                let rows = json(&rows)?;
                if let Some(history) = history.filter(|_| has_history) {
                    db.execute_raw(statement(dialect, history, [rows.clone().into()])).await?;
                }
                db.execute_raw(statement(dialect, own, [rows.into()])).await?;
            }
            if !messages.is_empty() {
                db.execute_raw(statement(dialect, write_messages, [json(&messages)?.into()])).await?;
            }
            Ok(locked)
        }
    }
}
