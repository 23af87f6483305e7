//! Waiting jobs by queue. The few distinct groups of one queue, priority and name are walked, like by the claim.

use super::fragments::texts;

/// All groups, and if the number of their jobs is limited, all their keys.
macro_rules! all_groups {
    () => {
        "
WITH RECURSIVE groups AS (
    (SELECT queue, priority, name, limit_key FROM jobs_job WHERE status = 0 ORDER BY queue, priority, name, limit_key LIMIT 1)
    UNION ALL
    SELECT next.queue, next.priority, next.name, next.limit_key
    FROM groups CROSS JOIN LATERAL (
        SELECT queue, priority, name, limit_key FROM jobs_job
        WHERE status = 0 AND (queue, priority, name, limit_key) > (groups.queue, groups.priority, groups.name, groups.limit_key)
        ORDER BY queue, priority, name, limit_key LIMIT 1) AS next
)"
    };
}

/// The groups, with when their first jobs are due.
macro_rules! groups_with_first {
    ($limit_key:literal) => {
        concat! { "groups CROSS JOIN LATERAL (
    SELECT scheduled_at FROM jobs_job
    WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key = ", $limit_key, "
    ORDER BY scheduled_at, id LIMIT 1) AS first" }
    };
}

pub(super) const LOOK: &str = concat! { "
WITH RECURSIVE groups AS (
    SELECT served.value AS queue, next.priority, next.name
    FROM json_array_elements_text($1::json) AS served (value) CROSS JOIN LATERAL (
        SELECT priority, name FROM jobs_job WHERE status = 0 AND queue = served.value
        ORDER BY priority, name LIMIT 1) AS next
    UNION ALL
    SELECT groups.queue, next.priority, next.name
    FROM groups CROSS JOIN LATERAL (
        SELECT priority, name FROM jobs_job
        WHERE status = 0 AND queue = groups.queue AND (priority, name) > (groups.priority, groups.name)
        ORDER BY priority, name LIMIT 1) AS next
)
SELECT groups.queue,
       CEIL(MIN(EXTRACT(EPOCH FROM first.scheduled_at - statement_timestamp())) * 1000)::bigint AS wait_ms
FROM ", groups_with_first!("'-'"), "
WHERE groups.name = ANY(ARRAY(", texts!("$2"), "))
  AND NOT EXISTS (SELECT 1 FROM jobs_limit_use WHERE job_name = groups.name)
GROUP BY groups.queue
UNION ALL
SELECT name, NULL FROM jobs_queue WHERE paused_at IS NOT NULL AND (paused_until IS NULL OR paused_until > statement_timestamp())" };

pub(super) const DUE_GROUPS: &str = concat! { all_groups!(), "
SELECT groups.queue, groups.priority, groups.name, MIN(first.scheduled_at)
FROM ", groups_with_first!("groups.limit_key"), "
WHERE first.scheduled_at <= statement_timestamp()
GROUP BY groups.queue, groups.priority, groups.name" };

/// Counts in the index. Its order keeps the planner from reading the table, with all closed jobs, if its statistics are old.
pub(super) const DEPTHS: &str = concat! { all_groups!(), "
SELECT waiting.queue, 0::smallint AS status, waiting.first_due, statement_timestamp() AS now,
       (SELECT COUNT(*)
        FROM (SELECT 1 FROM jobs_job WHERE status = 0 AND queue = waiting.queue
              ORDER BY queue, priority, name, limit_key, scheduled_at, id LIMIT $1) AS counted) AS jobs
FROM (SELECT groups.queue, MIN(first.scheduled_at) AS first_due
      FROM ", groups_with_first!("groups.limit_key"), "
      GROUP BY groups.queue) AS waiting
UNION ALL
SELECT queue, status, NULL, statement_timestamp(), COUNT(*) FROM jobs_job WHERE status = 1 GROUP BY queue, status" };
