//! Waiting jobs by queue. The few distinct groups of one queue, priority and name are walked, like by the claim.

use super::fragments::{now, values};

/// The first job of the next group in the same queue, by name or else by priority: the first of these that exists.
macro_rules! next_in_queue {
    () => {
        "(SELECT id FROM jobs_job
         WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name > groups.name ORDER BY name, limit_key LIMIT 1),
        (SELECT id FROM jobs_job
         WHERE status = 0 AND queue = groups.queue AND priority > groups.priority ORDER BY priority, name, limit_key LIMIT 1)"
    };
}

/// All groups, and if the number of their jobs is limited, all their keys.
macro_rules! all_groups {
    () => {
        concat! { "
WITH RECURSIVE groups (queue, priority, name, limit_key) AS (
    SELECT queue, priority, name, limit_key FROM jobs_job
    WHERE id = (SELECT id FROM jobs_job WHERE status = 0 ORDER BY queue, priority, name, limit_key LIMIT 1)
    UNION ALL
    SELECT next.queue, next.priority, next.name, next.limit_key
    FROM groups JOIN jobs_job AS next ON next.id = COALESCE(
        (SELECT id FROM jobs_job
         WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name
           AND limit_key > groups.limit_key ORDER BY limit_key LIMIT 1),
        ", next_in_queue!(), ",
        (SELECT id FROM jobs_job WHERE status = 0 AND queue > groups.queue ORDER BY queue, priority, name, limit_key LIMIT 1))
)" }
    };
}

/// The groups, with their first jobs.
macro_rules! groups_with_first {
    ($limit_key:literal) => {
        concat! { "groups JOIN jobs_job AS first ON first.id = (
    SELECT id FROM jobs_job
    WHERE status = 0 AND queue = groups.queue AND priority = groups.priority AND name = groups.name AND limit_key = ", $limit_key, "
    ORDER BY scheduled_at, id LIMIT 1)" }
    };
}

pub(super) const LOOK: &str = concat! { "
WITH RECURSIVE groups (queue, priority, name) AS (
    SELECT first.queue, first.priority, first.name
    FROM json_each(?1) AS served JOIN jobs_job AS first ON first.id = (
        SELECT id FROM jobs_job WHERE status = 0 AND queue = served.value ORDER BY priority, name LIMIT 1)
    UNION ALL
    SELECT next.queue, next.priority, next.name
    FROM groups JOIN jobs_job AS next ON next.id = COALESCE(
        ", next_in_queue!(), ")
)
SELECT groups.queue,
       CAST(ROUND((MIN(unixepoch(first.scheduled_at, 'subsec')) - unixepoch('now', 'subsec')) * 1000) AS INTEGER) AS wait_ms
FROM ", groups_with_first!("'-'"), "
WHERE groups.name IN (", values!("?2"), ") AND groups.name NOT IN (SELECT job_name FROM jobs_limit_use)
GROUP BY groups.queue
UNION ALL
SELECT name, NULL FROM jobs_queue WHERE paused_at IS NOT NULL AND (paused_until IS NULL OR paused_until > ", now!(), ")" };

pub(super) const DUE_GROUPS: &str = concat! { all_groups!(), "
SELECT groups.queue, groups.priority, groups.name, MIN(first.scheduled_at)
FROM ", groups_with_first!("groups.limit_key"), "
WHERE first.scheduled_at <= ", now!(), "
GROUP BY groups.queue, groups.priority, groups.name" };

pub(super) const DEPTHS: &str = concat! { all_groups!(), "
SELECT waiting.queue, 0 AS status, waiting.first_due, ", now!(), " AS now,
       (SELECT COUNT(*) FROM (SELECT 1 FROM jobs_job WHERE status = 0 AND queue = waiting.queue LIMIT ?1)) AS jobs
FROM (SELECT groups.queue, MIN(first.scheduled_at) AS first_due
      FROM ", groups_with_first!("groups.limit_key"), "
      GROUP BY groups.queue) AS waiting
UNION ALL
SELECT queue, status, NULL, ", now!(), ", COUNT(*) FROM jobs_job WHERE status = 1 GROUP BY queue, status" };
