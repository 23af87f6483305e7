//! The statements of each [`Dialect`], word for word: `jobs/golden/<database>.sql`. White space does not count. Excluded are queries about
//! sessions and servers, and what SeaORM builds.
//!
//! With `UPDATE_GOLDEN=1` in the environment, the tests rewrite the files.

use std::path::Path;
use std::{env, fs};

use super::{Dialect, mysql, postgres, sqlite};

#[test]
fn the_statements_of_sqlite_are_as_agreed() {
    check("sqlite", &sqlite::DIALECT);
}

#[test]
fn the_statements_of_postgres_are_as_agreed() {
    check("postgres", &postgres::DIALECT);
}

#[test]
fn the_statements_of_mysql_are_as_agreed() {
    check("mysql", &mysql::DIALECT);
}

fn check(name: &str, dialect: &Dialect) {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden").join(name).with_extension("sql");
    let now = statements(dialect);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, &now).unwrap();
    }
    let agreed = fs::read_to_string(&golden).unwrap_or_default();
    let changed = now.lines().zip(agreed.lines().chain(std::iter::repeat(""))).find(|(now, agreed)| now != agreed);
    assert!(agreed == now, "{name}: a statement has changed (UPDATE_GOLDEN=1 keeps it): {changed:#?}");
}

/// Formats the dialect as text that can be read and compared: one clause per line.
fn statements(dialect: &Dialect) -> String {
    let fields = format!("{dialect:#?}");
    // The address of a function says nothing; its output does.
    let fields = fields.lines().filter(|field| !field.contains(": 0x")).map(clauses).collect::<String>();
    let update = (dialect.by_id)("UPDATE `jobs_job` SET `priority` = 1 WHERE `id` = 1");
    let update_some = (dialect.by_ids)("UPDATE `jobs_job` SET `priority` = 1");
    let insert = (dialect.insert_or_ignore)("INSERT INTO jobs_cron (name) VALUES (1)");
    format!("{fields}by_id: {update}\nby_ids: {update_some}\ninsert_or_ignore: {insert}\n")
}

fn clauses(field: &str) -> String {
    let indent = field.len() - field.trim_start().len();
    let mut text = String::new();
    for word in field.replace("\\n", " ").replace("\\\"", "\"").split_whitespace() {
        let begins =
            ["WITH", "SELECT", "FROM", "WHERE", "ORDER", "INSERT", "UPDATE", "DELETE", "SET", "RETURNING", "UNION"];
        match word {
            _ if text.is_empty() => text.push_str(&" ".repeat(indent)),
            word if begins.contains(&word.trim_start_matches('(')) => {
                text.push('\n');
                text.push_str(&" ".repeat(indent + 4));
            }
            _ => text.push(' '),
        }
        text.push_str(word);
    }
    text + "\n"
}
