//! Parts of statements.

/// When a job is due, given a time or else a delay in milliseconds.
macro_rules! due_at {
    ($at:expr, $delay_ms:expr) => {
        concat!("COALESCE(", $at, ", statement_timestamp() + COALESCE(", $delay_ms, ", 0) * interval '1 millisecond')")
    };
}

/// Whether a job that is due at this time should wake a worker: if it is due within a minute, the sleeper has to know.
macro_rules! is_soon {
    ($time:expr) => {
        concat!($time, " < statement_timestamp() + interval '1 minute'")
    };
}

/// Whether a worker sleeps on this queue.
macro_rules! sleeps_on {
    ($queue:expr) => {
        concat!("expires_at > statement_timestamp() AND jsonb_exists(asleep, ", $queue, ")")
    };
}

/// Wakes the workers that sleep on the queues of the rows `due`. A commit that notifies takes a lock on the whole database, so only queues
/// on which a worker sleeps are notified.
macro_rules! wake_sleepers {
    ($queue:expr, $due:expr) => {
        concat! {
            "woken AS (
    SELECT count(pg_notify('jobs_wake', ", $queue, ")) AS queues
    FROM (", $due, ") AS due
    WHERE EXISTS (SELECT 1 FROM jobs_worker WHERE ", sleeps_on!($queue), ")
)"
        }
    };
}

/// Inserts the messages of the attempts that are in `own`.
macro_rules! insert_messages {
    ($messages:literal) => {
        concat! {
            "said AS (
    INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
    SELECT own.id, message.attempt, message.version, message.number, message.level,
           statement_timestamp() - message.age_ms * interval '1 millisecond', message.text
    FROM json_to_recordset(", $messages, "::json) AS message (
        job_id bigint, attempt integer, version bigint, number bigint, level smallint, age_ms bigint, text text)
    JOIN own ON own.id = message.job_id AND own.version = message.version
    ON CONFLICT DO NOTHING
)"
        }
    };
}

/// The identifiers in a JSON array.
macro_rules! ids {
    ($array:literal) => {
        concat!("SELECT value::bigint FROM json_array_elements_text(", $array, "::json)")
    };
}

/// The texts in a JSON array.
macro_rules! texts {
    ($array:literal) => {
        concat!("SELECT value FROM json_array_elements_text(", $array, "::json)")
    };
}

pub(super) use {due_at, ids, insert_messages, is_soon, sleeps_on, texts, wake_sleepers};
