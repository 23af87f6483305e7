//! Batches of rows that are written only if their attempts still own their jobs: ends, and what running attempts report.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde::Serialize;

use super::{Fence, FinishRow};
use crate::store::dialect::{Batch, Dialect};
use crate::store::row::Columns;
use crate::store::{Store, json, retry_contention, statement};

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

fn bytes(results: Option<&String>, messages: &[NewMessage]) -> usize {
    let texts: usize = messages.iter().map(|message| message.text.len() + 100).sum();
    texts + results.map_or(0, String::len) + 200
}

/// The limits of a batch, in rows and in bytes.
pub(crate) const MAX_ROWS: usize = 1_000;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A batch of this many bytes or more may exceed what a server takes at once (MySQL's and MariaDB's `max_allowed_packet`).
const LARGE: usize = 256 * 1024;

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

/// Reads the fences of rows: every dialect selects the job's id, then the version.
fn fences(rows: &[QueryResult]) -> Result<HashSet<Fence>, DbErr> {
    let fence = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.next()?, columns.next()?))
    };
    rows.iter().map(fence).collect()
}
