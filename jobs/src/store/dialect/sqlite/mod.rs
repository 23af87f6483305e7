//! SQLite. There is one writer at a time: a write transaction begins as one (`BEGIN IMMEDIATE`), so that it waits for its turn instead of
//! failing halfway, and rows need no locks. Times are text in one format.

mod cron;
mod fragments;
mod limited;
mod waiting;

use sea_orm::DbBackend;

use super::{Acquire, Batch, Beat, Claim, Dialect, Ids, Insert, InsertJobs, InsertUnique, Unique};
use crate::store::row::{claimed_columns, given_columns, new_columns, new_columns_with_key, news_columns};
use fragments::{before, bound, due_at, held_until, in_ms, member, now, pairs, values};
use waiting::{DEPTHS, DUE_GROUPS, LOOK};

pub(super) static DIALECT: Dialect = Dialect {
    backend: DbBackend::Sqlite,
    clock: now!(),
    notify: None,
    notify_all: None,
    row_locks: false,
    locks_gaps: false,
    insert: Insert::Rows(InsertJobs { mixed: INSERT, uniform: INSERT_UNIFORM }, Ids::UpToLast),
    claim: Claim::Statement { all: CLAIM, from_cursor: None },
    limited: limited::LIMITED,
    look: LOOK,
    due_groups: DUE_GROUPS,
    depths: DEPTHS,
    of_groups: "(queue, priority, name) IN (
                    SELECT value ->> 'queue', value ->> 'priority', value ->> 'name' FROM json_each(?))",
    complete: COMPLETE,
    progress: Some(REPORT),
    finish: Batch::Steps { lock: LOCK, history: Some(HISTORY), own: FINISH, messages: MESSAGES },
    report: Batch::Steps { lock: LOCK, history: None, own: REPORT, messages: MESSAGES },
    join: Insert::One(
        concat! { "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves)
         VALUES (?1, ?2, ?3, ", now!(), ", ", now!(), ",
                 ", in_ms!("?4"), ", ?5)
         RETURNING id" },
    ),
    beat: Beat::Update(
        concat! { "UPDATE jobs_worker SET last_seen_at = ", now!(), ",
                  expires_at = ", in_ms!("?1"), ",
                  resumed_at = CASE WHEN expires_at < ", now!(), "
                                    THEN ", now!(), " ELSE resumed_at END
           WHERE id = ?2" },
        "SELECT id, version, cancel_requested_at FROM jobs_job WHERE status = 1 AND worker_id = ?1",
    ),
    has_orphans: "EXISTS (SELECT 1 FROM jobs_job
                  WHERE status = 1 AND NOT EXISTS (SELECT 1 FROM jobs_worker WHERE jobs_worker.id = jobs_job.worker_id))",
    lock_one: "SELECT id FROM jobs_job WHERE id = ?1",
    hold: "SELECT job.id, job.queue, job.status, FALSE AS awaited, job.unique_key
           FROM json_each(?1) AS seen CROSS JOIN jobs_job AS job
             ON job.id = seen.value ->> 'id' AND job.version = seen.value ->> 'version'",
    expired: concat! { "SELECT id FROM jobs_job
              WHERE status = ?1 AND status >= 2
                AND finished_at < ", before!("?2"), "
              ORDER BY finished_at LIMIT ?3" },
    delete: &[
        concat! { "UPDATE jobs_unique SET version = NULL
         FROM (SELECT id, unique_key AS job_key FROM jobs_job WHERE id IN (", values!("?1"), ")) AS doomed
         WHERE unique_key = doomed.job_key AND job_id = doomed.id" },
        concat!("DELETE FROM jobs_message WHERE job_id IN (", values!("?1"), ")"),
        concat!("DELETE FROM jobs_attempt WHERE job_id IN (", values!("?1"), ")"),
    ],
    delete_jobs: concat!("DELETE FROM jobs_job WHERE id IN (", values!("?1"), ")"),
    mark_awaited: None,
    statuses: concat!("SELECT id, status FROM jobs_job WHERE id IN (", values!("?1"), ")"),
    news: NEWS,
    audit: concat! { "INSERT INTO jobs_audit (at, principal, origin, action, job_id, subject, operation, changed)
            SELECT ", now!(), ", ?1, ?2, ?3, value, ?4, ?5, ?6 FROM json_each(?7) ORDER BY key" },
    stat: "INSERT INTO jobs_stat (period, starts_at, worker_id, total, by_job) VALUES (?1, ?2, ?3, ?4, ?5)
           ON CONFLICT (period, starts_at, worker_id) DO UPDATE SET total = excluded.total, by_job = excluded.by_job",
    advance: concat! { "UPDATE jobs_job
              SET scheduled_at = ", before!("scheduled_at", "?1"), "
              WHERE status = 0" },
    unique: Unique {
        insert: InsertUnique::Steps {
            jobs: Insert::Rows(InsertJobs { mixed: INSERT, uniform: INSERT_UNIQUE_UNIFORM }, Ids::UpToLast),
            acquire_range: Some(
                concat! { "INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
                 SELECT unique_key, id, version, ", held_until!("?3"), "
                 FROM jobs_job WHERE id BETWEEN ?1 AND ?2 ORDER BY unique_key
                 ON CONFLICT DO NOTHING" },
            ),
        },
        // Without a time, all of it is NULL.
        acquire: Acquire::Json(
            concat! { "INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
             SELECT value ->> 'unique_key', value ->> 'job_id', value ->> 'version',
                    ", held_until!("(value ->> 'within_ms')"), "
             FROM json_each(?1) WHERE TRUE
             ON CONFLICT DO NOTHING" },
        ),
        // In the caller's transaction, a write after a read may be refused.
        holder_if_certain: None,
        holders: concat! { "SELECT unique_key, job_id, version,
                         COALESCE(expires_at > ", now!(), ", FALSE) AS is_open,
                         FALSE AS may_be_old
                  FROM jobs_unique WHERE unique_key IN (", values!("?1"), ")" },
        jobs: HOLDING_JOBS,
        locked_jobs: HOLDING_JOBS,
        release: "DELETE FROM jobs_unique
               WHERE (unique_key, job_id, COALESCE(version, -1)) IN (
                   SELECT value ->> 'unique_key', value ->> 'job_id', COALESCE(value ->> 'version', -1) FROM json_each(?1))",
        keep: "UPDATE jobs_unique SET version = kept.kept_version
               FROM (SELECT value ->> 'unique_key' AS kept_key, value ->> 'job_id' AS kept_by, value ->> 'version' AS kept_version
                     FROM json_each(?1)) AS kept
               WHERE unique_key = kept.kept_key AND job_id = kept.kept_by",
        replace: concat! { "UPDATE jobs_job
                  SET scheduled_at = ", due_at!("?1", "?2"), ",
                      parameters = ?3, limit_key = ?4, version = version + 1
                  WHERE id = ?5 AND version = ?6 AND status = 0" },
        left: concat! { "SELECT unique_key FROM jobs_unique
               WHERE version IS NULL AND (expires_at IS NULL OR expires_at <= ", now!(), ") LIMIT ?1" },
        sweep: concat!("DELETE FROM jobs_unique WHERE unique_key IN (", values!("?1"), ")"),
    },
    cron: cron::CRON,
    by_id: str::to_owned,
    by_ids: |update| format!(concat!("{update} WHERE id IN (", values!("?1"), ")"), update = update),
    insert_or_ignore: |insert| format!("{insert} ON CONFLICT DO NOTHING"),
};

const HOLDING_JOBS: &str =
    concat!("SELECT id, version, status, unique_while FROM jobs_job WHERE id IN (", values!("?1"), ")");

/// Inserts jobs. Their ids grow in the order of insertion, which is the batch's.
const INSERT: &str = concat! {
    "
INSERT INTO jobs_job (", new_columns_with_key!(), ")
SELECT value ->> 'name', value ->> 'queue', value ->> 'priority', value ->> 'max_attempts', value ->> 'max_attempts',
       value ->> 'timeout_ms', value ->> 'parameters', ", now!(), ",
       ", due_at!("value ->> 'at'", "value ->> 'delay_ms'"), ", ", given_columns!(member), ",
       value ->> 'unique_key', value ->> 'unique_while'
FROM json_each(?1) ORDER BY key"
};

/// The values of [`new_columns`] for jobs that differ only in their parameters.
macro_rules! uniform {
    () => {
        concat! {
            bound!(name), ", ", bound!(queue), ", ", bound!(priority), ", ", bound!(max_attempts), ", ", bound!(max_attempts), ", ",
            bound!(timeout_ms), ", value, ", now!(), ", ", due_at!(bound!(at), bound!(delay_ms)), ", ", given_columns!(bound)
        }
    };
}

const INSERT_UNIFORM: &str = concat! {
    "
INSERT INTO jobs_job (", new_columns!(), ")
SELECT ", uniform!(), "
FROM json_each(", bound!(parameters), ") ORDER BY key"
};

/// Inserts uniform jobs with keys. The `id` in `json_each` grows from one member of the object to the next.
const INSERT_UNIQUE_UNIFORM: &str = concat! {
    "
INSERT INTO jobs_job (", new_columns_with_key!(), ")
SELECT ", uniform!(), ", key, ", bound!(unique_while), "
FROM json_each(", bound!(parameters), ") ORDER BY id"
};

/// Takes the first due jobs of each pair: neither jobs that are not due nor names that are unknown here cost anything.
const CLAIM: &str = concat! { pairs!(), "
UPDATE jobs_job
SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = ?2,
    started_at = ", now!(), ", progress = 0, results = NULL
WHERE id IN (
    SELECT best.id
    FROM (SELECT first.id, first.attempt + 1 < first.max_attempts AND (first.attempt = 0 OR first.worker_id IS NOT NULL) AS may_wait,
                 row_number() OVER (ORDER BY first.priority, first.scheduled_at, first.id) AS rank
          FROM pairs JOIN jobs_job AS first ON first.id IN (
              SELECT id FROM jobs_job
              WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name = pairs.name AND limit_key = '-'
                AND scheduled_at <= ", now!(), "
              ORDER BY scheduled_at, id LIMIT ?4)
          WHERE pairs.name IN (", values!("?3"), ") AND pairs.name NOT IN (SELECT job_name FROM jobs_limit_use)
          ORDER BY first.priority, first.scheduled_at, first.id LIMIT ?4) AS best
    WHERE best.may_wait OR best.rank <= ?5)
  AND EXISTS (SELECT 1 FROM jobs_worker WHERE id = ?2)
RETURNING ", claimed_columns!() };

/// Writes plain successes. The version alone says that the job is running under this attempt.
const COMPLETE: &str = concat! { "
UPDATE jobs_job
SET version = version + 1, status = 4, finished_at = ", now!(), ", progress = 100,
    results = COALESCE(done.results, jobs_job.results)
FROM (SELECT value ->> 'id' AS done_id, value ->> 'version' AS done_version, value ->> 'results' AS results
      FROM json_each(?1)) AS done
WHERE id = done.done_id AND version = done.done_version" };

/// Reads the rows whose attempts still own their jobs. For the version, see `COMPLETE`: asking for the status would let the planner walk
/// the index of all running jobs.
const LOCK: &str = r"
SELECT job.id, job.version FROM json_each(?1) AS batch JOIN jobs_job AS job
  ON job.id = batch.value ->> 'id' AND job.version = batch.value ->> 'version'";

const HISTORY: &str = concat! { "
INSERT INTO jobs_attempt (job_id, attempt, version, worker, started_at, ended_at, how, error)
SELECT job.id, job.attempt, job.version, ended.value ->> 'worker', job.started_at, ", now!(), ",
       ended.value ->> 'how', ended.value ->> 'error'
FROM json_each(?1) AS ended JOIN jobs_job AS job ON job.id = ended.value ->> 'id'
WHERE ended.value ->> 'how' IS NOT NULL
ON CONFLICT DO NOTHING" };

const FINISH: &str = concat! { "
UPDATE jobs_job
SET version = version + 1,
    worker_id = ended.owner,
    status = CASE WHEN ended.status = 0 AND cancel_requested_at IS NOT NULL THEN 2 ELSE ended.status END,
    scheduled_at = CASE WHEN ended.status = 0 AND ended.delay_ms IS NOT NULL
                        THEN ", in_ms!("ended.delay_ms"), "
                        ELSE scheduled_at END,
    started_at = CASE WHEN ended.status = 0 AND cancel_requested_at IS NULL THEN NULL ELSE started_at END,
    finished_at = CASE WHEN ended.status = 0 AND cancel_requested_at IS NULL THEN NULL
                       ELSE ", now!(), " END,
    attempt = attempt + ended.attempt_change,
    max_attempts = max_attempts + ended.max_attempts_change,
    progress = COALESCE(ended.progress, jobs_job.progress),
    results = COALESCE(ended.results, jobs_job.results),
    last_error = COALESCE(ended.error, last_error)
FROM (SELECT value ->> 'id' AS ended_id, value ->> 'status' AS status, value ->> 'delay_ms' AS delay_ms,
             value ->> 'attempt_change' AS attempt_change, value ->> 'max_attempts_change' AS max_attempts_change,
             value ->> 'progress' AS progress, value ->> 'results' AS results, value ->> 'error' AS error,
             value ->> 'owner' AS owner
      FROM json_each(?1)) AS ended
WHERE id = ended.ended_id" };

const MESSAGES: &str = concat! { "
INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
SELECT value ->> 'job_id', value ->> 'attempt', value ->> 'version', value ->> 'number', value ->> 'level',
       ", before!("(value ->> 'age_ms')"), ", value ->> 'text'
FROM json_each(?1)
WHERE TRUE ON CONFLICT DO NOTHING" };

const REPORT: &str = r"
UPDATE jobs_job
SET progress = COALESCE(reported.progress, jobs_job.progress), results = COALESCE(reported.results, jobs_job.results)
FROM (SELECT value ->> 'id' AS reported_id, value ->> 'version' AS reported_version, value ->> 'progress' AS progress,
             value ->> 'results' AS results
      FROM json_each(?1)) AS reported
WHERE id = reported.reported_id AND version = reported.reported_version";

const NEWS: &str = concat! { "
SELECT asked.value ->> 'place', ", news_columns!(), "
FROM json_each(?1) AS asked JOIN jobs_job AS job ON job.id = asked.value ->> 'id'
LEFT JOIN jobs_message AS message ON message.rowid IN (
    SELECT rowid FROM jobs_message
    WHERE job_id = job.id AND (version, number) > (asked.value ->> 'version', asked.value ->> 'number')
    ORDER BY version, number LIMIT 100)" };
