//! Schedules.

use super::super::Cron;
use super::fragments::texts;

pub(super) const CRON: Cron = Cron {
    due_in: concat! { "SELECT CEIL(EXTRACT(EPOCH FROM next_at - statement_timestamp()) * 1000)::bigint AS wait_ms
             FROM jobs_cron
             WHERE paused_at IS NULL AND next_at IS NOT NULL
               AND job = ANY(ARRAY(", texts!("$1"), "))
               AND name <> ALL(ARRAY(", texts!("$2"), "))
             ORDER BY next_at LIMIT 1" },
    due: concat! { "SELECT jobs_cron.*, statement_timestamp() AS now
          FROM jobs_cron
          WHERE paused_at IS NULL AND next_at <= statement_timestamp()
            AND job = ANY(ARRAY(", texts!("$1"), "))
            AND name <> ALL(ARRAY(", texts!("$2"), "))
          ORDER BY next_at LIMIT (SELECT $3::bigint) FOR UPDATE SKIP LOCKED" },
    fired: "SELECT wanted.ordinal
            FROM json_to_recordset($1::json) AS wanted (ordinal bigint, schedule text, nominal_at timestamptz)
            JOIN jobs_cron_firing AS firing ON firing.schedule = wanted.schedule AND firing.nominal_at = wanted.nominal_at",
    record: "INSERT INTO jobs_cron_firing (schedule, nominal_at, job_id, fired_at)
             SELECT schedule, nominal_at, job_id, statement_timestamp()
             FROM json_to_recordset($1::json) AS fired (schedule text, nominal_at timestamptz, job_id bigint)",
    nominal: "UPDATE jobs_job SET nominal_at = fired.nominal_at
              FROM json_to_recordset($1::json) AS fired (nominal_at timestamptz, job_id bigint)
              WHERE jobs_job.id = fired.job_id",
    hold: "UPDATE jobs_unique SET expires_at = held.expires_at
           FROM json_to_recordset($1::json) AS held (unique_key text, job_id bigint, expires_at timestamptz)
           WHERE jobs_unique.unique_key = held.unique_key AND jobs_unique.job_id = held.job_id",
    set_next: "UPDATE jobs_cron SET next_at = fired.next_at
               FROM json_to_recordset($1::json) AS fired (schedule text, next_at timestamptz)
               WHERE jobs_cron.name = fired.schedule",
    forget: "DELETE FROM jobs_cron_firing AS old
             USING (SELECT fired.schedule,
                           (SELECT nominal_at FROM jobs_cron_firing WHERE schedule = fired.schedule
                            ORDER BY nominal_at DESC LIMIT 1 OFFSET 99) AS oldest
                    FROM json_array_elements_text($1::json) AS fired (schedule)) AS kept
             WHERE old.schedule = kept.schedule AND old.nominal_at < kept.oldest",
    forget_all: "DELETE FROM jobs_cron_firing WHERE schedule = $1",
};
