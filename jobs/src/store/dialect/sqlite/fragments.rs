//! Parts of statements.

/// The statement's own time, in the one format in which times compare in order.
macro_rules! now {
    () => {
        "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
    };
}

/// The time that is this many milliseconds from now.
macro_rules! in_ms {
    ($ms:expr) => {
        concat!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', printf('+%.3f seconds', ", $ms, " / 1000.0))")
    };
}

/// The time that is this many milliseconds before another, or before now.
macro_rules! before {
    ($ms:expr) => {
        before!("'now'", $ms)
    };
    ($time:expr, $ms:expr) => {
        concat!("strftime('%Y-%m-%dT%H:%M:%fZ', ", $time, ", printf('-%.3f seconds', ", $ms, " / 1000.0))")
    };
}

/// Until when a key with this time in milliseconds is held; `NULL` if it has none.
macro_rules! held_until {
    ($within_ms:expr) => {
        concat!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', (", $within_ms, " / 1000.0) || ' seconds')")
    };
}

/// When a job is due, given a time or else a delay in milliseconds.
macro_rules! due_at {
    ($at:expr, $delay_ms:expr) => {
        concat! {
            "strftime('%Y-%m-%dT%H:%M:%fZ', COALESCE(", $at, ", 'now'), printf('+%.3f seconds', COALESCE(", $delay_ms, ", 0) / 1000.0))"
        }
    };
}

/// The values in a JSON array.
macro_rules! values {
    ($array:literal) => {
        concat!("SELECT value FROM json_each(", $array, ")")
    };
}

/// A member of the JSON object `value`.
macro_rules! member {
    ($column:ident $(, $type:ident)?) => {
        concat!("value ->> '", stringify!($column), "'")
    };
}

/// The parameter that has a column's value.
macro_rules! bound {
    ($column:ident $(, $type:ident)?) => {
        concat!("?", $crate::store::row::parameter!($column))
    };
}

/// Walks the few distinct (priority, name) pairs that wait in the queue, one index probe each. The next pair takes two probes: for
/// `(priority, name) > (…)` the index would use the priority alone, and walk all waiting jobs.
macro_rules! pairs {
    () => {
        "
WITH RECURSIVE pairs (priority, name) AS (
    SELECT priority, name FROM jobs_job
    WHERE id = (SELECT id FROM jobs_job WHERE status = 0 AND queue = ?1 ORDER BY priority, name LIMIT 1)
    UNION ALL
    SELECT next.priority, next.name
    FROM pairs JOIN jobs_job AS next ON next.id = COALESCE(
        (SELECT id FROM jobs_job
         WHERE status = 0 AND queue = ?1 AND priority = pairs.priority AND name > pairs.name ORDER BY name LIMIT 1),
        (SELECT id FROM jobs_job
         WHERE status = 0 AND queue = ?1 AND priority > pairs.priority ORDER BY priority, name LIMIT 1))
)"
    };
}

pub(super) use {before, bound, due_at, held_until, in_ms, member, now, pairs, values};
