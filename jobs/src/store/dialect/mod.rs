//! The differences between databases, in one place, except for the words of their errors: see [`fault`](crate::error::fault).
//!
//! Batches are sent as one JSON document, so every statement's text is constant whatever the batch's size; new rows on MariaDB are sent as
//! `VALUES` lists of a few fixed lengths.

pub(crate) mod connect;
pub(crate) mod connection;
#[cfg(test)]
mod golden;
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) mod health;
pub(crate) mod limits;
pub(crate) mod listen;
mod mysql;
mod operations;
pub(crate) mod own_pool;
mod postgres;
mod release;
pub(crate) mod session;
mod sqlite;
mod url;

use chrono::{DateTime, Utc};
use sea_orm::{DbBackend, DbErr, ExecResult, Value};

pub(crate) use operations::{
    Acquire, Batch, Beat, Claim, FromCursor, Ids, Insert, InsertJobs, InsertUnique, Limited, LimitedClaim, Places, Turn,
};

/// The statements of one database, and how it runs them.
#[derive(Debug)]
pub(crate) struct Dialect {
    pub(crate) backend: DbBackend,
    /// The statement's own time.
    pub(crate) clock: &'static str,
    /// (channel, payload): wakes other processes, if the database can.
    pub(crate) notify: Option<&'static str>,
    /// (channel, payloads): like `notify`, for several.
    pub(crate) notify_all: Option<&'static str>,
    /// Whether a row that another transaction has locked can be told from a free one.
    pub(crate) row_locks: bool,
    /// Whether locking a missing row locks the gap where it would be, so that no one else can insert there.
    pub(crate) locks_gaps: bool,
    pub(crate) insert: Insert,
    /// Jobs whose number is not limited.
    pub(crate) claim: Claim,
    pub(crate) limited: Limited,
    /// (queues, names) → queue, `wait_ms`: how long until the first job is due whose number is not limited; and each paused queue, with
    /// `NULL`.
    pub(crate) look: &'static str,
    /// → queue, priority, name, when the first was due: one row for each group in which jobs are due.
    pub(crate) due_groups: &'static str,
    /// (most) → queue, status, when the first is due, the current time, jobs: the waiting and the running jobs of each queue. Of waiting
    /// jobs, no more than `most` are counted; `NULL` stands for more.
    #[cfg_attr(not(feature = "web"), allow(dead_code, reason = "only the dashboard asks"))]
    pub(crate) depths: &'static str,
    /// (groups): a condition for jobs of these queues, priorities and names.
    pub(crate) of_groups: &'static str,
    /// (rows): ends that are just a success. Affects as many rows as it writes, and leaves out those that others have locked, or fails at
    /// once.
    pub(crate) complete: &'static str,
    /// (rows): reports without messages, if that saves steps. Affects rows as `complete` does.
    pub(crate) progress: Option<&'static str>,
    pub(crate) finish: Batch,
    pub(crate) report: Batch,
    /// (name, host, pid, lease in ms, serves) → id.
    pub(crate) join: Insert,
    pub(crate) beat: Beat,
    /// Whether a running job has no worker.
    pub(crate) has_orphans: &'static str,
    /// (id): the row, unless another transaction has locked it.
    pub(crate) lock_one: &'static str,
    /// (ids and versions) → id, queue, status, awaited, key: the jobs that are still at that version, locked in the given order, except for
    /// those that others have locked.
    pub(crate) hold: &'static str,
    /// (status, age in ms, limit) → ids of closed jobs that retention may delete.
    pub(crate) expired: &'static str,
    /// (ids): deletes from the jobs' other tables, and detaches their keys, which are locked in their order.
    pub(crate) delete: &'static [&'static str],
    /// (ids)
    pub(crate) delete_jobs: &'static str,
    /// (ids): marks jobs whose end must be notified, if the database can.
    pub(crate) mark_awaited: Option<&'static str>,
    /// (ids) → id, status.
    pub(crate) statuses: &'static str,
    /// (places) → each place, its job's state, and the first 100 messages after it: a row for each, or one without a message. No row if
    /// there is no such job.
    pub(crate) news: &'static str,
    /// (principal, origin, action, subject, operation, names of what was changed, jobs): a row of the audit for each job, or for `NULL`.
    pub(crate) audit: &'static str,
    /// (period, start, worker, total, by job): inserts what a worker has counted, or replaces it.
    pub(crate) stat: &'static str,
    /// (time in ms): makes all waiting jobs due this much sooner.
    pub(crate) advance: &'static str,
    pub(crate) unique: Unique,
    pub(crate) cron: Cron,
    /// Changes an `UPDATE` of one job by its id so that it reads no other, however few there are.
    pub(crate) by_id: fn(&str) -> String,
    /// Changes an `UPDATE` of all jobs, without parameters, so that it updates some: (ids).
    pub(crate) by_ids: fn(&str) -> String,
    /// Changes an `INSERT` of one row so that it does nothing if there is a row with its key.
    pub(crate) insert_or_ignore: fn(&str) -> String,
}

