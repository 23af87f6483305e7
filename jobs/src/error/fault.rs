//! Classifies database errors by what can be done about them: repeat at once, wait for the database, or check the data.

use sea_orm::{DbErr, RuntimeErr, sqlx};

/// The kind of a database error, by what can be done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A deadlock, a lost race or a busy database: the same transaction may succeed at once.
    Contention,
    /// The database could not be reached, or the connection was lost: the request may or may not have been executed.
    Connection,
    /// The database refuses this data and always will.
    Data,
    /// Anything else: a missing table, a missing privilege, a full disk.
    Other,
}

impl Fault {
    pub(crate) const fn is_passing(self) -> bool {
        matches!(self, Self::Contention | Self::Connection)
    }
}

/// Returns the kind of fault that an error is.
pub(crate) fn of(error: &DbErr) -> Fault {
    match error {
        // Two connections set up a new SQLite file at the same time.
        DbErr::Conn(RuntimeErr::SqlxError(error)) if of_driver(error) == Fault::Contention => Fault::Contention,
        DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => Fault::Connection,
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => of_driver(error),
        _ => Fault::Other,
    }
}

/// Whether the database has closed the connection. False if it does not answer, or if there is no connection to be had.
pub(crate) fn has_hung_up(error: &DbErr) -> bool {
    let is_without_answer = matches!(error, DbErr::ConnectionAcquire(_) | DbErr::Conn(RuntimeErr::Internal(_)));
    of(error) == Fault::Connection && !is_without_answer
}

/// Whether the server has no variable of this name.
pub(crate) fn is_unknown_variable(error: &DbErr) -> bool {
    database_error(error).and_then(mysql_number) == Some(1193)
}

/// Whether a transaction lost against another one and may succeed at once. False if it timed out waiting for a lock.
pub(crate) fn is_lost_race(error: &DbErr) -> bool {
    let Some(error) = database_error(error) else { return false };
    let code = error.code();
    // MySQL: a deadlock, a changed record. PostgreSQL: a failed serialization, a deadlock. SQLite: a write after an older read.
    matches!((code.as_deref(), mysql_number(error)), (_, Some(1213 | 1020)) | (Some("40001" | "40P01" | "517"), None))
}

/// Whether another transaction held a lock for longer than the statement may wait.
pub(crate) fn is_lock_timeout(error: &DbErr) -> bool {
    let Some(error) = database_error(error) else { return false };
    match mysql_number(error) {
        Some(number) => number == 1205,
        None => error.code().as_deref() == Some("55P03"),
    }
}

fn database_error(error: &DbErr) -> Option<&dyn sqlx::error::DatabaseError> {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else {
        return None;
    };
    error.as_database_error()
}

/// Whether a table or a column is missing: no one has migrated, or another version has.
pub(crate) fn lacks_tables(error: &DbErr) -> bool {
    let Some(error) = database_error(error) else { return false };
    match (error.code().as_deref(), mysql_number(error)) {
        // MySQL's and MariaDB's numbers, PostgreSQL's codes.
        (_, Some(1146 | 1054)) | (Some("42P01" | "42703"), None) => true,
        // SQLite has one code for every error in a statement.
        (Some("1"), None) => ["no such table", "no such column"].iter().any(|text| error.message().starts_with(text)),
        _ => false,
    }
}

/// Whether the account lacks a privilege on a table.
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) fn is_denied(error: &DbErr) -> bool {
    database_error(error).is_some_and(is_denied_by)
}

fn is_denied_by(error: &dyn sqlx::error::DatabaseError) -> bool {
    match mysql_number(error) {
        Some(number) => matches!(number, 1142 | 1143),
        None => error.code().as_deref() == Some("42501"),
    }
}

/// Whether MySQL, or the account, has as many connections as it may. PostgreSQL's pool tries again by itself.
pub(crate) fn is_one_too_many(error: &DbErr) -> bool {
    let DbErr::Conn(RuntimeErr::SqlxError(error)) = error else { return false };
    let error = error.as_database_error();
    matches!(error.and_then(mysql_number), Some(1040 | 1203 | 1226))
}

