//! MySQL and MariaDB. Updates have no `RETURNING` (on MySQL, no statement has), so rows to claim or finish are locked first, in a
//! transaction. Times are `UTC_TIMESTAMP(6)`, whatever the time zone of the server or session.
//!
//! Statements that write name the index: over a table with few rows, the planner prefers to scan it, and locks rows that others need.
//!
//! Waiting jobs are grouped by the index from its first column on, even if that is a constant: only then does MariaDB skip from group to
//! group instead of reading all waiting jobs.
//!
//! If the two servers differ, MariaDB reads what is in `/*M! … */`, and MySQL (8.0.1 or later) what is in `/*!80001 … */`.
//!
//! Assignments run from left to right and see the ones before them, so a column is read before it is written.

mod cron;
mod fragments;
mod limited;

use sea_orm::DbBackend;

use super::{Acquire, Batch, Beat, Claim, Dialect, Insert, InsertUnique, Turn, Unique};
use crate::store::row::{claimed_columns, given_columns, new_columns_with_key, news_columns};
use fragments::{before, bound, due_at, ids, in_ms, keys, names, now, text, turn};

/// A claimed job's column as it is read, including what the claim is about to write.
macro_rules! locked {
    (parameters) => {
        "CAST(parameters AS CHAR)"
    };
    (started_at) => {
        concat!(now!(), " AS started_at")
    };
    ($column:ident) => {
        stringify!($column)
    };
}
use locked;

