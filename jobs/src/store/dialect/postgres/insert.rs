//! Scheduling. Each kind has two statements: for jobs that differ in anything, and for jobs that differ only in their parameters.

use super::fragments::{due_at, is_soon, sleeps_on, wake_sleepers};
use crate::store::row::{given_columns, new_columns, new_columns_with_key, parameter};

/// A column as `json_to_recordset` reads it.
macro_rules! typed {
    ($column:ident, $type:ident) => {
        concat!(stringify!($column), " ", stringify!($type))
    };
}

/// The parameter with a column's value.
macro_rules! bound {
    ($column:ident) => {
        concat!("$", parameter!($column))
    };
    ($column:ident, $type:ident) => {
        concat!("$", parameter!($column), "::", stringify!($type))
    };
}

/// [`NewJob`](crate::store::row::NewJob)s, from a JSON array.
macro_rules! recordset {
    ($key:literal) => {
        concat! {
            "json_to_recordset($1::json) AS (
        name text, queue text, priority smallint, max_attempts integer, timeout_ms bigint, parameters text,
        at timestamptz, delay_ms bigint, ", given_columns!(typed), $key, ")"
        }
    };
}

/// The values of [`new_columns`] from a record in the JSON array.
macro_rules! recorded {
    () => {
        concat! {
            "name, queue, priority, max_attempts, max_attempts, timeout_ms, parameters::json, statement_timestamp(), ",
            due_at!("at", "delay_ms"), ", ", given_columns!()
        }
    };
}

/// The values of [`new_columns`] from parameters.
macro_rules! uniform {
    ($parameters:literal, $due_at:expr) => {
        concat! {
            bound!(name), ", ", bound!(queue), ", ", bound!(priority, smallint), ", ", bound!(max_attempts, integer), ", ",
            bound!(max_attempts, integer), ", ", bound!(timeout_ms, bigint), ", ", $parameters, ", statement_timestamp(), ", $due_at,
            ", ", given_columns!(bound)
        }
    };
}

/// When jobs that differ only in their parameters are due.
macro_rules! due_at_uniform {
    () => {
        due_at!(concat!(bound!(at, text), "::timestamptz"), bound!(delay_ms, bigint))
    };
}

/// Acquires the keys that are free, always in the same order (of several statements, within each).
macro_rules! take_keys {
    ($within_ms:expr) => {
        concat! {
            "taken AS (
    INSERT INTO jobs_unique (unique_key, job_id, version, expires_at)
    SELECT unique_key, id, 0, statement_timestamp() + ", $within_ms, " * interval '1 millisecond' FROM new ORDER BY unique_key COLLATE \"C\"
    ON CONFLICT DO NOTHING
    RETURNING job_id
)"
        }
    };
}

pub(super) const INSERT: &str = concat! {
    "
WITH inserted AS (
    INSERT INTO jobs_job (", new_columns!(), ")
    SELECT ", recorded!(), "
    FROM ROWS FROM (", recordset!(""), ") WITH ORDINALITY
      AS new (name, queue, priority, max_attempts, timeout_ms, parameters, at, delay_ms, ", given_columns!(), ", ordinal)
    ORDER BY ordinal
    RETURNING id, queue, scheduled_at
), ",
    wake_sleepers!("due.queue", concat!("SELECT DISTINCT queue FROM inserted WHERE ", is_soon!("scheduled_at"))),
    "
SELECT id FROM inserted WHERE (SELECT queues FROM woken) >= 0"
};

/// Inserts uniform jobs. The subquery does not depend on the row, and is evaluated once.
pub(super) const INSERT_UNIFORM: &str = concat! {
    "
INSERT INTO jobs_job (", new_columns!(), ")
SELECT ", uniform!("new.parameters", due_at_uniform!()), "
FROM json_array_elements(", bound!(parameters, text), "::json) WITH ORDINALITY AS new (parameters, ordinal)
ORDER BY new.ordinal
RETURNING id, (
    SELECT pg_notify('jobs_wake', ", bound!(queue), ")::text FROM jobs_worker
    WHERE ", is_soon!(due_at_uniform!()), "
      AND ", sleeps_on!(bound!(queue)), "
    LIMIT 1)"
};

/// Inserts jobs with keys. Each has its id before it is known whether its key is free. Ids are assigned in the order in which the function
/// returns the jobs, which is the document's.
pub(super) const INSERT_UNIQUE: &str = concat! {
    "
WITH new AS MATERIALIZED (
    SELECT nextval('jobs_job_id_seq') AS id, given.*
    FROM ROWS FROM (", recordset!(", unique_key text, unique_while smallint, within_ms bigint"), ") AS given
), ",
    take_keys!("within_ms"), ", inserted AS (
    INSERT INTO jobs_job (id, ", new_columns_with_key!(), ")
    SELECT id, ", recorded!(), ", unique_key, unique_while
    FROM new WHERE id IN (SELECT job_id FROM taken)
    RETURNING queue, scheduled_at
), ",
    wake_sleepers!("due.queue", concat!("SELECT DISTINCT queue FROM inserted WHERE ", is_soon!("scheduled_at"))),
    "
SELECT job_id FROM taken WHERE (SELECT queues FROM woken) >= 0"
};

pub(super) const INSERT_UNIQUE_UNIFORM: &str = concat! {
    "
WITH new AS MATERIALIZED (
    SELECT nextval('jobs_job_id_seq') AS id, given.key AS unique_key, given.value AS parameters,
           ", due_at_uniform!(), " AS scheduled_at
    FROM json_each(", bound!(parameters, text), "::json) AS given
), ",
    take_keys!(bound!(within_ms, bigint)), ", inserted AS (
    INSERT INTO jobs_job (id, ", new_columns_with_key!(), ")
    SELECT id, ", uniform!("parameters", "scheduled_at"), ", unique_key, ", bound!(unique_while, smallint), "
    FROM new WHERE id IN (SELECT job_id FROM taken)
    RETURNING scheduled_at
), ",
    wake_sleepers!(bound!(queue), concat!("SELECT 1 FROM inserted WHERE ", is_soon!("scheduled_at"), " LIMIT 1")),
    "
SELECT job_id FROM taken WHERE (SELECT queues FROM woken) >= 0"
};
