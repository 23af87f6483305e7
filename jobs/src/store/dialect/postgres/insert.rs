//! Scheduling.

/// A commit that notifies takes a lock on the whole database, so only a queue on which a worker sleeps is notified.
/// A job that is due within a minute wakes too: the sleeper has to learn of its time.
pub(super) const INSERT: &str = r"
WITH inserted AS (
    INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at,
                          user_id, session_id, event_id)
    SELECT name, queue, priority, max_attempts, max_attempts, timeout_ms, parameters::json, statement_timestamp(),
           COALESCE(at, statement_timestamp() + COALESCE(delay_ms, 0) * interval '1 millisecond'),
           user_id, session_id, event_id
    FROM ROWS FROM (json_to_recordset($1::json) AS (
        name text, queue text, priority smallint, max_attempts integer, timeout_ms bigint, parameters text,
        at timestamptz, delay_ms bigint, user_id text, session_id text, event_id text)) WITH ORDINALITY
      AS new (name, queue, priority, max_attempts, timeout_ms, parameters, at, delay_ms, user_id, session_id, event_id, ordinal)
    ORDER BY ordinal
    RETURNING id, queue, scheduled_at
), woken AS (
    SELECT count(pg_notify('jobs_wake', due.queue)) AS queues
    FROM (SELECT DISTINCT queue FROM inserted WHERE scheduled_at < statement_timestamp() + interval '1 minute') AS due
    WHERE EXISTS (SELECT 1 FROM jobs_worker
                  WHERE expires_at > statement_timestamp() AND jsonb_exists(asleep, due.queue))
)
SELECT id FROM inserted WHERE (SELECT queues FROM woken) >= 0";

/// The same; the subquery asks nothing of the row, and is evaluated once.
pub(super) const INSERT_ALIKE: &str = r"
INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at,
                      user_id, session_id, event_id)
SELECT $2, $3, $4::smallint, $5::integer, $5::integer, $6::bigint, new.parameters, statement_timestamp(),
       COALESCE($7::text::timestamptz, statement_timestamp() + COALESCE($8::bigint, 0) * interval '1 millisecond'),
       $9::text, $10::text, $11::text
FROM json_array_elements($1::text::json) WITH ORDINALITY AS new (parameters, ordinal)
ORDER BY new.ordinal
RETURNING id, (
    SELECT pg_notify('jobs_wake', $3)::text FROM jobs_worker
    WHERE COALESCE($7::text::timestamptz, statement_timestamp() + COALESCE($8::bigint, 0) * interval '1 millisecond')
          < statement_timestamp() + interval '1 minute'
      AND expires_at > statement_timestamp() AND jsonb_exists(asleep, $3)
    LIMIT 1)";

/// The same for jobs with keys. Each has its id before anyone knows whether its key is free; keys are taken in one order by all
/// (of several statements, within each). Ids are given in the order in which the function returns the jobs, which is the document's.
pub(super) const INSERT_UNIQUE: &str = r#"
WITH new AS MATERIALIZED (
    SELECT nextval('jobs_job_id_seq') AS id, given.*
    FROM ROWS FROM (json_to_recordset($1::json) AS (
        name text, queue text, priority smallint, max_attempts integer, timeout_ms bigint, parameters text,
        at timestamptz, delay_ms bigint, user_id text, session_id text, event_id text,
        unique_key text, unique_while smallint, within_ms bigint)) AS given
), taken AS (
    INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
    SELECT unique_key, id, 0, statement_timestamp() + within_ms * interval '1 millisecond' FROM new ORDER BY unique_key COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING job_id
), inserted AS (
    INSERT INTO jobs_job (id, name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at,
                          user_id, session_id, event_id, unique_key, unique_while)
    SELECT id, name, queue, priority, max_attempts, max_attempts, timeout_ms, parameters::json, statement_timestamp(),
           COALESCE(at, statement_timestamp() + COALESCE(delay_ms, 0) * interval '1 millisecond'),
           user_id, session_id, event_id, unique_key, unique_while
    FROM new WHERE id IN (SELECT job_id FROM taken)
    RETURNING queue, scheduled_at
), woken AS (
    SELECT count(pg_notify('jobs_wake', due.queue)) AS queues
    FROM (SELECT DISTINCT queue FROM inserted WHERE scheduled_at < statement_timestamp() + interval '1 minute') AS due
    WHERE EXISTS (SELECT 1 FROM jobs_worker
                  WHERE expires_at > statement_timestamp() AND jsonb_exists(asleep, due.queue))
)
SELECT job_id FROM taken WHERE (SELECT queues FROM woken) >= 0"#;

pub(super) const INSERT_UNIQUE_ALIKE: &str = r#"
WITH new AS MATERIALIZED (
    SELECT nextval('jobs_job_id_seq') AS id, given.key AS unique_key, given.value AS parameters,
           COALESCE($7::text::timestamptz,
                    statement_timestamp() + COALESCE($8::bigint, 0) * interval '1 millisecond') AS scheduled_at
    FROM json_each($1::text::json) AS given
), taken AS (
    INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
    SELECT unique_key, id, 0, statement_timestamp() + $13::bigint * interval '1 millisecond' FROM new ORDER BY unique_key COLLATE "C"
    ON CONFLICT DO NOTHING
    RETURNING job_id
), inserted AS (
    INSERT INTO jobs_job (id, name, queue, priority, max_attempts, budget, timeout_ms, parameters, created_at, scheduled_at,
                          user_id, session_id, event_id, unique_key, unique_while)
    SELECT id, $2, $3, $4::smallint, $5::integer, $5::integer, $6::bigint, parameters, statement_timestamp(), scheduled_at,
           $9::text, $10::text, $11::text, unique_key, $12::smallint
    FROM new WHERE id IN (SELECT job_id FROM taken)
    RETURNING scheduled_at
), woken AS (
    SELECT count(pg_notify('jobs_wake', $3)) AS queues
    FROM (SELECT 1 FROM inserted WHERE scheduled_at < statement_timestamp() + interval '1 minute' LIMIT 1) AS due
    WHERE EXISTS (SELECT 1 FROM jobs_worker WHERE expires_at > statement_timestamp() AND jsonb_exists(asleep, $3))
)
SELECT job_id FROM taken WHERE (SELECT queues FROM woken) >= 0"#;
