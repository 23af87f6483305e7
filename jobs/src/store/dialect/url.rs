//! The parts of a database's URL: a driver and, on SQLite, a file.

use sea_orm::sqlx;

use crate::error::{Error, chain};

/// A driver that this program needs to talk to a database.
struct Driver {
    schemes: &'static [&'static str],
    database: &'static str,
    feature: &'static str,
    is_built: bool,
}

const DRIVERS: [Driver; 3] = [
    Driver { schemes: &["sqlite"], database: "SQLite", feature: "sqlite", is_built: cfg!(feature = "sqlite") },
    Driver {
        schemes: &["postgres", "postgresql"],
        database: "PostgreSQL",
        feature: "postgres",
        is_built: cfg!(feature = "postgres"),
    },
    Driver { schemes: &["mysql"], database: "MariaDB", feature: "mysql", is_built: cfg!(feature = "mysql") },
];

/// Returns why this program can't connect to such a URL, without quoting it: it may contain a password.
fn refusal(url: &str) -> Option<String> {
    refusal_by(&DRIVERS, url)
}

fn refusal_by(drivers: &[Driver], url: &str) -> Option<String> {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme).to_ascii_lowercase();
    match drivers.iter().find(|driver| driver.schemes.contains(&scheme.as_str())) {
        Some(driver) if driver.is_built => None,
        Some(Driver { database, feature, .. }) => {
            Some(format!("this program was built without {database}: enable the feature `{feature}` of `jobs`"))
        }
        None => Some("it has to begin with `sqlite:`, `postgres://` or, for MariaDB, `mysql://`".into()),
    }
}

/// Refuses a URL that the driver can't read: sea-orm's error would quote it with its password.
pub(super) fn check(url: &str) -> Result<(), Error> {
    let refused = refusal(url).or_else(|| unreadable(url));
    refused.map_or(Ok(()), |reason| Err(Error::invalid("url", reason)))
}

fn unreadable(url: &str) -> Option<String> {
    if url.starts_with("sqlite://:memory:") {
        return Some("a database in memory is written `sqlite::memory:`, without slashes".into());
    }
    let error: Option<sqlx::Error> = match url.split_once(':').map_or("", |(scheme, _)| scheme) {
        #[cfg(feature = "postgres")]
        "postgres" | "postgresql" => url.parse::<sqlx::postgres::PgConnectOptions>().err(),
        #[cfg(feature = "mysql")]
        "mysql" => url.parse::<sqlx::mysql::MySqlConnectOptions>().err(),
        _ => None,
    };
    error.map(|error| format!("{}; special characters in a user or password are written with `%`", chain(&error)))
}

#[cfg(feature = "sqlite")]
pub(super) fn is_in_memory(url: &str) -> bool {
    url.starts_with("sqlite:") && (url.contains(":memory:") || url.contains("mode=memory"))
}

/// Creates the file that a URL names if it does not exist. SQLite reads an empty one as a new database.
#[cfg(feature = "sqlite")]
pub(super) fn make_file(url: &str) -> Result<(), sea_orm::DbErr> {
    let Some(options) =
        url.starts_with("sqlite:").then(|| url.parse::<sqlx::sqlite::SqliteConnectOptions>().ok()).flatten()
    else {
        return Ok(());
    };
    let file = options.get_filename();
    if is_in_memory(url) || file.as_os_str().is_empty() || file.exists() {
        return Ok(());
    }
    let made = std::fs::OpenOptions::new().create(true).append(true).open(file);
    made.map(|_| ())
        .map_err(|error| sea_orm::DbErr::Conn(sea_orm::RuntimeErr::SqlxError(sqlx::Error::Io(error).into())))
}

/// Adds the file that could not be opened to the error.
#[cfg(feature = "sqlite")]
pub(super) fn with_file(error: sea_orm::DbErr, url: &str) -> sea_orm::DbErr {
    use sea_orm::sqlx::sqlite::SqliteConnectOptions;
    use sea_orm::{DbErr, RuntimeErr};
    match (&error, url.parse::<SqliteConnectOptions>()) {
        (DbErr::Conn(RuntimeErr::SqlxError(cause)), Ok(options)) if !is_in_memory(url) => {
            DbErr::Conn(RuntimeErr::Internal(format!("{}: {cause}", options.get_filename().display())))
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_that_the_program_was_built_without_is_refused_by_its_feature() {
        let without = DRIVERS.map(|driver| Driver { is_built: false, ..driver });
        for (url, reason) in [
            ("sqlite:jobs.db", "without SQLite: enable the feature `sqlite` of `jobs`"),
            ("postgres://localhost/jobs", "without PostgreSQL: enable the feature `postgres` of `jobs`"),
            ("PostgreSQL://localhost/jobs", "without PostgreSQL: enable the feature `postgres` of `jobs`"),
            ("mysql://localhost/jobs", "without MariaDB: enable the feature `mysql` of `jobs`"),
        ] {
            let refusal = refusal_by(&without, url).unwrap();
            assert!(refusal.ends_with(reason), "{url}: {refusal}");
            assert_eq!(refusal_by(&DRIVERS.map(|driver| Driver { is_built: true, ..driver }), url), None);
        }
    }

    #[test]
    fn a_url_of_no_database_is_refused_without_its_password() {
        for url in ["jobs.db", "", "oracle://ada:secret@localhost/jobs"] {
            let refusal = refusal(url).unwrap();
            assert!(refusal.contains("`sqlite:`") && !refusal.contains("secret"), "{url}: {refusal}");
        }
    }
}
