//! A job's row: the columns that are written when the job is scheduled, those that a claim reads, and the lists from which the dialects
//! build their statements.
//!
//! A column that is set when a job is scheduled and read in an attempt is named here and in no statement. It is added to
//! `for_given_columns`, `for_claimed_columns` and `parameter`, and to [`NewJob`] and [`Claimed`]; outside this file to the migration,
//! the entity, `JobOptions` with its `into_row`, the setters of `Schedule`, and `JobContext`: seven files in all, beside the golden ones.

use std::fmt;
use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{DbErr, QueryResult, TryGetable};
use serde::Serialize;

use crate::model::OnConflict;

/// Calls a macro with the columns that are stored as given and read by workers: who asked for the job, and why, and the key of its limits.
/// Each has its PostgreSQL type.
macro_rules! for_given_columns {
    ([$($then:tt)*] $($arguments:tt)*) => {
        $($then)*! { ($($arguments)*) user_id: text, session_id: text, event_id: text, limit_key: text }
    };
}

/// The names of the columns that are stored as given, or the expansion of `$sql!(column, type)` for each.
macro_rules! given_columns {
    ($($sql:ident)?) => {
        $crate::store::row::for_given_columns!([$crate::store::row::list] $($sql)?)
    };
}

/// Calls a macro with the columns that a claim reads, in the order in which every dialect selects them.
macro_rules! for_claimed_columns {
    ([$($then:tt)*] $($arguments:tt)*) => {
        $($then)*! {
            ($($arguments)*)
            id, name, priority, version, attempt, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at,
            user_id, session_id, event_id, limit_key, started_at, nominal_at
        }
    };
}

/// The names of the columns that a claim reads, or the expansion of `$sql!(column)` for each.
macro_rules! claimed_columns {
    ($($sql:ident)?) => {
        $crate::store::row::for_claimed_columns!([$crate::store::row::list] $($sql)?)
    };
}

/// The columns of a new row, in the order in which every dialect gives their values.
macro_rules! new_columns {
    () => {
        concat!(
            "name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at, ",
            $crate::store::row::given_columns!()
        )
    };
}

/// The columns of a new row that may have a key.
macro_rules! new_columns_with_key {
    () => {
        concat!($crate::store::row::new_columns!(), ", unique_key, unique_while")
    };
}

/// The number of each parameter of the statements that insert uniform jobs.
macro_rules! parameter {
    (parameters) => {
        1
    };
    (name) => {
        2
    };
    (queue) => {
        3
    };
    (priority) => {
        4
    };
    (max_attempts) => {
        5
    };
    (timeout_ms) => {
        6
    };
    (at) => {
        7
    };
    (delay_ms) => {
        8
    };
    (user_id) => {
        9
    };
    (session_id) => {
        10
    };
    (event_id) => {
        11
    };
    (limit_key) => {
        12
    };
    (unique_while) => {
        13
    };
    (within_ms) => {
        14
    };
}

/// What those who follow a job read of it and of a message, in the order in which [`watch`](crate::store::watch) reads it.
macro_rules! news_columns {
    () => {
        "job.version, job.status, job.attempt, job.progress, job.scheduled_at, job.cancel_requested_at,
       CASE WHEN job.status = 0 THEN job.last_error END,
       message.version, message.number, message.attempt, message.level, message.created_at, message.text"
    };
}

/// Joins columns with commas.
macro_rules! list {
    (() $first:ident $(: $first_type:ident)? $(, $column:ident $(: $type:ident)?)*) => {
        concat!(stringify!($first) $(, ", ", stringify!($column))*)
    };
    (($sql:ident) $first:ident $(: $first_type:ident)? $(, $column:ident $(: $type:ident)?)*) => {
        concat!($sql!($first $(, $first_type)?) $(, ", ", $sql!($column $(, $type)?))*)
    };
}

