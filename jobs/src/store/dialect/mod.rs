//! What differs between databases, in one place, but for the words of their errors: see [`fault`](crate::error::fault).
//!
//! Batches travel as one JSON document, so that every statement's text is constant whatever the batch's size; new rows of MariaDB as
//! `VALUES` lists of a few fixed lengths.

pub(crate) mod connect;
pub(crate) mod connection;
#[cfg(test)]
mod golden;
#[cfg(feature = "cli")]
pub(crate) mod health;
pub(crate) mod limits;
pub(crate) mod listen;
mod mysql;
pub(crate) mod own_pool;
mod postgres;
mod release;
pub(crate) mod session;
mod sqlite;
mod url;

use chrono::{DateTime, Utc};
use sea_orm::{DbBackend, DbErr, ExecResult, Value};

/// The statements of one database, and how it runs them.
#[derive(Debug)]
pub(crate) struct Dialect {
    pub(crate) backend: DbBackend,
    /// The statement's own time.
    pub(crate) clock: &'static str,
    /// (channel, payload): wakes other processes, if the database can.
    pub(crate) notify: Option<&'static str>,
    /// Whether a row that someone else has locked can be told from one that is free.
    pub(crate) row_locks: bool,
    /// Whether to lock a row that is not there locks the gap where it would be, so that nobody else can insert there.
    pub(crate) locks_gaps: bool,
    pub(crate) insert: Insert,
    pub(crate) claim: Claim,
    /// (queues, names) → queue, `wait_ms`: how long until the first job is due; and each paused queue, with `NULL`.
    pub(crate) look: &'static str,
    /// → queue, priority, name, when the first was due: one row for each of those of which jobs are due.
    pub(crate) due_groups: &'static str,
    /// (groups): a condition. Jobs of these queues, priorities and names.
    pub(crate) of_groups: &'static str,
    /// (rows): ends that are no more than a success. Affects as many rows as it writes, and leaves out what someone else has locked, or
    /// fails at once.
    pub(crate) complete: &'static str,
    /// (rows): reports without messages, if that saves steps. Affects rows as `complete` does.
    pub(crate) progress: Option<&'static str>,
    pub(crate) finish: Batch,
    pub(crate) report: Batch,
    /// (name, host, pid, lease in ms, serves) → id.
    pub(crate) join: Insert,
    pub(crate) beat: Beat,
    /// (id): the row, unless someone else has locked it.
    pub(crate) lock_one: &'static str,
    /// (status, age in ms, limit) → ids of closed jobs that retention may delete.
    pub(crate) expired: &'static str,
    /// (ids): deletes from the jobs' other tables, and leaves their keys to themselves.
    pub(crate) delete: &'static [&'static str],
    /// (ids)
    pub(crate) delete_jobs: &'static str,
    /// (ids): marks jobs whose end has to be notified, if the database can.
    pub(crate) mark_awaited: Option<&'static str>,
    /// (ids) → id, status.
    pub(crate) statuses: &'static str,
    /// (time in ms): all that waits is due so much sooner.
    pub(crate) advance: &'static str,
    pub(crate) unique: Unique,
    pub(crate) cron: Cron,
    /// An `UPDATE` of the one job that its condition names by its id, made to look at no other, however few there are.
    pub(crate) by_id: fn(&str) -> String,
    /// An `INSERT` of one row, made to change nothing if there is a row with its key.
    pub(crate) insert_or_ignore: fn(&str) -> String,
}

