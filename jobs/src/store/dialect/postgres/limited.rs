//! Claiming jobs whose number is limited.

use super::super::{Limited, LimitedClaim, Places};
use super::claim::{returned, walk};
use crate::store::row::claimed_columns;

/// A place's first job.
macro_rules! first {
    () => {
        "wait.ms AS wait_ms, scheduled_at FROM head
CROSS JOIN LATERAL (SELECT CEIL(EXTRACT(EPOCH FROM scheduled_at - statement_timestamp()) * 1000)::bigint AS ms) AS wait"
    };
}

/// Whether a job waits in the group whose key compares so with that of jobs without a limit.
macro_rules! has_key {
    ($compares:literal) => {
        concat! { "(SELECT limit_key FROM jobs_job
        WHERE status = 0 AND queue = $1 AND priority = known.priority AND name = known.name AND limit_key ", $compares, " '-'
        ORDER BY limit_key LIMIT 1) IS NOT NULL" }
    };
}

pub(super) const LIMITED: Limited = Limited {
    groups: concat!(walk!("$2", "EXISTS (SELECT 1 FROM jobs_limit_use WHERE job_name = name)"), " SELECT priority, name FROM known"),
    with_keys: concat! { walk!("$2", "NOT EXISTS (SELECT 1 FROM jobs_limit_use WHERE job_name = name)"), "
SELECT DISTINCT name FROM known WHERE ", has_key!("<"), " OR ", has_key!(">") },
    places: Places::Statement(PLACES),
    heads: concat! {
        "
WITH head AS (
    SELECT asked.ordinal, first.scheduled_at
    FROM json_to_recordset($2::json) AS asked (ordinal bigint, priority smallint, name text, limit_key text)
    CROSS JOIN LATERAL (
        SELECT scheduled_at FROM jobs_job
        WHERE status = 0 AND queue = $1 AND priority = asked.priority AND name = asked.name AND limit_key = asked.limit_key
        ORDER BY scheduled_at, id LIMIT 1) AS first
)
SELECT ordinal, ", first!() },
    best_unlimited: concat! { walk!("$2", "NOT EXISTS (SELECT 1 FROM jobs_limit_use WHERE job_name = name)"), "
SELECT known.priority, first.scheduled_at
FROM known CROSS JOIN LATERAL (
    SELECT scheduled_at FROM jobs_job
    WHERE status = 0 AND queue = $1 AND priority = known.priority AND name = known.name AND limit_key = '-'
      AND scheduled_at <= statement_timestamp()
    ORDER BY scheduled_at, id LIMIT 1) AS first
ORDER BY known.priority, first.scheduled_at LIMIT 1" },
    // Counted place by place, with a limit: joined, the planner may choose to read all that is running for each.
    rooms: "
SELECT asked.ordinal, limits.counted_by,
       CASE WHEN asked.limit_key IS NULL AND limits.running IS NOT NULL THEN
           limits.running - (
               SELECT COUNT(*) FROM jobs_limit_use AS used CROSS JOIN LATERAL (
                   SELECT 1 FROM jobs_job WHERE status = 1 AND limit_key <> '-' AND name = used.job_name LIMIT limits.running) AS one
               WHERE used.scope = limits.scope)
       WHEN asked.limit_key IS NOT NULL AND limits.running_each IS NOT NULL THEN
           limits.running_each - (
               SELECT COUNT(*) FROM jobs_limit_use AS used CROSS JOIN LATERAL (
                   SELECT 1 FROM jobs_job
                   WHERE status = 1 AND limit_key <> '-' AND name = used.job_name AND limit_key = asked.limit_key
                   LIMIT limits.running_each) AS one
               WHERE used.scope = limits.scope)
       END AS room
FROM json_to_recordset($1::json) AS asked (ordinal bigint, scope text, limit_key text)
JOIN jobs_limit AS limits ON limits.scope = asked.scope",
    lock: Some(
        "SELECT stripe FROM jobs_limit_lock
         WHERE stripe = ANY(ARRAY(SELECT value::smallint FROM json_array_elements_text($1::json)))
         ORDER BY stripe FOR UPDATE SKIP LOCKED",
    ),
    claim: LimitedClaim::Statement(CLAIM),
    // The payload is the name and the key, one in each line: names have no control characters.
    wake: Some("SELECT pg_notify('jobs_limit', name || E'\\n' || limit_key)
         FROM json_to_recordset($1::json) AS ended (name text, limit_key text)
         WHERE EXISTS (SELECT 1 FROM jobs_worker
                       WHERE expires_at > statement_timestamp() AND asleep IS NOT NULL AND jsonb_exists(serves -> 'names', name))"),
};

/// Locks the first due jobs of each place, as many as there is room for. A job whose key has changed meanwhile is left out.
const CLAIM: &str = concat! { "
WITH asked AS MATERIALIZED (
    SELECT * FROM json_to_recordset($3::json) AS asked (priority smallint, name text, limit_key text, take bigint)
)
UPDATE jobs_job
SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = $2, started_at = statement_timestamp(),
    progress = 0, results = NULL
WHERE ctid = ANY(ARRAY(
    SELECT first.ctid
    FROM asked CROSS JOIN LATERAL (
        SELECT ctid, id FROM jobs_job
        WHERE status = 0 AND queue = $1 AND priority = asked.priority AND name = asked.name AND limit_key = asked.limit_key
          AND scheduled_at <= statement_timestamp() AND ($4 OR (attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL)))
        ORDER BY scheduled_at, id LIMIT asked.take FOR UPDATE SKIP LOCKED) AS first
    WHERE CASE WHEN first.id > 0 THEN EXISTS (SELECT 1 FROM jobs_worker WHERE id = $2 FOR KEY SHARE) END))
RETURNING ", claimed_columns!(returned) };

const PLACES: &str = concat! { "
WITH RECURSIVE head AS (
    (SELECT limit_key, scheduled_at, 1 AS number FROM jobs_job
     WHERE status = 0 AND queue = $1 AND priority = $2 AND name = $3 AND limit_key >= $4
     ORDER BY limit_key, scheduled_at, id LIMIT 1)
    UNION ALL
    SELECT next.limit_key, next.scheduled_at, head.number + 1
    FROM head CROSS JOIN LATERAL (
        SELECT limit_key, scheduled_at FROM jobs_job
        WHERE status = 0 AND queue = $1 AND priority = $2 AND name = $3 AND limit_key > head.limit_key
        ORDER BY limit_key, scheduled_at, id LIMIT 1) AS next
    WHERE head.number < $5
)
SELECT limit_key, ", first!() };
