//! Batched writes of attempts: their ends, and their progress, results and messages while they run. A row is written only if its attempt
//! still owns the job.

mod rows;

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DbErr, QueryResult};
use serde::Serialize;

use super::dialect::{Batch, Dialect};
use super::row::Columns;
use super::{Store, json, retry_contention, statement};
use crate::error::fault::{self, Fault};
pub(crate) use rows::{Fence, FencedRow, FinishRow, MAX_ROWS, NewMessage, Report, batch_len, is_large};

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

/// Reads the fences of rows: every dialect selects the job's id, then the version.
fn fences(rows: &[QueryResult]) -> Result<HashSet<Fence>, DbErr> {
    let fence = |row| {
        let mut columns = Columns::of(row);
        Ok((columns.next()?, columns.next()?))
    };
    rows.iter().map(fence).collect()
}
