//! Claiming jobs whose number is limited. For grouping by the index from its first column on, see [`super`].

use super::super::{Limited, LimitedClaim, Places};
use super::fragments::{names, now, text};
use super::locked;
use crate::store::row::claimed_columns;

/// How long until the time in this column.
macro_rules! wait_ms {
    ($time:literal) => {
        concat!("CAST(CEIL(TIMESTAMPDIFF(MICROSECOND, ", now!(), ", ", $time, ") / 1000) AS SIGNED) AS wait_ms")
    };
}

/// The first place whose key compares so with the last one. Sorted by what is not constant: MariaDB would sort all the others, too, if the
/// session's collation is another than the column's.
macro_rules! next_place {
    ($compares:literal) => {
        concat! { "SELECT limit_key, ", wait_ms!("scheduled_at"), ", scheduled_at FROM jobs_job FORCE INDEX (jobs_job_waiting)
         WHERE status = 0 AND queue = ? AND priority = ? AND name = ? AND limit_key ", $compares, " ?
         ORDER BY limit_key, scheduled_at, id LIMIT 1" }
    };
}

pub(super) const LIMITED: Limited = Limited {
    groups: concat! { "SELECT priority, name
             FROM (SELECT priority, name FROM jobs_job FORCE INDEX (jobs_job_waiting)
                   WHERE status = 0 AND queue = ? GROUP BY status, queue, priority, name) AS waiting
             WHERE name IN (SELECT known COLLATE utf8mb4_bin FROM ", names!("known"), " AS names)
               AND name IN (SELECT job_name FROM jobs_limit_use)" },
    with_keys: concat! { "SELECT DISTINCT name
             FROM (SELECT priority, name, MIN(limit_key) AS first_key, MAX(limit_key) AS last_key
                   FROM jobs_job FORCE INDEX (jobs_job_waiting)
                   WHERE status = 0 AND queue = ? GROUP BY status, queue, priority, name) AS waiting
             WHERE (first_key <> '-' OR last_key <> '-')
               AND name IN (SELECT known COLLATE utf8mb4_bin FROM ", names!("known"), " AS names)
               AND name NOT IN (SELECT job_name FROM jobs_limit_use)" },
    places: Places::Each { from: next_place!(">="), after: next_place!(">") },
    heads: concat! { "SELECT ordinal, ", wait_ms!("first_due"), ", first_due AS scheduled_at
            FROM (SELECT asked.ordinal,
                         (SELECT scheduled_at FROM jobs_job FORCE INDEX (jobs_job_waiting)
                          WHERE status = 0 AND queue = place.queue COLLATE utf8mb4_bin AND priority = asked.priority
                            AND name = asked.name COLLATE utf8mb4_bin AND limit_key = asked.limit_key COLLATE utf8mb4_bin
                          ORDER BY status, queue, priority, name, limit_key, scheduled_at, id LIMIT 1) AS first_due
                  FROM (SELECT CONVERT(? USING utf8mb4) AS queue) AS place,
                       JSON_TABLE(?, '$[*]' COLUMNS (ordinal BIGINT PATH '$.ordinal', priority SMALLINT PATH '$.priority',
                                                     ", text!("name", "VARCHAR(200)"), ", ", text!("limit_key", "VARCHAR(200)"), ")) AS asked
                  LIMIT 1000000) AS heads
            WHERE first_due IS NOT NULL" },
    best_unlimited: concat! { "SELECT priority, first_due AS scheduled_at
             FROM (SELECT priority, name, MIN(scheduled_at) AS first_due FROM jobs_job FORCE INDEX (jobs_job_waiting)
                   WHERE status = 0 AND queue = ? AND limit_key = '-' GROUP BY status, queue, priority, name) AS waiting
             WHERE first_due <= ", now!(), "
               AND name IN (SELECT known COLLATE utf8mb4_bin FROM ", names!("known"), " AS names)
               AND name NOT IN (SELECT job_name FROM jobs_limit_use)
             ORDER BY priority, first_due LIMIT 1" },
    rooms: concat! { "SELECT asked.ordinal, limits.counted_by,
                   CAST(CASE WHEN asked.limit_key IS NULL AND limits.running IS NOT NULL
                        THEN limits.running -
                            (SELECT COUNT(*) FROM jobs_limit_use AS used FORCE INDEX (PRIMARY)
                             STRAIGHT_JOIN jobs_job FORCE INDEX (jobs_job_running)
                               ON jobs_job.status = 1 AND jobs_job.name = used.job_name AND jobs_job.limit_key <> '-'
                             WHERE used.scope = limits.scope)
                        WHEN asked.limit_key IS NOT NULL AND limits.running_each IS NOT NULL
                        THEN limits.running_each -
                            (SELECT COUNT(*) FROM jobs_limit_use AS used FORCE INDEX (PRIMARY)
                             STRAIGHT_JOIN jobs_job FORCE INDEX (jobs_job_running)
                               ON jobs_job.status = 1 AND jobs_job.name = used.job_name
                              AND jobs_job.limit_key = asked.limit_key COLLATE utf8mb4_bin
                             WHERE used.scope = limits.scope)
                        END AS SIGNED) AS room
            FROM JSON_TABLE(?, '$[*]' COLUMNS (ordinal BIGINT PATH '$.ordinal', ", text!("scope", "VARCHAR(200)"), ",
                                               ", text!("limit_key", "VARCHAR(200)"), ")) AS asked
            STRAIGHT_JOIN jobs_limit AS limits FORCE INDEX (PRIMARY) ON limits.scope = asked.scope COLLATE utf8mb4_bin" },
    lock: Some(
        "SELECT jobs_limit_lock.stripe
         FROM JSON_TABLE(?, '$[*]' COLUMNS (wanted SMALLINT PATH '$')) AS w
         STRAIGHT_JOIN jobs_limit_lock FORCE INDEX (PRIMARY) ON jobs_limit_lock.stripe = w.wanted
         FOR UPDATE /*!80001 OF jobs_limit_lock */ SKIP LOCKED",
    ),
    claim: LimitedClaim::Lock(concat! { "SELECT ", claimed_columns!(locked), "
           FROM jobs_job FORCE INDEX (jobs_job_waiting)
           WHERE status = 0 AND queue = ? AND priority = ? AND name = ? AND limit_key = ? AND scheduled_at <= ", now!(), "
             AND (? OR (attempt + 1 < max_attempts AND (attempt = 0 OR worker_id IS NOT NULL)))
           ORDER BY scheduled_at, id LIMIT ? FOR UPDATE SKIP LOCKED" }),
    wake: None,
};
