//! Claiming: due jobs whose number is not limited, best first.

use super::super::{Claim, FromCursor};
use crate::store::row::claimed_columns;

/// A claimed job's column, as it is read.
macro_rules! returned {
    (parameters) => {
        "parameters::text"
    };
    ($column:ident) => {
        stringify!($column)
    };
}

/// Walks the few distinct (priority, name) pairs that wait in the queue, one index probe each: neither jobs that are not due nor
/// names that are unknown here cost anything. `$known` says which of these names are meant.
macro_rules! walk {
    ($names:literal, $known:literal) => {
        concat! {
            r"
WITH RECURSIVE pairs AS (
    (SELECT priority, name FROM jobs_job WHERE status = 0 AND queue = $1 ORDER BY priority, name LIMIT 1)
    UNION ALL
    SELECT next.priority, next.name
    FROM pairs CROSS JOIN LATERAL (
        SELECT priority, name FROM jobs_job
        WHERE status = 0 AND queue = $1 AND (priority, name) > (pairs.priority, pairs.name)
        ORDER BY priority, name LIMIT 1) AS next
), known AS (
    SELECT priority, name FROM pairs
    WHERE name = ANY(ARRAY(SELECT value FROM json_array_elements_text(",
            $names,
            "::json))) AND ",
            $known,
            "
)"
        }
    };
}

/// Locks the first due jobs of each group, and takes the best of all. By `ctid`: a row that was written meanwhile has moved, and is left
/// for the next claim. The planner does not know the limit: otherwise it may expect to get all rows, and sort them. `ANY(ARRAY(…))`
/// instead of a join: joined, large batches became a hash join over the whole table.
///
/// A worker whose row is gone claims nothing. The lock does not conflict with heartbeats: only a delete of the row waits. It is taken only
/// if there is a job, by a condition on the job's rank: otherwise each empty claim would write.
macro_rules! claim {
    ($($groups:expr),+) => {
        concat! {
            $($groups,)+
            r"
UPDATE jobs_job
SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = $2, started_at = statement_timestamp(),
    progress = 0, results = NULL
WHERE ctid = ANY(ARRAY(
    SELECT best.ctid
    FROM (SELECT first.ctid, first.may_wait, row_number() OVER (ORDER BY first.priority, first.scheduled_at, first.id) AS rank
          FROM groups CROSS JOIN LATERAL (
              SELECT ctid, id, priority, scheduled_at,
                     attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL) AS may_wait
              FROM jobs_job
              WHERE status = 0 AND queue = $1 AND priority = groups.priority AND name = groups.name AND limit_key = '-'
                AND scheduled_at >= groups.since AND scheduled_at <= statement_timestamp()
              ORDER BY scheduled_at, id LIMIT (SELECT $4::bigint) FOR UPDATE SKIP LOCKED) AS first
          ORDER BY first.priority, first.scheduled_at, first.id LIMIT $4) AS best
    WHERE (best.may_wait OR best.rank <= $5)
      AND CASE WHEN best.rank > 0 THEN EXISTS (SELECT 1 FROM jobs_worker WHERE id = $2 FOR KEY SHARE) END))
RETURNING ", claimed_columns!(returned)
        }
    };
}

pub(super) const CLAIM: Claim = Claim::Statement {
    all: claim!(
        walk!("$3", "NOT EXISTS (SELECT 1 FROM jobs_limit_use WHERE job_name = name)"),
        ", groups AS (SELECT priority, name, '-infinity'::timestamptz AS since FROM known)"
    ),
    from_cursor: Some(FromCursor {
        groups: concat!(
            walk!("$2", "NOT EXISTS (SELECT 1 FROM jobs_limit_use WHERE job_name = name)"),
            " SELECT priority, name FROM known"
        ),
        claim: claim!(
            r"
WITH groups AS MATERIALIZED (
    SELECT priority, name, COALESCE(since, '-infinity') AS since
    FROM json_to_recordset($3::json) AS given (priority smallint, name text, since timestamptz)
    WHERE NOT EXISTS (SELECT 1 FROM jobs_limit_use WHERE job_name = given.name)
)"
        ),
    }),
};

pub(super) use {returned, walk};
