//! The ends of attempts, as they are written. A job's row is changed only if the attempt still owns the job.

mod batch;

use std::collections::HashSet;

use sea_orm::{ConnectionTrait as _, DbErr};
use serde::{Serialize, Serializer};

use super::{Store, json, millis, statement};
use crate::error::fault::{self, Fault};
use crate::model::outcome::Transition;
use crate::model::{AttemptEnd, JobStatus};
pub(crate) use batch::{FencedRow, MAX_ROWS, NewMessage, Report, batch_len, is_large, write};

/// A job's id, and the version under which an attempt owns it: its writes take effect only while the job has that version.
pub(crate) type Fence = (i64, i64);

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
            delay_ms: transition.delay.map(millis),
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

/// The end of an attempt that is just a success. Most are, so they take a shorter path.
#[derive(Debug, Serialize)]
struct SuccessRow<'a> {
    id: i64,
    version: i64,
    /// A JSON object.
    results: Option<&'a str>,
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