/// Advice on an error whose message does not say what to do; otherwise empty.
pub(super) fn advice(error: &DbErr) -> &'static str {
    if is_stale(error) {
        return " (what the transaction has read has changed since: begin it with `jobs::begin` or `job.begin()`, and repeat it whole)";
    }
    let Some(error) = database_error(error) else { return "" };
    match (error.code().as_deref(), mysql_number(error)) {
        // `NULL` is written only if the row would not be committed.
        (_, Some(1048)) if error.message().contains("created_at") => {
            " (`autocommit` is 0, so that the job would be lost: set it to 1, or schedule in a transaction)"
        }
        (_, Some(1665)) => " (set `binlog_format` to ROW or MIXED)",
        (Some("3F000"), None) => " (no schema of the session's `search_path` exists: make one, or name another)",
        _ if is_denied_by(error) && error.message().contains("jobs_audit") => {
            " (what sessions and the command line change is recorded there: this takes the rights of an operator, see the guide \"Deploying\")"
        }
        (Some("42P01"), None) if error.message().contains("\"jobs_") => {
            " (`jobs::migrate` makes the tables; they are looked for in the schemas of the session's `search_path`)"
        }
        _ => "",
    }
}

/// Whether a transaction may not write because it reads an older snapshot: `BUSY_SNAPSHOT` on SQLite, a failed serialization on PostgreSQL,
/// a changed record on MariaDB.
fn is_stale(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error))) = error else {
        return false;
    };
    let Some(error) = error.as_database_error() else { return false };
    match mysql_number(error) {
        Some(number) => number == 1020,
        None => matches!(error.code().as_deref(), Some("517" | "40001")),
    }
}

fn of_driver(error: &sqlx::Error) -> Fault {
    match error {
        sqlx::Error::Database(error) => {
            // PostgreSQL gives the SQLSTATE as the code. So does MySQL, but its own numbers say more.
            let code = error.code().unwrap_or_default();
            of_code(&code, mysql_number(error.as_ref()))
        }
        sqlx::Error::Io(_)
        | sqlx::Error::Tls(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_) => Fault::Connection,
        sqlx::Error::Encode(_) => Fault::Data,
        _ => Fault::Other,
    }
}

#[cfg(feature = "mysql")]
fn mysql_number(error: &dyn sqlx::error::DatabaseError) -> Option<u16> {
    error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(sqlx::mysql::MySqlDatabaseError::number)
}

#[cfg(not(feature = "mysql"))]
fn mysql_number(_: &dyn sqlx::error::DatabaseError) -> Option<u16> {
    None
}

#[expect(clippy::match_same_arms, reason = "one arm for one database's codes")]
fn of_code(code: &str, mysql_number: Option<u16>) -> Fault {
    match (code, mysql_number) {
        // Deadlock, lock wait, and a record that changed since it was read (MariaDB's snapshot isolation).
        (_, Some(1213 | 1205 | 1020)) | ("40001" | "40P01" | "55P03", _) => Fault::Contention,
        // A packet over `max_allowed_packet`. Text outside its character set and MySQL's CHECK have no SQLSTATE of their own.
        (_, Some(1153 | 1366 | 3819)) => Fault::Data,
        // The server has no connection left, is shutting down, or has closed this one.
        (_, Some(1040 | 1053 | 1077 | 1079 | 1080 | 1203 | 1927 | 4031)) => Fault::Connection,
        // SQLite's BUSY and LOCKED, with their extended codes.
        ("5" | "6" | "261" | "262" | "517" | "773", None) => Fault::Contention,
        // PostgreSQL: connection exceptions, operator intervention, too many connections.
        (code, None) if code.len() == 5 && (code.starts_with("08") || code.starts_with("57P") || code == "53300") => {
            Fault::Connection
        }
        (code, _) if code.len() == 5 && ["22", "23", "54"].iter().any(|class| code.starts_with(class)) => Fault::Data,
        // SQLite: string or blob too big, constraint, mismatch, with their extended codes.
        (code, None) if matches!(sqlite_primary(code), Some(18..=20)) => Fault::Data,
        _ => Fault::Other,
    }
}

/// Returns SQLite's primary code, which is the lowest byte of an extended one. A SQLSTATE is longer and has none.
fn sqlite_primary(code: &str) -> Option<u32> {
    code.parse().ok().filter(|_| code.len() < 5).map(|code: u32| code & 0xFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlocks_and_lost_races_are_contention() {
        for code in ["40001", "40P01", "5", "517"] {
            assert_eq!(of_code(code, None), Fault::Contention, "{code}");
        }
        assert_eq!(of_code("HY000", Some(1205)), Fault::Contention);
    }

    #[test]
    fn refused_values_are_data() {
        assert_eq!(of_code("22P05", None), Fault::Data);
        assert_eq!(of_code("22001", Some(1406)), Fault::Data);
        assert_eq!(of_code("HY000", Some(3819)), Fault::Data);
        // SQLite's CHECK, trigger and UNIQUE constraints.
        for code in ["18", "19", "275", "1811", "2067"] {
            assert_eq!(of_code(code, None), Fault::Data, "{code}");
        }
    }

    #[test]
    fn a_restarting_server_is_a_connection_fault() {
        assert_eq!(of_code("57P01", None), Fault::Connection);
    }
}
