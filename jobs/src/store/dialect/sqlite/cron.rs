//! Schedules.

use super::super::Cron;
use super::fragments::{now, values};

pub(super) const CRON: Cron = Cron {
    due_in: concat! { "SELECT CAST(ROUND((unixepoch(next_at, 'subsec') - unixepoch('now', 'subsec')) * 1000) AS INTEGER) AS wait_ms
             FROM jobs_cron
             WHERE paused_at IS NULL AND next_at IS NOT NULL
               AND job IN (", values!("?1"), ") AND name NOT IN (", values!("?2"), ")
             ORDER BY next_at LIMIT 1" },
    due: concat! { "SELECT jobs_cron.*, ", now!(), " AS now
          FROM jobs_cron
          WHERE paused_at IS NULL AND next_at <= ", now!(), "
            AND job IN (", values!("?1"), ") AND name NOT IN (", values!("?2"), ")
          ORDER BY next_at LIMIT ?3" },
    fired: "SELECT wanted.value ->> 'ordinal'
            FROM json_each(?1) AS wanted JOIN jobs_cron_firing AS firing
              ON firing.schedule = wanted.value ->> 'schedule' AND firing.nominal_at = wanted.value ->> 'nominal_at'",
    record: concat! { "INSERT INTO jobs_cron_firing (schedule, nominal_at, job_id, fired_at)
             SELECT value ->> 'schedule', value ->> 'nominal_at', value ->> 'job_id', ", now!(), "
             FROM json_each(?1)" },
    nominal: "UPDATE jobs_job SET nominal_at = fired.nominal_at
              FROM (SELECT value ->> 'job_id' AS job_id, value ->> 'nominal_at' AS nominal_at FROM json_each(?1)) AS fired
              WHERE id = fired.job_id",
    hold: "UPDATE jobs_unique SET expires_at = held.until
           FROM (SELECT value ->> 'unique_key' AS key, value ->> 'job_id' AS job, value ->> 'expires_at' AS until
                 FROM json_each(?1)) AS held
           WHERE unique_key = held.key AND job_id = held.job",
    set_next: "UPDATE jobs_cron SET next_at = fired.next_at
               FROM (SELECT value ->> 'schedule' AS schedule, value ->> 'next_at' AS next_at FROM json_each(?1)) AS fired
               WHERE name = fired.schedule",
    forget: "DELETE FROM jobs_cron_firing
             WHERE rowid IN (
                 SELECT old.rowid
                 FROM (SELECT value AS schedule,
                              (SELECT nominal_at FROM jobs_cron_firing WHERE schedule = value
                               ORDER BY nominal_at DESC LIMIT 1 OFFSET 99) AS oldest
                       FROM json_each(?1)) AS kept
                 JOIN jobs_cron_firing AS old ON old.schedule = kept.schedule AND old.nominal_at < kept.oldest)",
    forget_all: "DELETE FROM jobs_cron_firing WHERE schedule = ?1",
};
