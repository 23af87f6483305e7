//! Claiming jobs whose number is limited.

use super::super::{Limited, LimitedClaim, Places};
use super::fragments::{now, pairs, values};
use crate::store::row::claimed_columns;

/// A place's first job, from the row `first`.
macro_rules! first {
    () => {
        "CAST(ROUND((unixepoch(first.scheduled_at, 'subsec') - unixepoch('now', 'subsec')) * 1000) AS INTEGER) AS wait_ms, first.scheduled_at"
    };
}

/// Whether a job waits in the group whose key compares so with that of jobs without a limit.
macro_rules! has_key {
    ($compares:literal) => {
        concat! { "EXISTS (SELECT 1 FROM jobs_job
               WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name = pairs.name AND limit_key ", $compares, " '-')" }
    };
}

pub(super) const LIMITED: Limited = Limited {
    groups: concat! { pairs!(), "
SELECT priority, name FROM pairs
WHERE name IN (", values!("?2"), ") AND name IN (SELECT job_name FROM jobs_limit_use)" },
    with_keys: concat! { pairs!(), "
SELECT DISTINCT name FROM pairs
WHERE name IN (", values!("?2"), ") AND name NOT IN (SELECT job_name FROM jobs_limit_use)
  AND (", has_key!("<"), " OR ", has_key!(">"), ")" },
    places: Places::Statement(PLACES),
    heads: concat! {
        "
SELECT asked.value ->> 'ordinal' AS ordinal, ", first!(), "
FROM json_each(?2) AS asked JOIN jobs_job AS first ON first.id = (
    SELECT id FROM jobs_job
    WHERE status = 0 AND queue = ?1 AND priority = asked.value ->> 'priority' AND name = asked.value ->> 'name'
      AND limit_key = asked.value ->> 'limit_key'
    ORDER BY scheduled_at, id LIMIT 1)" },
    best_unlimited: concat! { pairs!(), "
SELECT first.priority, first.scheduled_at
FROM pairs JOIN jobs_job AS first ON first.id = (
    SELECT id FROM jobs_job
    WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name = pairs.name AND limit_key = '-' AND scheduled_at <= ", now!(), "
    ORDER BY scheduled_at, id LIMIT 1)
WHERE pairs.name IN (", values!("?2"), ") AND pairs.name NOT IN (SELECT job_name FROM jobs_limit_use)
ORDER BY first.priority, first.scheduled_at LIMIT 1" },
    rooms: "
SELECT asked.value ->> 'ordinal' AS ordinal, limits.counted_by,
       CASE WHEN asked.value ->> 'limit_key' IS NULL AND limits.running IS NOT NULL THEN
           limits.running - (
               SELECT COUNT(*) FROM jobs_limit_use AS used CROSS JOIN jobs_job
               WHERE used.scope = limits.scope AND status = 1 AND limit_key <> '-' AND name = used.job_name)
       WHEN asked.value ->> 'limit_key' IS NOT NULL AND limits.running_each IS NOT NULL THEN
           limits.running_each - (
               SELECT COUNT(*) FROM jobs_limit_use AS used CROSS JOIN jobs_job
               WHERE used.scope = limits.scope AND status = 1 AND limit_key <> '-' AND name = used.job_name
                 AND limit_key = asked.value ->> 'limit_key')
       END AS room
FROM json_each(?1) AS asked JOIN jobs_limit AS limits ON limits.scope = asked.value ->> 'scope'",
    lock: None,
    claim: LimitedClaim::EachTake(CLAIM),
    wake: None,
};

const CLAIM: &str = concat! { "
UPDATE jobs_job
SET status = 1, version = version + 1, attempt = attempt + 1, worker_id = ?2,
    started_at = ", now!(), ", progress = 0, results = NULL
WHERE id IN (
    SELECT first.id
    FROM json_each(?3) AS asked JOIN jobs_job AS first ON first.id IN (
        SELECT id FROM jobs_job
        WHERE status = 0 AND queue = ?1 AND priority = asked.value ->> 'priority' AND name = asked.value ->> 'name'
          AND limit_key = asked.value ->> 'limit_key' AND scheduled_at <= ", now!(), "
          AND (?4 OR (attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL)))
        ORDER BY scheduled_at, id LIMIT ?5))
  AND EXISTS (SELECT 1 FROM jobs_worker WHERE id = ?2)
RETURNING ", claimed_columns!() };

const PLACES: &str = concat! { "
WITH RECURSIVE head (id, number) AS (
    SELECT id, 1 FROM (
        SELECT id FROM jobs_job
        WHERE status = 0 AND queue = ?1 AND priority = ?2 AND name = ?3 AND limit_key >= ?4
        ORDER BY limit_key, scheduled_at, id LIMIT 1)
    UNION ALL
    SELECT next.id, head.number + 1
    FROM head JOIN jobs_job AS last ON last.id = head.id
    JOIN jobs_job AS next ON next.id = (
        SELECT id FROM jobs_job
        WHERE status = 0 AND queue = ?1 AND priority = ?2 AND name = ?3 AND limit_key > last.limit_key
        ORDER BY limit_key, scheduled_at, id LIMIT 1)
    WHERE head.number < ?5
)
SELECT first.limit_key, ", first!(), " FROM head JOIN jobs_job AS first USING (id)" };