/// The keys of unique jobs.
#[derive(Debug)]
pub(crate) struct Unique {
    pub(crate) insert: InsertUnique,
    pub(crate) acquire: Acquire,
    /// (key) → key, id: a job that surely holds it. Asked first if that costs less than a transaction in vain.
    pub(crate) holder_if_certain: Option<&'static str>,
    /// (keys) → key, job, version, `is_open`: whether its time is not over, `may_be_old`: whether this transaction may see older rows
    /// than there are.
    pub(crate) holders: &'static str,
    /// (ids) → id, version, status, `unique_while`
    pub(crate) jobs: &'static str,
    /// (ids) → as `jobs`, of the rows as they are now: locked if the database locks rows, in the order that is given.
    pub(crate) locked_jobs: &'static str,
    /// (holders): releases keys that are still held as they were seen.
    pub(crate) release: &'static str,
    /// (at, delay in ms, parameters, id, version): replaces what a waiting job is to do, and when.
    pub(crate) replace: &'static str,
    /// (limit) → keys of deleted jobs whose time is over, locked, but for those that someone else has locked.
    pub(crate) left: &'static str,
    /// (keys): deletes them.
    pub(crate) sweep: &'static str,
}

/// Schedules, many at once. What is said of firings comes as rows with (schedule, `nominal_at`) and what else is named.
#[derive(Debug)]
pub(crate) struct Cron {
    /// (jobs, but for these schedules) → how many ms until the first of the schedules of these jobs is due.
    pub(crate) due_in: &'static str,
    /// (jobs, but for these schedules, limit) → the first that are due, locked, and the time now. Leaves out what someone else has locked.
    pub(crate) due: &'static str,
    /// (firings with `place`) → the places of those that are there.
    pub(crate) fired: &'static str,
    /// (firings with `job_id`): inserts them.
    pub(crate) record: &'static str,
    /// (firings with `job_id`): their jobs, which nobody else has seen yet, get the nominal time.
    pub(crate) nominal: &'static str,
    /// (keys, with `job_id` and `expires_at`): how long these jobs hold them.
    pub(crate) hold: &'static str,
    /// (schedules, with `next_at`): when they fire next.
    pub(crate) set_next: &'static str,
    /// (schedules' names): deletes all but their latest hundred firings.
    pub(crate) forget: &'static str,
    /// (schedule's name): deletes all its firings.
    pub(crate) forget_all: &'static str,
}

/// How jobs are inserted that have keys.
#[derive(Debug)]
pub(crate) enum InsertUnique {
    /// One statement → ids: takes the keys that are free, and inserts their jobs. Of several, it does not tell which.
    Statement(InsertJobs),
    /// A transaction: inserts the jobs, which gives them their ids, then takes their keys.
    Steps {
        jobs: Insert,
        /// (first id, last id, time in ms): takes the keys of new jobs, for the same time, whose ids follow each other: where one writes
        /// at a time.
        acquire_range: Option<&'static str>,
    },
}