pub(super) use {
    claimed_columns, for_claimed_columns, for_given_columns, given_columns, list, new_columns, new_columns_with_key,
    news_columns, parameter,
};

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
    /// When it is due, in UTC; if `None`, after the delay.
    pub(crate) at: Option<String>,
    pub(crate) delay_ms: Option<i64>,
    pub(crate) user_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) event_id: Option<String>,
    /// The key under which it counts for the limits of its definition; [`UNLIMITED`](super::limited::UNLIMITED) if that has none.
    pub(crate) limit_key: String,
    #[serde(flatten)]
    pub(crate) key: Option<NewKey>,
}

/// Omits the parameters, which may be secret.
impl fmt::Debug for NewJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in queue `{}`", self.name, self.queue)
    }
}

/// Whether two rows agree in the columns that are stored as given.
macro_rules! given_are_equal {
    (($one:ident, $other:ident) $($column:ident: $type:ident),*) => { $($one.$column == $other.$column)&&* };
}

impl NewJob {
    /// Whether the jobs differ only in their parameters and keys.
    pub(super) fn is_uniform_with(&self, other: &Self) -> bool {
        let one = self;
        self.name == other.name
            && self.queue == other.queue
            && self.priority == other.priority
            && self.max_attempts == other.max_attempts
            && self.timeout_ms == other.timeout_ms
            && self.at == other.at
            && self.delay_ms == other.delay_ms
            && for_given_columns!([given_are_equal] one, other)
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
    /// Returns how long a job holds the key.
    const fn terms(&self) -> (i16, Option<i64>) {
        (self.statuses, self.within_ms)
    }
}

/// A claimed job, as its worker gets it. It has no `Debug` because its parameters may be secret.
#[derive(Clone)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) priority: i16,
    pub(crate) version: i64,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) budget: i32,
    pub(crate) timeout_ms: Option<i64>,
    /// JSON.
    pub(crate) parameters: String,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) scheduled_at: DateTimeUtc,
    pub(crate) user_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) event_id: Option<String>,
    pub(crate) limit_key: String,
    pub(crate) started_at: DateTimeUtc,
    pub(crate) nominal_at: Option<DateTimeUtc>,
}

/// Reads a claimed job from the next columns of a row.
macro_rules! claimed_from {
    (($queue:ident, $columns:ident) $($column:ident),*) => {
        Claimed { queue: $queue.to_owned(), $($column: $columns.next()?),* }
    };
}

/// Builds a claimed job that takes the columns that are stored as given from a new one.
macro_rules! claimed_from_new {
    (($new:ident, $($fields:tt)*) $($column:ident: $type:ident),*) => { Claimed { $($column: $new.$column,)* $($fields)* } };
}

impl Claimed {
    pub(super) fn read(queue: &str, columns: &mut Columns<'_>) -> Result<Self, DbErr> {
        Ok(for_claimed_columns!([claimed_from] queue, columns))
    }

    /// Returns a job without a row, as if it had been scheduled and claimed now.
    pub(crate) fn without_row(id: i64, new: NewJob, attempt: i32, now: DateTimeUtc) -> Self {
        for_given_columns!(
            [claimed_from_new] new,
            id,
            name: new.name,
            queue: new.queue,
            priority: new.priority,
            version: 1,
            attempt,
            max_attempts: new.max_attempts,
            budget: new.max_attempts,
            timeout_ms: new.timeout_ms,
            parameters: new.parameters,
            created_at: now,
            scheduled_at: now,
            started_at: now,
            nominal_at: None
        )
    }

    /// Returns how long an attempt may take.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)
    }
}

/// Reads a row's columns from left to right, by index, which costs less than by name.
pub(super) struct Columns<'r> {
    row: &'r QueryResult,
    next: usize,
}

impl<'r> Columns<'r> {
    pub(super) const fn of(row: &'r QueryResult) -> Self {
        Self { row, next: 0 }
    }

    pub(super) fn next<T: TryGetable>(&mut self) -> Result<T, DbErr> {
        self.next += 1;
        self.row.try_get_by_index(self.next - 1)
    }
}
