//! Settings of a session or its server under which jobs can't be stored or executed: each is refused by its name.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use crate::error::fault;

/// A setting that does not suit jobs.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unsuited {
    pub(crate) setting: &'static str,
    /// Why it does not suit jobs, and what does.
    pub(crate) reason: String,
}

/// The least that a server has to take at once: parameters or results of 1 MiB, written as JSON, with room to spare.
const LEAST_PACKET: u64 = 4 * 1024 * 1024;

/// The settings that are checked.
const SETTINGS: [&str; 7] = [
    "autocommit",
    "sql_mode",
    "sql_safe_updates",
    "sql_select_limit",
    "max_allowed_packet",
    "log_bin",
    "binlog_format",
];

/// Returns the first setting of this session that does not suit jobs.
pub(crate) async fn unsuited<C: ConnectionTrait>(db: &C) -> Result<Option<Unsuited>, DbErr> {
    if db.get_database_backend() != DbBackend::MySql {
        return Ok(None);
    }
    let settings = match ask(db, &SETTINGS).await {
        Ok(settings) => settings,
        // MySQL plans to remove the last one.
        Err(error) if !fault::is_unknown_variable(&error) => return Err(error),
        Err(_) => ask(db, &SETTINGS[..SETTINGS.len() - 1]).await?,
    };
    Ok(unsuited_of(&settings))
}

/// Reads settings as one row, which no limit cuts off, unlike the rows of MySQL's `SHOW VARIABLES`.
async fn ask<C: ConnectionTrait>(db: &C, names: &[&str]) -> Result<HashMap<String, String>, DbErr> {
    let columns: Vec<_> = names.iter().map(|name| format!("CAST(@@{name} AS CHAR)")).collect();
    let sql = format!("SELECT {}", columns.join(", "));
    let Some(row) = db.query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await? else {
        return Ok(HashMap::new());
    };
    names.iter().enumerate().map(|(index, name)| Ok(((*name).to_owned(), row.try_get_by_index(index)?))).collect()
}

fn unsuited_of(settings: &HashMap<String, String>) -> Option<Unsuited> {
    let text = |name| settings.get(name).map_or("", String::as_str);
    let is_on = |name| text(name).eq_ignore_ascii_case("on") || text(name) == "1";
    let number = |name| text(name).parse().unwrap_or(u64::MAX);
    let unsuited = |setting, reason: String| Some(Unsuited { setting, reason });
    if settings.contains_key("autocommit") && !is_on("autocommit") {
        let reason = "it is 0: what is written outside a transaction is lost with its connection; set it to 1";
        return unsuited("autocommit", reason.into());
    }
    if text("sql_mode").split(',').any(|mode| mode.eq_ignore_ascii_case("oracle")) {
        let reason = "ORACLE gives statements another meaning (`BEGIN` begins no transaction); connect with an `sql_mode` without it";
        return unsuited("sql_mode", reason.into());
    }
    if is_on("sql_safe_updates") {
        return unsuited("sql_safe_updates", "it is 1, and refuses updates of many jobs at once; set it to 0".into());
    }
    // Servers have also used the largest 32-bit number for `no limit`.
    if number("sql_select_limit") < u64::from(u32::MAX) {
        let reason = format!("it is {}, and cuts off what is read; set it to DEFAULT", text("sql_select_limit"));
        return unsuited("sql_select_limit", reason);
    }
    if number("max_allowed_packet") < LEAST_PACKET {
        let reason = format!(
            "the server takes no more than {} bytes at once, and jobs may be larger; set it to {LEAST_PACKET} or more",
            text("max_allowed_packet")
        );
        return unsuited("max_allowed_packet", reason);
    }
    if is_on("log_bin") && text("binlog_format").eq_ignore_ascii_case("statement") {
        let reason = "the binary log is on, and STATEMENT can't record transactions that are READ COMMITTED; set it to ROW or MIXED";
        return unsuited("binlog_format", reason.into());
    }
    None
}

/// Explains where missing tables may be, and how to find them there; empty if the database has only one place.
pub(crate) async fn whereabouts<C: ConnectionTrait>(db: &C) -> String {
    if db.get_database_backend() != DbBackend::Postgres {
        return String::new();
    }
    let sql = "SELECT current_setting('search_path'), string_agg(quote_ident(nspname), ', ' ORDER BY nspname)
               FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
               WHERE relname = 'jobs_worker' AND relkind IN ('r', 'p')";
    // A failure to explain another error is not reported.
    let Ok(Some(row)) = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await else {
        return String::new();
    };
    let path: String = row.try_get_by_index(0).unwrap_or_default();
    match row.try_get_by_index::<Option<String>>(1) {
        Ok(Some(schemas)) => format!(
            "; the session's `search_path` is `{path}`, and there are such tables in {schemas}: to use them, put their schema on it, \
             as with `ConnectOptions::set_schema_search_path`"
        ),
        _ => format!("; the session's `search_path` is `{path}`"),
    }
}

/// Whether the record of migrations is in a schema other than the one where tables would be created: PostgreSQL creates them in the first
/// schema of the path that exists, and finds them in all. Returns (where it is, where they would be created).
pub(crate) async fn migrates_elsewhere<C: ConnectionTrait>(db: &C) -> Result<Option<(String, String)>, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(None);
    }
    let sql = "SELECT CAST(nspname AS TEXT), CAST(current_schema() AS TEXT)
               FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
               WHERE pg_class.oid = to_regclass('jobs_migration') AND nspname <> current_schema()";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    row.map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the setting that is refused if a server's own settings are changed like this.
    fn refused(changed: &[(&str, &str)]) -> Option<&'static str> {
        let own = [
            ("autocommit", "ON"),
            ("binlog_format", "ROW"),
            ("log_bin", "ON"),
            ("max_allowed_packet", "16777216"),
            ("sql_mode", "STRICT_TRANS_TABLES,PIPES_AS_CONCAT,NO_ENGINE_SUBSTITUTION"),
            ("sql_safe_updates", "OFF"),
            ("sql_select_limit", "18446744073709551615"),
        ];
        let settings = own.iter().chain(changed).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        unsuited_of(&settings.collect()).map(|unsuited| unsuited.setting)
    }

    #[test]
    fn a_setting_that_does_not_suit_jobs_is_refused_by_its_name() {
        assert_eq!(refused(&[]), None);
        for (setting, value) in [
            ("autocommit", "OFF"),
            ("sql_mode", "PIPES_AS_CONCAT,ANSI_QUOTES,ORACLE"),
            ("sql_safe_updates", "ON"),
            ("sql_select_limit", "3"),
            ("max_allowed_packet", "1048576"),
            ("binlog_format", "STATEMENT"),
        ] {
            assert_eq!(refused(&[(setting, value)]), Some(setting));
        }
    }

    #[test]
    fn what_does_no_harm_is_not_refused() {
        let harmless: [&[(&str, &str)]; 4] = [
            &[("binlog_format", "STATEMENT"), ("log_bin", "OFF")],
            &[("sql_select_limit", "4294967295")],
            &[("sql_mode", "")],
            &[("max_allowed_packet", "4194304")],
        ];
        for settings in harmless {
            assert_eq!(refused(settings), None, "{settings:?}");
        }
        assert_eq!(unsuited_of(&HashMap::new()), None);
    }
}