/// How keys are acquired that are free. See [`Dialect::has_acquired_all`].
#[derive(Debug)]
pub(crate) enum Acquire {
    /// (keys, with their jobs): all.
    Json(&'static str),
    /// A `VALUES` list of a fixed number of (key, job, version, time in ms), in the order of the keys.
    Values { into: &'static str, row: &'static str, or_ignore: &'static str, chunks: &'static [usize] },
}

/// How rows are inserted, with their ids in the order in which they were given.
#[derive(Debug)]
pub(crate) enum Insert {
    /// One statement takes any number of rows as JSON, and gives them ids which grow in that order.
    Rows(InsertJobs, Ids),
    /// One row.
    One(&'static str),
    /// A `VALUES` list of a fixed number of rows; ids follow each other from the one that the connection reports.
    Values {
        into: &'static str,
        row: &'static str,
        /// The row of a job that is due at once: without (at, delay).
        due_now: Option<&'static str>,
        /// What to write instead of the row's time outside a transaction, so that the row is refused if it would not be committed.
        if_committed: Option<(&'static str, &'static str)>,
        /// → how far apart ids are: further than one if several servers write.
        id_step: &'static str,
        chunks: &'static [usize],
    },
}

/// Statements that insert any number of jobs.
#[derive(Debug)]
pub(crate) struct InsertJobs {
    /// (rows): each different.
    pub(crate) mixed: &'static str,
    /// Alike but for their parameters, as most are that are scheduled together. What is bound, and in which order, says `parameter!` in
    /// [`row`](crate::store::row). The jobs' parameters are an array; of jobs with keys they are an object by key.
    pub(crate) uniform: &'static str,
}

/// How the ids of new rows become known.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ids {
    /// The statement returns them.
    Returned,
    /// They follow each other up to the last, which the connection reports.
    UpToLast,
}

/// How a worker's lease is extended: (lease in ms, id).
#[derive(Debug)]
pub(crate) enum Beat {
    /// One statement, which also tells what runs under the worker: no row if the worker's own is gone.
    Statement(&'static str),
    /// An update; what runs is read after it.
    Update(&'static str),
}

/// How due jobs are claimed.
#[derive(Debug)]
pub(crate) enum Claim {
    /// One statement.
    Statement {
        /// (queue, worker, names, limit, slots) → the jobs; none if the worker's row is gone.
        all: &'static str,
        /// Where the index keeps for a while what was claimed.
        from_cursor: Option<FromCursor>,
    },
    /// A transaction.
    Steps {
        /// (queue, names) → priority, name: what is due, best first.
        groups: &'static str,
        /// (queue, priority, name, since, limit) → the first jobs, locked, and whether each may wait for a slot.
        lock: &'static str,
        /// (ids, worker): affects none if the worker's row is gone.
        own: &'static str,
    },
}

/// How jobs of a long backlog are claimed.
#[derive(Debug)]
pub(crate) struct FromCursor {
    /// (queue, names) → priority, name: where jobs wait, best first.
    pub(crate) groups: &'static str,
    /// (queue, worker, groups, limit, slots) → the jobs.
    pub(crate) claim: &'static str,
}

/// How a batch of rows is written, each only if its attempt still owns its job. Parameters: (rows) or (messages).
#[derive(Debug)]
pub(crate) enum Batch {
    /// One statement takes rows and messages, and returns the ids and versions that were written.
    Statement(&'static str),
    /// A transaction: lock the rows (→ their ids), then write what was locked.
    Steps { lock: &'static str, history: Option<&'static str>, own: &'static str, messages: &'static str },
}

/// The dialect of a database.
pub(crate) fn of(backend: DbBackend) -> Result<&'static Dialect, DbErr> {
    match backend {
        DbBackend::Postgres => Ok(&postgres::DIALECT),
        DbBackend::MySql => Ok(&mysql::DIALECT),
        DbBackend::Sqlite => Ok(&sqlite::DIALECT),
        other => Err(DbErr::Custom(format!("jobs runs on SQLite, PostgreSQL and MySQL, not on {other:?}"))),
    }
}

impl Dialect {
    /// A time to compare a column with.
    pub(crate) fn time(&self, at: DateTime<Utc>) -> Value {
        match self.backend {
            DbBackend::Sqlite => self.time_text(at).into(),
            _ => at.into(),
        }
    }

    /// A time within a JSON document.
    pub(crate) fn time_text(&self, at: DateTime<Utc>) -> String {
        let format = match self.backend {
            // The one format in which it compares in order.
            DbBackend::Sqlite => "%Y-%m-%dT%H:%M:%S%.3fZ",
            DbBackend::MySql => "%Y-%m-%d %H:%M:%S%.6f",
            _ => "%Y-%m-%dT%H:%M:%S%.6fZ",
        };
        at.format(format).to_string()
    }

    /// Whether all of these keys were free.
    pub(crate) fn has_acquired_all(&self, result: &ExecResult, keys: usize) -> bool {
        match self.backend {
            // Rows that are found count like rows that are written; but the statement says 1 there.
            DbBackend::MySql => result.last_insert_id() == 0,
            _ => usize::try_from(result.rows_affected()).is_ok_and(|taken| taken == keys),
        }
    }

    /// A time that is written in UTC as RFC 3339 has it, as a statement reads it.
    pub(crate) fn written_time(&self, at: &str) -> String {
        match self.backend {
            DbBackend::MySql => at.replace(['T', 'Z'], " ").trim_end().to_owned(),
            _ => at.to_owned(),
        }
    }
}
