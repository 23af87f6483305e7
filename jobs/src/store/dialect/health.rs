//! Diagnostics: open transactions, and whether the file of a URL exists.

#[cfg(feature = "cli")]
use std::path::PathBuf;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend, DbErr, Statement};

use super::Dialect;

/// A transaction that has been open for a long time.
#[derive(Debug)]
pub(crate) struct OpenTransaction {
    /// The database's identifier of its session.
    pub(crate) session: i64,
    /// The owner of the session.
    pub(crate) owner: String,
    pub(crate) age: Duration,
}

/// Open transactions, as far as they can be seen.
#[derive(Debug, Default)]
pub(crate) struct OpenTransactions {
    /// Transactions that have been open for a long time, oldest first.
    pub(crate) long: Vec<OpenTransaction>,
    /// How many sessions may have one that this user can't see.
    pub(crate) hidden: usize,
}

/// Returns transactions in this database that have been open for longer than `limit`; none if the database does not track any.
pub(crate) async fn open_transactions<C: ConnectionTrait>(
    db: &C,
    dialect: &Dialect,
    limit: Duration,
) -> Result<OpenTransactions, DbErr> {
    let sql = match dialect.backend {
        DbBackend::Postgres => POSTGRES,
        DbBackend::MySql => MYSQL,
        _ => return Ok(OpenTransactions::default()),
    };
    let statement = Statement::from_sql_and_values(dialect.backend, sql, [limit.as_secs_f64().into()]);
    let mut open = OpenTransactions::default();
    for row in db.query_all_raw(statement).await? {
        let age: Option<i64> = row.try_get_by_index(2)?;
        let Some(age) = age else {
            open.hidden += 1;
            continue;
        };
        open.long.push(OpenTransaction {
            session: row.try_get_by_index(0)?,
            owner: row.try_get_by_index(1)?,
            age: Duration::from_secs(age.try_into().unwrap_or(0)),
        });
    }
    Ok(open)
}

/// A user without the privilege to see other users' sessions sees that they exist, and no more.
const POSTGRES: &str = "
SELECT CAST(pid AS BIGINT), concat_ws(' ', usename, application_name, state),
       CAST(EXTRACT(EPOCH FROM statement_timestamp() - xact_start) AS BIGINT)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND (backend_type = 'client backend' AND xact_start < statement_timestamp() - make_interval(secs => $1)
       OR backend_type IS NULL)
ORDER BY xact_start";

/// Fails for a user without the privilege to see all sessions.
const MYSQL: &str = "
SELECT CAST(processlist.ID AS SIGNED), CAST(CONCAT(processlist.USER, '@', processlist.HOST) AS CHAR),
       CAST(TIMESTAMPDIFF(SECOND, trx_started, NOW()) AS SIGNED)
FROM information_schema.INNODB_TRX
JOIN information_schema.PROCESSLIST AS processlist ON processlist.ID = trx_mysql_thread_id
WHERE processlist.DB = DATABASE() AND trx_started < NOW() - INTERVAL ? SECOND
ORDER BY trx_started";

/// Returns the file that a URL names, if it names one that does not exist: connecting would create it.
#[cfg(feature = "cli")]
pub(crate) fn missing_file(url: &str) -> Option<PathBuf> {
    let name = url.strip_prefix("sqlite:")?;
    let name = name.strip_prefix("//").unwrap_or(name);
    let name = name.split('?').next().unwrap_or(name);
    // Percent-encoded names are left to the driver.
    if name.is_empty() || name.contains('%') || name.contains(":memory:") || url.contains("mode=memory") {
        return None;
    }
    Some(PathBuf::from(name)).filter(|file| !file.exists())
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use super::*;

    #[test]
    fn only_a_file_can_be_missing() {
        for url in ["sqlite::memory:", "sqlite://:memory:", "sqlite:x?mode=memory", "postgres://localhost/jobs"] {
            assert_eq!(missing_file(url), None, "{url}");
        }
        for url in ["sqlite:/no/such/file.db", "sqlite:///no/such/file.db?cache=private"] {
            assert_eq!(missing_file(url), Some("/no/such/file.db".into()), "{url}");
        }
    }
}