/// The keys of unique jobs.
#[derive(Debug)]
pub(crate) struct Unique {
    pub(crate) insert: InsertUnique,
    pub(crate) acquire: Acquire,
    /// (key) → key, id: a job that certainly holds it. Asked first if that costs less than a useless transaction.
    pub(crate) holder_if_certain: Option<&'static str>,
    /// (keys) → key, job, version, `is_open`: whether its time is not over, `may_be_old`: whether this transaction may see outdated rows.
    pub(crate) holders: &'static str,
    /// (ids) → id, version, status, `unique_while`
    pub(crate) jobs: &'static str,
    /// (ids) → like `jobs`, but the current rows: locked if the database locks rows, in the given order.
    pub(crate) locked_jobs: &'static str,
    /// (holders): releases keys that are unchanged since they were read.
    pub(crate) release: &'static str,
    /// (keys, with their jobs and versions): records the version at which these jobs hold the keys that they still have.
    pub(crate) keep: &'static str,
    /// (at, delay in ms, parameters, id, version): replaces the parameters and the due time of a waiting job.
    pub(crate) replace: &'static str,
    /// (limit) → keys of deleted jobs whose time is over, locked, except for those that others have locked.
    pub(crate) left: &'static str,
    /// (keys): deletes them.
    pub(crate) sweep: &'static str,
}

/// Statements on schedules, many at once. Firings are passed as rows with (schedule, `nominal_at`) and the other fields named.
#[derive(Debug)]
pub(crate) struct Cron {
    /// (jobs, except these schedules) → how many ms until the first schedule of these jobs is due.
    pub(crate) due_in: &'static str,
    /// (jobs, except these schedules, limit) → the first that are due, locked, and the current time. Skips those that others have locked.
    pub(crate) due: &'static str,
    /// (firings with `ordinal`) → the `ordinal` of those that exist.
    pub(crate) fired: &'static str,
    /// (firings with `job_id`): inserts them.
    pub(crate) record: &'static str,
    /// (firings with `job_id`): sets the nominal time of their jobs, which no one else has seen yet.
    pub(crate) nominal: &'static str,
    /// (keys, with `job_id` and `expires_at`): sets how long these jobs hold them.
    pub(crate) hold: &'static str,
    /// (schedules, with `next_at`): sets when they fire next.
    pub(crate) set_next: &'static str,
    /// (names of schedules): deletes all but their latest hundred firings.
    pub(crate) forget: &'static str,
    /// (name of a schedule): deletes all its firings.
    pub(crate) forget_all: &'static str,
}

/// Returns the dialect of a database.
pub(crate) fn of(backend: DbBackend) -> Result<&'static Dialect, DbErr> {
    match backend {
        DbBackend::Postgres => Ok(&postgres::DIALECT),
        DbBackend::MySql => Ok(&mysql::DIALECT),
        DbBackend::Sqlite => Ok(&sqlite::DIALECT),
        other => Err(DbErr::Custom(format!("jobs runs on SQLite, PostgreSQL and MySQL, not on {other:?}"))),
    }
}

impl Dialect {
    /// Returns a time to compare a column with.
    pub(crate) fn time(&self, at: DateTime<Utc>) -> Value {
        match self.backend {
            DbBackend::Sqlite => self.time_text(at).into(),
            // With a time zone, it would be a TIMESTAMP, which MariaDB takes for NULL after the year 2038.
            DbBackend::MySql => at.naive_utc().into(),
            _ => at.into(),
        }
    }

    /// Returns a time for a JSON document.
    pub(crate) fn time_text(&self, at: DateTime<Utc>) -> String {
        let format = match self.backend {
            // The one format in which times compare in order.
            DbBackend::Sqlite => "%Y-%m-%dT%H:%M:%S%.3fZ",
            DbBackend::MySql => "%Y-%m-%d %H:%M:%S%.6f",
            _ => "%Y-%m-%dT%H:%M:%S%.6fZ",
        };
        at.format(format).to_string()
    }

    /// Whether all of these keys were free.
    pub(crate) fn has_acquired_all(&self, result: &ExecResult, keys: usize) -> bool {
        match self.backend {
            // Rows that exist count like rows that are written, but then the statement sets this id to 1.
            DbBackend::MySql => result.last_insert_id() == 0,
            _ => usize::try_from(result.rows_affected()).is_ok_and(|taken| taken == keys),
        }
    }

    /// Converts a time in UTC as RFC 3339 writes it to the format that a statement reads.
    pub(crate) fn written_time(&self, at: &str) -> String {
        match self.backend {
            DbBackend::MySql => at.replace(['T', 'Z'], " ").trim_end().to_owned(),
            _ => at.to_owned(),
        }
    }
}