pub(super) static DIALECT: Dialect = Dialect {
    backend: DbBackend::MySql,
    clock: now!(),
    notify: None,
    notify_all: None,
    row_locks: true,
    locks_gaps: true,
    insert: INSERT,
    claim: Claim::Steps {
        groups: concat! { "SELECT priority, name FROM (
                     SELECT priority, name, MIN(scheduled_at) AS first_due FROM jobs_job FORCE INDEX (jobs_job_waiting)
                     WHERE status = 0 AND queue = ? AND limit_key = '-' GROUP BY status, queue, priority, name) AS waiting
                 WHERE first_due <= ", now!(), "
                   AND name IN (SELECT known COLLATE utf8mb4_bin
                                FROM ", names!("known"), " AS names)
                   AND name NOT IN (SELECT job_name FROM jobs_limit_use)
                 ORDER BY priority, name" },
        lock: concat! { "SELECT ", claimed_columns!(locked), ",
                      attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL) AS may_wait
               FROM jobs_job FORCE INDEX (jobs_job_waiting)
               WHERE status = 0 AND queue = ? AND priority = ? AND name = ? AND limit_key = '-'
                 AND scheduled_at >= COALESCE(?, '1000-01-01') AND scheduled_at <= ", now!(), "
                 AND NOT EXISTS (SELECT 1 FROM jobs_limit_use WHERE job_name = jobs_job.name)
               ORDER BY scheduled_at, id LIMIT ? FOR UPDATE SKIP LOCKED" },
        own: concat! { "UPDATE ", ids!("claimed"), " AS c
              STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = c.claimed
              STRAIGHT_JOIN (SELECT id FROM jobs_worker FORCE INDEX (PRIMARY) WHERE id = ? LIMIT 1) AS claimer
              SET version = version + 1, attempt = attempt + 1, worker_id = claimer.id, started_at = ", now!(), ", progress = 0,
                  results = NULL, status = 1" },
        turn: Turn {
            take: concat!("SELECT COALESCE(GET_LOCK(", turn!(), ", 1), 0) = 1 AS is_ours"),
            end: concat!("DO RELEASE_LOCK(", turn!(), ")"),
        },
    },
    limited: limited::LIMITED,
    look: concat! { "SELECT queue,
                  CAST(CEIL(MIN(TIMESTAMPDIFF(MICROSECOND, ", now!(), ", first_due)) / 1000) AS SIGNED) AS wait_ms
           FROM (SELECT queue, priority, name, MIN(scheduled_at) AS first_due FROM jobs_job FORCE INDEX (jobs_job_waiting)
                 WHERE status = 0 AND limit_key = '-' GROUP BY status, queue, priority, name) AS waiting
           WHERE queue IN (SELECT served COLLATE utf8mb4_bin
                           FROM ", names!("served"), " AS queues)
             AND name IN (SELECT known COLLATE utf8mb4_bin
                          FROM ", names!("known"), " AS names)
             AND name NOT IN (SELECT job_name FROM jobs_limit_use)
           GROUP BY queue
           UNION ALL
           SELECT name, NULL FROM jobs_queue WHERE paused_at IS NOT NULL AND (paused_until IS NULL OR paused_until > ", now!(), ")" },
    due_groups: concat! { "SELECT queue, priority, name, MIN(first_due)
                 FROM (SELECT queue, priority, name, MIN(scheduled_at) AS first_due FROM jobs_job FORCE INDEX (jobs_job_waiting)
                       WHERE status = 0 GROUP BY status, queue, priority, name, limit_key) AS waiting
                 WHERE first_due <= ", now!(), "
                 GROUP BY queue, priority, name" },
    depths: concat! { "SELECT waiting.queue, 0 AS status, waiting.first_due, ", now!(), " AS now,
                  CASE WHEN (SELECT 1 FROM jobs_job FORCE INDEX (jobs_job_waiting)
                             WHERE status = 0 AND queue = waiting.queue LIMIT 1 OFFSET ?) IS NULL
                       THEN (SELECT COUNT(*) FROM jobs_job FORCE INDEX (jobs_job_waiting)
                             WHERE status = 0 AND queue = waiting.queue) END AS jobs
           FROM (SELECT queue, MIN(first_due) AS first_due
                 FROM (SELECT queue, priority, name, MIN(scheduled_at) AS first_due FROM jobs_job FORCE INDEX (jobs_job_waiting)
                       WHERE status = 0 GROUP BY status, queue, priority, name, limit_key) AS groups_of_queues
                 GROUP BY queue) AS waiting
           UNION ALL
           SELECT queue, status, NULL, ", now!(), ", COUNT(*) FROM jobs_job WHERE status = 1 GROUP BY queue, status" },
    of_groups: concat! { "(queue, priority, name) IN (
                    SELECT group_queue COLLATE utf8mb4_bin, group_priority, group_name COLLATE utf8mb4_bin
                    FROM JSON_TABLE(?, '$[*]' COLUMNS (", text!("group_queue", "VARCHAR(200)", "queue"), ",
                                                       group_priority SMALLINT PATH '$.priority',
                                                       ", text!("group_name", "VARCHAR(200)", "name"), ")) AS wanted)" },
    complete: COMPLETE,
    progress: Some(REPORT),
    finish: Batch::Steps { lock: LOCK, history: Some(HISTORY), own: FINISH, messages: MESSAGES },
    report: Batch::Steps { lock: LOCK, history: None, own: REPORT, messages: MESSAGES },
    join: Insert::Values {
        into: "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves) VALUES ",
        row: concat!("(?, ?, ?, ", now!(), ", ", now!(), ", ", in_ms!("?"), ", ?)"),
        due_now: None,
        if_committed: None,
        id_step: ID_STEP,
        chunks: &[1],
    },
    beat: Beat::Update(concat! { "UPDATE jobs_worker
           SET resumed_at = CASE WHEN expires_at < ", now!(), " THEN ", now!(), " ELSE resumed_at END,
                  last_seen_at = ", now!(), ",
                  expires_at = ", in_ms!("?"), "
           WHERE id = ?" }, "SELECT id, version, cancel_requested_at FROM jobs_job FORCE INDEX (jobs_job_running)
           WHERE status = 1 AND worker_id = ?"),
    has_orphans: "EXISTS (SELECT 1 FROM jobs_job FORCE INDEX (jobs_job_running)
                  WHERE status = 1 AND NOT EXISTS (SELECT 1 FROM jobs_worker WHERE jobs_worker.id = jobs_job.worker_id))",
    lock_one: "SELECT id FROM jobs_job WHERE id = ? FOR UPDATE SKIP LOCKED",
    hold: "SELECT job.id, job.queue, job.status, FALSE AS awaited, job.unique_key
           FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$.id', version BIGINT PATH '$.version')) AS seen
           STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = seen.id AND job.version = seen.version
           FOR UPDATE /*!80001 OF job */ SKIP LOCKED",
    expired: concat! { "SELECT id FROM jobs_job
              WHERE status = ? AND status >= 2 AND finished_at < ", before!("?"), "
              ORDER BY finished_at LIMIT ? FOR UPDATE SKIP LOCKED" },
    delete: &[
        // The limit keeps the order of the keys, which is that of the locks.
        concat! { "UPDATE (SELECT jobs_job.id, jobs_job.unique_key
                   FROM ", ids!("doomed"), " AS d STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = d.doomed
                   WHERE jobs_job.unique_key IS NOT NULL
                   ORDER BY jobs_job.unique_key LIMIT 1000000) AS had
           STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY)
             ON jobs_unique.unique_key = had.unique_key AND jobs_unique.job_id = had.id
           SET jobs_unique.version = NULL" },
        concat! { "DELETE jobs_message FROM ", ids!("doomed"), " AS d
        STRAIGHT_JOIN jobs_message FORCE INDEX (PRIMARY) ON jobs_message.job_id = d.doomed" },
        concat! { "DELETE jobs_attempt FROM ", ids!("doomed"), " AS d
        STRAIGHT_JOIN jobs_attempt FORCE INDEX (PRIMARY) ON jobs_attempt.job_id = d.doomed" },
    ],
    delete_jobs: concat! { "DELETE jobs_job FROM ", ids!("doomed"), " AS d
    STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = d.doomed" },
    mark_awaited: None,
    statuses: concat! { "SELECT jobs_job.id, jobs_job.status
    FROM ", ids!("wanted"), " AS w JOIN jobs_job ON jobs_job.id = w.wanted" },
    news: NEWS,
    audit: concat! { "INSERT INTO jobs_audit (at, principal, origin, action, job_id, subject, operation, changed)
    SELECT ", now!(), ", ?, ?, ?, job, ?, ?, ? FROM ", ids!("job"), " AS jobs" },
    stat: "INSERT INTO jobs_stat (period, starts_at, worker_id, total, by_job) VALUES (?, ?, ?, ?, ?)
           ON DUPLICATE KEY UPDATE total = VALUES(total), by_job = VALUES(by_job)",
    advance: "UPDATE jobs_job SET scheduled_at = scheduled_at - INTERVAL ? * 1000 MICROSECOND WHERE status = 0",
    unique: Unique {
        insert: InsertUnique::Steps { jobs: INSERT, acquire_range: None },
        // Setting the version to itself locks the row: otherwise two transactions that find that no one holds the key would deadlock.
        acquire: Acquire::Values {
            into: "INSERT INTO jobs_unique (unique_key, job_id, version, expires_at) VALUES ",
            row: concat!("(?, ?, ?, ", in_ms!("?"), ")"),
            or_ignore: " ON DUPLICATE KEY UPDATE version = jobs_unique.version + 0 * LAST_INSERT_ID(1)",
            chunks: CHUNKS,
        },
        holder_if_certain: Some(concat! { "SELECT held.unique_key, held.job_id
             FROM jobs_unique AS held JOIN jobs_job AS job ON job.id = held.job_id
             WHERE held.unique_key = ? AND (held.expires_at > ", now!(), " OR job.unique_while & (1 << job.status) <> 0)" }),
        // The rows are locked already. Without the lock, a transaction that began earlier would see who had them then.
        holders: concat! { "SELECT unique_key, job_id, version, COALESCE(expires_at > ", now!(), ", FALSE) AS is_open, TRUE AS may_be_old
                  FROM ", keys!("wanted"), " AS w
                  STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY) ON unique_key = w.wanted COLLATE utf8mb4_bin FOR UPDATE /*!80001 OF jobs_unique */" },
        jobs: concat! { "SELECT id, version, status, unique_while
               FROM ", ids!("holding"), " AS h
               STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = h.holding" },
        locked_jobs: concat! { "SELECT id, version, status, unique_while
                      FROM ", ids!("holding"), " AS h
                      STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = h.holding FOR UPDATE /*!80001 OF jobs_job */" },
        release: concat! { "DELETE jobs_unique
               FROM JSON_TABLE(?, '$[*]' COLUMNS (
                        ", text!("seen", "VARCHAR(64)", "unique_key"), ", by_job BIGINT PATH '$.job_id',
                        at_version BIGINT PATH '$.version')) AS s
               STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY)
                 ON jobs_unique.unique_key = s.seen COLLATE utf8mb4_bin AND jobs_unique.job_id = s.by_job
                AND jobs_unique.version <=> s.at_version" },
        keep: concat! { "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
                        ", text!("kept", "VARCHAR(64)", "unique_key"), ", by_job BIGINT PATH '$.job_id',
                        at_version BIGINT PATH '$.version')) AS k
               STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY)
                 ON jobs_unique.unique_key = k.kept COLLATE utf8mb4_bin AND jobs_unique.job_id = k.by_job
               SET jobs_unique.version = k.at_version" },
        replace: concat! { "UPDATE jobs_job FORCE INDEX (PRIMARY)
                  SET scheduled_at = ", due_at!(), ",
                      parameters = ?, limit_key = ?, version = version + 1
                  WHERE id = ? AND version = ? AND status = 0" },
        left: concat! { "SELECT unique_key FROM jobs_unique FORCE INDEX (jobs_unique_left)
        WHERE version IS NULL AND (expires_at IS NULL OR expires_at <= ", now!(), ") LIMIT ? FOR UPDATE SKIP LOCKED" },
        sweep: concat! { "DELETE jobs_unique
                FROM ", keys!("swept"), " AS s
                STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY) ON jobs_unique.unique_key = s.swept COLLATE utf8mb4_bin" },
    },
    cron: cron::CRON,
    by_id: |update| update.replacen("UPDATE `jobs_job`", "UPDATE `jobs_job` FORCE INDEX (PRIMARY)", 1),
    by_ids: |update| {
        let these = concat! { "UPDATE ", ids!("changed"), " AS c
        STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = c.changed" };
        update.replacen("UPDATE `jobs_job`", these, 1)
    },
    insert_or_ignore: |insert| insert.replacen("INSERT", "INSERT IGNORE", 1),
};

/// The lengths of `VALUES` lists: few, so that few statements have to be prepared.
const CHUNKS: &[usize] = &[1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1];

const INSERT: Insert = Insert::Values {
    into: concat!("INSERT INTO jobs_job (", new_columns_with_key!(), ") VALUES "),
    row: concat! { "(?, ?, ?, ?, ?, ?, ?, ", now!(), ",
    ", due_at!(), ", ", given_columns!(bound), ", ?, ?)" },
    due_now: Some(concat!("(?, ?, ?, ?, ?, ?, ?, ", now!(), ", ", now!(), ", ", given_columns!(bound), ", ?, ?)")),
    if_committed: Some((now!(), concat!("IF(@@autocommit, ", now!(), ", NULL)"))),
    id_step: ID_STEP,
    chunks: CHUNKS,
};

const ID_STEP: &str = "SELECT CAST(@@auto_increment_increment AS SIGNED)";

const LOCK: &str = r"
SELECT job.id, job.version
FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$.id', version BIGINT PATH '$.version')) AS batch
STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = batch.id AND job.version = batch.version
WHERE job.status = 1 FOR UPDATE /*!80001 OF job */ SKIP LOCKED";

const HISTORY: &str = concat! { "
INSERT IGNORE INTO jobs_attempt (job_id, attempt, version, worker, started_at, ended_at, how, error)
SELECT job.id, job.attempt, job.version, ended.worker, job.started_at, ", now!(), ", ended.how, ended.error
FROM JSON_TABLE(?, '$[*]' COLUMNS (id BIGINT PATH '$.id', ", text!("how", "VARCHAR(20)"), ",
                                   ", text!("error", "LONGTEXT"), ",
                                   ", text!("worker", "VARCHAR(200)"), ")) AS ended
STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = ended.id
WHERE ended.how IS NOT NULL" };

/// Never waits for a locked row: MariaDB fails at once, MySQL skips it (the limit keeps the planner from merging the inner query, and from
/// locking by the outer one alone). Rows that were not written are written in steps.
const COMPLETE: &str = concat! { "
/*M! SET STATEMENT innodb_lock_wait_timeout = 0 FOR */
UPDATE /*!80001 (SELECT done.* FROM */ JSON_TABLE(?, '$[*]' COLUMNS (
        id BIGINT PATH '$.id', version BIGINT PATH '$.version', ", text!("results", "LONGTEXT"), ")) AS done
/*!80001 STRAIGHT_JOIN jobs_job AS free FORCE INDEX (PRIMARY) ON free.id = done.id AND free.version = done.version
         LIMIT 10000 FOR UPDATE OF free SKIP LOCKED) AS done */
STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = done.id AND job.version = done.version
SET job.version = job.version + 1, job.status = 4, job.finished_at = ", now!(), ", job.progress = 100,
    job.results = COALESCE(done.results, job.results)" };

const FINISH: &str = concat! { "
UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
        id BIGINT PATH '$.id', status SMALLINT PATH '$.status', delay_ms BIGINT PATH '$.delay_ms',
        attempt_change INT PATH '$.attempt_change', max_attempts_change INT PATH '$.max_attempts_change',
        progress SMALLINT PATH '$.progress', ", text!("results", "LONGTEXT"), ",
        ", text!("error", "LONGTEXT"), ", owner BIGINT PATH '$.owner')) AS ended
STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = ended.id
SET job.version = job.version + 1,
    job.worker_id = ended.owner,
    job.scheduled_at = CASE WHEN ended.status = 0 AND ended.delay_ms IS NOT NULL
                            THEN ", in_ms!("ended.delay_ms"), " ELSE job.scheduled_at END,
    job.started_at = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NULL THEN NULL ELSE job.started_at END,
    job.finished_at = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NULL THEN NULL ELSE ", now!(), " END,
    job.attempt = job.attempt + ended.attempt_change,
    job.max_attempts = job.max_attempts + ended.max_attempts_change,
    job.progress = COALESCE(ended.progress, job.progress),
    job.results = COALESCE(ended.results, job.results),
    job.last_error = COALESCE(ended.error, job.last_error),
    job.status = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NOT NULL THEN 2 ELSE ended.status END" };

const MESSAGES: &str = concat! { "
INSERT IGNORE INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
SELECT job_id, attempt, version, number, level, ", before!("age_ms"), ", text
FROM JSON_TABLE(?, '$[*]' COLUMNS (
        job_id BIGINT PATH '$.job_id', attempt INT PATH '$.attempt', version BIGINT PATH '$.version', number BIGINT PATH '$.number',
        level SMALLINT PATH '$.level', age_ms BIGINT PATH '$.age_ms', ", text!("text", "LONGTEXT"), ")) AS message" };

const REPORT: &str = concat! { "
/*M! SET STATEMENT innodb_lock_wait_timeout = 0 FOR */
UPDATE /*!80001 (SELECT reported.* FROM */ JSON_TABLE(?, '$[*]' COLUMNS (
        id BIGINT PATH '$.id', version BIGINT PATH '$.version', progress SMALLINT PATH '$.progress',
        ", text!("results", "LONGTEXT"), ")) AS reported
/*!80001 STRAIGHT_JOIN jobs_job AS free FORCE INDEX (PRIMARY) ON free.id = reported.id AND free.version = reported.version
         LIMIT 10000 FOR UPDATE OF free SKIP LOCKED) AS reported */
STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = reported.id AND job.version = reported.version
SET job.progress = COALESCE(reported.progress, job.progress), job.results = COALESCE(reported.results, job.results)" };

/// The key of a message, (version, number), as one number.
macro_rules! key {
    ($message:literal) => {
        concat!("(", $message, ".version * 4294967296 + ", $message, ".number)")
    };
}

/// Joins the messages by the job alone: a range of keys that depends on another table is not searched by the index. So the last key, which the
/// index finds, tells first whether there is anything new. The limit keeps the planner from merging the inner query, and from
/// asking it for each message. If there is something new, all messages of the job are walked.
const NEWS: &str = concat! { "
SELECT asked.place, ", news_columns!(), "
FROM (
    SELECT known.place, known.id, known.job_id, known.after_key, COALESCE(
               (SELECT ", key!("next"), " FROM jobs_message AS next FORCE INDEX (PRIMARY)
                WHERE next.job_id = known.job_id AND ", key!("next"), " > known.after_key
                ORDER BY next.job_id, next.version, next.number LIMIT 99, 1), 9223372036854775807) AS last_key
    FROM (
        SELECT place.place, place.id, ", key!("place"), " AS after_key, CASE WHEN ", key!("place"), " <
                   (SELECT ", key!("said"), " FROM jobs_message AS said FORCE INDEX (PRIMARY)
                    WHERE said.job_id = place.id ORDER BY said.job_id DESC, said.version DESC, said.number DESC LIMIT 1)
               THEN place.id END AS job_id
        FROM JSON_TABLE(?, '$[*]' COLUMNS (
                place BIGINT PATH '$.place', id BIGINT PATH '$.id', version BIGINT PATH '$.version', number BIGINT PATH '$.number')) AS place
        LIMIT 1000000) AS known
    LIMIT 1000000) AS asked
STRAIGHT_JOIN jobs_job AS job FORCE INDEX (PRIMARY) ON job.id = asked.id
LEFT JOIN jobs_message AS message FORCE INDEX (PRIMARY)
  ON message.job_id = asked.job_id AND ", key!("message"), " > asked.after_key AND ", key!("message"), " <= asked.last_key" };
