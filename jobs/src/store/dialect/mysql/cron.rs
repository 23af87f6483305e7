//! Schedules. Due schedules are read in the order of their index, whatever the planner prefers: sorting would lock all that are due.
//!
//! `forget` sorts the firings that it keeps on purpose: reading backward along the index would also lock the firing before the schedule's
//! first, which belongs to another schedule.

use super::super::Cron;
use super::fragments::{names, now, text};

pub(super) const CRON: Cron = Cron {
    due_in: concat! { "SELECT CAST(CEIL(TIMESTAMPDIFF(MICROSECOND, ", now!(), ", next_at) / 1000) AS SIGNED) AS wait_ms
             FROM jobs_cron FORCE INDEX (jobs_cron_due)
             WHERE paused_at IS NULL AND next_at IS NOT NULL
               AND JSON_CONTAINS(?, JSON_QUOTE(job)) AND NOT JSON_CONTAINS(?, JSON_QUOTE(name))
             ORDER BY next_at LIMIT 1" },
    due: concat! { "SELECT jobs_cron.*, ", now!(), " AS now
          FROM jobs_cron FORCE INDEX (jobs_cron_due)
          WHERE paused_at IS NULL AND next_at <= ", now!(), "
            AND JSON_CONTAINS(?, JSON_QUOTE(job)) AND NOT JSON_CONTAINS(?, JSON_QUOTE(name))
          ORDER BY next_at LIMIT ? FOR UPDATE SKIP LOCKED" },
    fired: concat! { "SELECT wanted.ordinal
            FROM JSON_TABLE(?, '$[*]' COLUMNS (
                     ordinal BIGINT PATH '$.ordinal', ", text!("schedule", "VARCHAR(200)"), ",
                     nominal_at DATETIME(6) PATH '$.nominal_at')) AS wanted
            STRAIGHT_JOIN jobs_cron_firing AS firing FORCE INDEX (PRIMARY)
              ON firing.schedule = wanted.schedule COLLATE utf8mb4_bin AND firing.nominal_at = wanted.nominal_at" },
    record: concat! { "INSERT INTO jobs_cron_firing (schedule, nominal_at, job_id, fired_at)
             SELECT fired.schedule, fired.nominal_at, fired.job_id, ", now!(), "
             FROM JSON_TABLE(?, '$[*]' COLUMNS (
                      ", text!("schedule", "VARCHAR(200)"), ", nominal_at DATETIME(6) PATH '$.nominal_at',
                      job_id BIGINT PATH '$.job_id')) AS fired" },
    nominal: "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (nominal_at DATETIME(6) PATH '$.nominal_at', job_id BIGINT PATH '$.job_id')) AS fired
              STRAIGHT_JOIN jobs_job FORCE INDEX (PRIMARY) ON jobs_job.id = fired.job_id
              SET jobs_job.nominal_at = fired.nominal_at",
    hold: concat! { "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
                      ", text!("unique_key", "VARCHAR(64)"), ", job_id BIGINT PATH '$.job_id',
                      expires_at DATETIME(6) PATH '$.expires_at')) AS held
           STRAIGHT_JOIN jobs_unique FORCE INDEX (PRIMARY)
             ON jobs_unique.unique_key = held.unique_key COLLATE utf8mb4_bin AND jobs_unique.job_id = held.job_id
           SET jobs_unique.expires_at = held.expires_at" },
    set_next: concat! { "UPDATE JSON_TABLE(?, '$[*]' COLUMNS (
                          ", text!("schedule", "VARCHAR(200)"), ", next_at DATETIME(6) PATH '$.next_at')) AS fired
               STRAIGHT_JOIN jobs_cron FORCE INDEX (PRIMARY) ON jobs_cron.name = fired.schedule COLLATE utf8mb4_bin
               SET jobs_cron.next_at = fired.next_at" },
    forget: concat! { "DELETE old
             FROM (SELECT fired.schedule,
                          (SELECT latest.nominal_at FROM jobs_cron_firing AS latest FORCE INDEX (PRIMARY)
                           WHERE latest.schedule = fired.schedule COLLATE utf8mb4_bin
                           ORDER BY latest.nominal_at + INTERVAL 0 SECOND DESC LIMIT 1 OFFSET 99) AS oldest
                   FROM ", names!("schedule"), " AS fired) AS kept
             STRAIGHT_JOIN jobs_cron_firing AS old FORCE INDEX (PRIMARY)
               ON old.schedule = kept.schedule COLLATE utf8mb4_bin AND old.nominal_at < kept.oldest" },
    forget_all: "DELETE jobs_cron_firing FROM jobs_cron_firing FORCE INDEX (PRIMARY) WHERE schedule = ?",
};
