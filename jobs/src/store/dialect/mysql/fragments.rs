//! Parts of statements.

/// The statement's own time.
macro_rules! now {
    () => {
        "UTC_TIMESTAMP(6)"
    };
}

/// The time that is this many milliseconds from now.
macro_rules! in_ms {
    ($ms:expr) => {
        concat!("UTC_TIMESTAMP(6) + INTERVAL ", $ms, " * 1000 MICROSECOND")
    };
}

/// The time that was this many milliseconds ago.
macro_rules! before {
    ($ms:expr) => {
        concat!("UTC_TIMESTAMP(6) - INTERVAL ", $ms, " * 1000 MICROSECOND")
    };
}

/// When a job is due, given a time or else a delay in milliseconds.
macro_rules! due_at {
    () => {
        concat!("COALESCE(CAST(? AS DATETIME(6)), ", in_ms!("COALESCE(?, 0)"), ")")
    };
}

/// The identifiers in a JSON array, as a table with this column.
macro_rules! ids {
    ($column:literal) => {
        concat!("JSON_TABLE(?, '$[*]' COLUMNS (", $column, " BIGINT PATH '$'))")
    };
}

/// The names in a JSON array, as a table with this column. They compare like those in the tables once they have the tables' collation.
macro_rules! names {
    ($column:literal) => {
        concat!("JSON_TABLE(?, '$[*]' COLUMNS (", $column, " VARCHAR(200) CHARACTER SET utf8mb4 PATH '$'))")
    };
}

/// The keys in a JSON array, as a table with this column.
macro_rules! keys {
    ($column:literal) => {
        concat!("JSON_TABLE(?, '$[*]' COLUMNS (", $column, " VARCHAR(64) CHARACTER SET utf8mb4 PATH '$'))")
    };
}

/// A text member of a JSON object, with this type.
macro_rules! text {
    ($column:literal, $type:literal) => {
        text!($column, $type, $column)
    };
    ($column:literal, $type:literal, $member:literal) => {
        concat!($column, " ", $type, " CHARACTER SET utf8mb4 PATH '$.", $member, "'")
    };
}

/// A parameter.
macro_rules! bound {
    ($column:ident, $type:ident) => {
        "?"
    };
}

/// The name of the lock for claims in a queue: locks are named for the whole server, in at most 64 characters.
macro_rules! turn {
    () => {
        "SHA2(CONCAT(DATABASE(), '.jobs.', ?), 224)"
    };
}

pub(super) use {before, bound, due_at, ids, in_ms, keys, names, now, text, turn};
