//! PostgreSQL. Times are `statement_timestamp()`: indexable, and not frozen in the caller's transaction.

mod claim;
mod cron;
mod fragments;
mod insert;
mod limited;
mod waiting;

use sea_orm::DbBackend;

use super::{Acquire, Batch, Beat, Dialect, Ids, Insert, InsertJobs, InsertUnique, Unique};
use crate::store::row::news_columns;
use fragments::{ids, insert_messages, is_soon, sleeps_on, texts, wake_sleepers};
use insert::{INSERT, INSERT_UNIFORM, INSERT_UNIQUE, INSERT_UNIQUE_UNIFORM};
use waiting::{DEPTHS, DUE_GROUPS, LOOK};

pub(super) static DIALECT: Dialect = Dialect {
    backend: DbBackend::Postgres,
    clock: "statement_timestamp()",
    notify: Some("SELECT pg_notify($1, $2)"),
    notify_all: Some(concat!("SELECT pg_notify($1, value) FROM (", texts!("$2"), ") AS payloads")),
    row_locks: true,
    locks_gaps: false,
    insert: Insert::Rows(InsertJobs { mixed: INSERT, uniform: INSERT_UNIFORM }, Ids::Returned),
    claim: claim::CLAIM,
    limited: limited::LIMITED,
    look: LOOK,
    due_groups: DUE_GROUPS,
    depths: DEPTHS,
    of_groups: "(queue, priority, name) IN (
                    SELECT queue, priority, name
                    FROM json_to_recordset($1::json) AS groups (queue text, priority smallint, name text))",
    complete: COMPLETE,
    progress: None,
    finish: Batch::Statement(FINISH),
    report: Batch::Statement(REPORT),
    join: Insert::One(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves)
         VALUES ($1, $2, $3, statement_timestamp(), statement_timestamp(),
                 statement_timestamp() + $4 * interval '1 millisecond', $5::jsonb)
         RETURNING id",
    ),
    beat: Beat::Statement(BEAT),
    has_orphans: HAS_ORPHANS,
    lock_one: "SELECT id FROM jobs_job WHERE id = $1 FOR UPDATE SKIP LOCKED",
    hold: "SELECT job.id, job.queue, job.status, job.awaited, job.unique_key
           FROM jobs_job AS job JOIN json_to_recordset($1::json) AS seen (id bigint, version bigint)
             ON seen.id = job.id AND seen.version = job.version
           ORDER BY job.id FOR UPDATE OF job SKIP LOCKED",
    expired: "SELECT id FROM jobs_job
              WHERE status = $1 AND status >= 2 AND finished_at < statement_timestamp() - $2 * interval '1 millisecond'
              ORDER BY finished_at LIMIT (SELECT $3::bigint) FOR UPDATE SKIP LOCKED",
    delete: &[
        concat! { "UPDATE jobs_unique SET version = NULL
         WHERE ctid = ANY(ARRAY(
             SELECT jobs_unique.ctid
             FROM jobs_job
             JOIN jobs_unique ON jobs_unique.unique_key = jobs_job.unique_key AND jobs_unique.job_id = jobs_job.id
             WHERE jobs_job.id = ANY(ARRAY(", ids!("$1"), "))
             ORDER BY jobs_unique.unique_key FOR UPDATE OF jobs_unique))" },
        concat!("DELETE FROM jobs_message WHERE job_id IN (", ids!("$1"), ")"),
        concat!("DELETE FROM jobs_attempt WHERE job_id IN (", ids!("$1"), ")"),
    ],
    delete_jobs: concat!("DELETE FROM jobs_job WHERE id IN (", ids!("$1"), ")"),
    mark_awaited: Some(
        concat! { "UPDATE jobs_job SET awaited = TRUE
         WHERE id = ANY(ARRAY(
             SELECT id FROM jobs_job
             WHERE id = ANY(ARRAY(", ids!("$1"), "))
               AND status < 2 AND NOT awaited
             ORDER BY id FOR UPDATE SKIP LOCKED))" },
    ),
    statuses: concat!("SELECT id, status FROM jobs_job WHERE id = ANY(ARRAY(", ids!("$1"), "))"),
    news: NEWS,
    audit: concat! { "INSERT INTO jobs_audit (at, principal, origin, action, job_id, subject, operation, changed)
            SELECT statement_timestamp(), $1, $2, $3, value, $4, $5, $6::text::json FROM (", ids!("$7"), ") AS jobs" },
    stat: "INSERT INTO jobs_stat (period, starts_at, worker_id, total, by_job) VALUES ($1, $2, $3, $4::text::json, $5::text::json)
           ON CONFLICT (period, starts_at, worker_id) DO UPDATE SET total = excluded.total, by_job = excluded.by_job",
    advance: "UPDATE jobs_job SET scheduled_at = scheduled_at - $1 * interval '1 millisecond' WHERE status = 0",
    unique: Unique {
        insert: InsertUnique::Statement(InsertJobs { mixed: INSERT_UNIQUE, uniform: INSERT_UNIQUE_UNIFORM }),
        acquire: Acquire::Json(
            "INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
             SELECT unique_key, job_id, version, statement_timestamp() + within_ms * interval '1 millisecond'
             FROM json_to_recordset($1::json) AS new (unique_key text, job_id bigint, version bigint, within_ms bigint)
             ORDER BY unique_key COLLATE \"C\"
             ON CONFLICT DO NOTHING",
        ),
        holder_if_certain: None,
        holders: concat! { "SELECT unique_key, job_id, version, COALESCE(expires_at > statement_timestamp(), FALSE) AS is_open,
                         current_setting('transaction_isolation') <> 'read committed' AS may_be_old
                  FROM jobs_unique
                  WHERE unique_key = ANY(ARRAY(", texts!("$1"), "))" },
        jobs: concat! { "SELECT id, version, status, unique_while FROM jobs_job
               WHERE id = ANY(ARRAY(", ids!("$1"), "))" },
        locked_jobs: concat! { "SELECT id, version, status, unique_while FROM jobs_job
                      WHERE id = ANY(ARRAY(", ids!("$1"), "))
                      ORDER BY id FOR UPDATE" },
        // Locked in order before they are deleted: a `DELETE … USING` locks them in any order.
        release: "DELETE FROM jobs_unique
               WHERE ctid = ANY(ARRAY(
                   SELECT jobs_unique.ctid
                   FROM json_to_recordset($1::json) AS seen (unique_key text, job_id bigint, version bigint)
                   JOIN jobs_unique ON jobs_unique.unique_key = seen.unique_key AND jobs_unique.job_id = seen.job_id
                    AND jobs_unique.version IS NOT DISTINCT FROM seen.version
                   ORDER BY jobs_unique.unique_key FOR UPDATE OF jobs_unique))",
        keep: "UPDATE jobs_unique SET version = kept.version
               FROM (SELECT jobs_unique.ctid AS place, seen.version
                     FROM json_to_recordset($1::json) AS seen (unique_key text, job_id bigint, version bigint)
                     JOIN jobs_unique ON jobs_unique.unique_key = seen.unique_key AND jobs_unique.job_id = seen.job_id
                     ORDER BY jobs_unique.unique_key FOR UPDATE OF jobs_unique) AS kept
               WHERE jobs_unique.ctid = kept.place",
        replace: "UPDATE jobs_job
                  SET scheduled_at = COALESCE($1::text::timestamptz,
                                              statement_timestamp() + COALESCE($2::bigint, 0) * interval '1 millisecond'),
                      parameters = $3::text::json, limit_key = $4, version = version + 1
                  WHERE id = $5 AND version = $6 AND status = 0",
        left: "SELECT unique_key FROM jobs_unique
               WHERE version IS NULL AND (expires_at IS NULL OR expires_at <= statement_timestamp())
               LIMIT $1 FOR UPDATE SKIP LOCKED",
        sweep: "DELETE FROM jobs_unique WHERE unique_key IN (SELECT json_array_elements_text($1::json))",
    },
    cron: cron::CRON,
    by_id: str::to_owned,
    by_ids: |update| format!(concat!("{update} WHERE id = ANY(ARRAY(", ids!("$1"), "))"), update = update),
    insert_or_ignore: |insert| format!("{insert} ON CONFLICT DO NOTHING"),
};

/// Looks between the workers: among their own entries in the index are many that are outdated and can't be removed yet, because what they
/// execute has only just ended. A statement that steps over all of them takes long, and while it lasts, no outdated entry can be removed.
/// The order keeps the planner from reading the table, with all closed jobs, because it expects to find a row soon.
const HAS_ORPHANS: &str = "(
EXISTS (SELECT 1 FROM jobs_job WHERE status = 1 AND worker_id IS NULL)
OR (SELECT worker_id FROM jobs_job
    WHERE status = 1 AND worker_id > COALESCE((SELECT MAX(id) FROM jobs_worker), 0)
    ORDER BY worker_id LIMIT 1) IS NOT NULL
OR EXISTS (
    SELECT 1 FROM (SELECT id, LAG(id, 1, 0::bigint) OVER (ORDER BY id) AS previous FROM jobs_worker) AS worker
    WHERE (SELECT worker_id FROM jobs_job
           WHERE status = 1 AND worker_id > worker.previous AND worker_id < worker.id
           ORDER BY worker_id LIMIT 1) IS NOT NULL))";

/// Writes plain successes. The version alone says that the job is running under this attempt; asking for the status too would let the
/// planner walk the index of all running jobs. Rows are locked one by one, in the order of the batch, then written by `ctid`. The results
/// are found by their ids in one `jsonb` of texts; the text is stored.
const COMPLETE: &str = r"
WITH done AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS done (id bigint, version bigint, results text)
), own AS MATERIALIZED (
    SELECT job.ctid, job.id, done.version, job.awaited
    FROM done CROSS JOIN LATERAL (
        SELECT ctid, id, awaited FROM jobs_job
        WHERE id = done.id AND version = done.version FOR UPDATE SKIP LOCKED) AS job
), told AS (
    SELECT count(pg_notify('jobs_finish', id::text)) AS jobs FROM own WHERE awaited
)
UPDATE jobs_job
SET version = version + 1, status = 4, finished_at = statement_timestamp(), progress = 100,
    results = COALESCE(((SELECT jsonb_object_agg(id, done.results) FROM done JOIN own USING (id, version)
                         WHERE done.results IS NOT NULL) ->> (id::text))::json, results)
WHERE ctid = ANY(ARRAY(SELECT ctid FROM own)) AND (SELECT jobs FROM told) >= 0";

/// Writes ends of attempts. For the version, see `COMPLETE`. Rows are locked in order before they are written: an `UPDATE … FROM` alone
/// deadlocks on overlapping sets.
const FINISH: &str = concat! {
    "
WITH ended AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS ended (
        id bigint, version bigint, status smallint, delay_ms bigint, attempt_change integer, max_attempts_change integer,
        progress smallint, results text, how text, error text, worker text, owner bigint)
), own AS MATERIALIZED (
    SELECT job.id, job.version, job.attempt, job.started_at
    FROM jobs_job AS job JOIN ended ON ended.id = job.id AND ended.version = job.version
    ORDER BY job.id FOR UPDATE OF job SKIP LOCKED
), history AS (
    INSERT INTO jobs_attempt (job_id, attempt, version, worker, started_at, ended_at, how, error)
    SELECT own.id, own.attempt, ended.version, ended.worker, own.started_at, statement_timestamp(), ended.how, ended.error
    FROM own JOIN ended USING (id, version) WHERE ended.how IS NOT NULL
    ON CONFLICT DO NOTHING
), ",
    insert_messages!("$2"),
    ", finished AS (
UPDATE jobs_job AS job
SET version = job.version + 1,
    worker_id = ended.owner,
    status = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NOT NULL THEN 2 ELSE ended.status END,
    scheduled_at = CASE WHEN ended.status = 0 AND ended.delay_ms IS NOT NULL
                        THEN statement_timestamp() + ended.delay_ms * interval '1 millisecond' ELSE job.scheduled_at END,
    started_at = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NULL THEN NULL ELSE job.started_at END,
    finished_at = CASE WHEN ended.status = 0 AND job.cancel_requested_at IS NULL THEN NULL ELSE statement_timestamp() END,
    attempt = job.attempt + ended.attempt_change,
    max_attempts = job.max_attempts + ended.max_attempts_change,
    progress = COALESCE(ended.progress, job.progress),
    results = COALESCE(ended.results::json, job.results),
    last_error = COALESCE(ended.error, job.last_error)
FROM own JOIN ended USING (id, version)
WHERE job.id = own.id
RETURNING job.id, ended.version, job.status, job.awaited, job.queue, job.scheduled_at
), told AS (
    SELECT count(pg_notify('jobs_finish', id::text)) AS jobs FROM finished WHERE awaited AND status >= 2
), ",
    wake_sleepers!("due.queue", concat!("SELECT DISTINCT queue FROM finished WHERE status = 0 AND ", is_soon!("scheduled_at"))),
    "
SELECT id, version FROM finished WHERE (SELECT jobs FROM told) + (SELECT queues FROM woken) >= 0"
};

const REPORT: &str = concat! {
    "
WITH reported AS MATERIALIZED (
    SELECT * FROM json_to_recordset($1::json) AS reported (id bigint, version bigint, progress smallint, results text)
), own AS MATERIALIZED (
    SELECT job.id, job.version
    FROM jobs_job AS job JOIN reported ON reported.id = job.id AND reported.version = job.version
    ORDER BY job.id FOR UPDATE OF job SKIP LOCKED
), ",
    insert_messages!("$2"),
    ", written AS (
    UPDATE jobs_job AS job
    SET progress = COALESCE(reported.progress, job.progress), results = COALESCE(reported.results::json, job.results)
    FROM own JOIN reported USING (id, version)
    WHERE job.id = own.id AND (reported.progress IS NOT NULL OR reported.results IS NOT NULL)
)
SELECT id, version FROM own"
};

const NEWS: &str = concat! { "
SELECT asked.place, ", news_columns!(), "
FROM json_to_recordset($1::json) AS asked (place bigint, id bigint, version bigint, number bigint)
JOIN jobs_job AS job ON job.id = asked.id
LEFT JOIN LATERAL (
    SELECT * FROM jobs_message
    WHERE job_id = asked.id AND (version, number) > (asked.version, asked.number)
    ORDER BY version, number LIMIT 100) AS message ON TRUE" };

const BEAT: &str = r"
WITH beat AS (
    UPDATE jobs_worker
    SET last_seen_at = statement_timestamp(), expires_at = statement_timestamp() + $1 * interval '1 millisecond',
        resumed_at = CASE WHEN expires_at < statement_timestamp() THEN statement_timestamp() ELSE resumed_at END
    WHERE id = $2 RETURNING id
)
SELECT job.id, job.version, job.cancel_requested_at
FROM beat LEFT JOIN jobs_job AS job ON job.worker_id = beat.id AND job.status = 1";
