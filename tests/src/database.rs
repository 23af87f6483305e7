//! A separate database for each test: a file, a schema, or a database on the server that the environment names.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbErr};
use tempfile::TempDir;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// The server in `JOBS_TEST_POSTGRES_URL`.
    Postgres,
    /// The server in `JOBS_TEST_MARIADB_URL`.
    Mariadb,
    /// The server in `JOBS_TEST_MYSQL_URL`.
    Mysql,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Sqlite, Self::Postgres, Self::Mariadb, Self::Mysql];

    /// Whether it notifies other processes.
    #[must_use]
    pub fn notifies(self) -> bool {
        self == Self::Postgres
    }

    /// Whether it speaks MySQL's language: MariaDB or MySQL.
    #[must_use]
    pub fn speaks_mysql(self) -> bool {
        matches!(self, Self::Mariadb | Self::Mysql)
    }

    /// Whether its columns for JSON accept text that is not JSON.
    #[must_use]
    pub fn takes_any_text(self) -> bool {
        self == Self::Sqlite
    }

    /// Whether it may live in memory, and be dropped with its connection.
    #[must_use]
    pub fn can_be_in_memory(self) -> bool {
        self == Self::Sqlite
    }

    /// Whether a single row can be locked, and not only all.
    #[must_use]
    pub fn locks_rows(self) -> bool {
        self != Self::Sqlite
    }

    /// Whether its sessions can refuse to write what has changed since a transaction has read (`innodb_snapshot_isolation`).
    #[must_use]
    pub fn may_refuse_what_has_changed(self) -> bool {
        self == Self::Mariadb
    }

    /// The URL of the server; `None` if the environment does not name it.
    #[must_use]
    pub fn server(self) -> Option<String> {
        let variable = match self {
            Self::Sqlite => return Some("sqlite:".into()),
            Self::Postgres => "JOBS_TEST_POSTGRES_URL",
            Self::Mariadb => "JOBS_TEST_MARIADB_URL",
            Self::Mysql => "JOBS_TEST_MYSQL_URL",
        };
        std::env::var(variable).ok().filter(|url| !url.is_empty())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
        })
    }
}

/// A database that one test has to itself, with the tables made.
pub struct Database {
    kind: Kind,
    name: String,
    url: String,
    db: DatabaseConnection,
    _directory: Option<TempDir>,
}

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Distinguishes the databases of this run from those of another on the same server: processes elsewhere, or later, may have its id.
static RUN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()) % 100_000_000);

impl Database {
    /// Creates a database with the tables.
    pub async fn new(kind: Kind) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let database = Self::empty(kind).await?;
        jobs::migrate(&database.db).await?;
        Ok(database)
    }

    /// Creates a database without tables.
    pub async fn empty(kind: Kind) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let server = kind.server().ok_or("the environment names no such server")?;
        Self::empty_on(kind, &server).await
    }

    /// Creates a database with the tables, on the test's own server.
    pub async fn on(kind: Kind, server: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let database = Self::empty_on(kind, server).await?;
        jobs::migrate(&database.db).await?;
        Ok(database)
    }

    async fn empty_on(kind: Kind, server: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let name = format!("jobs_test_{}_{}", *RUN, NUMBER.fetch_add(1, Ordering::Relaxed));
        let (url, directory) = match kind {
            Kind::Sqlite => {
                let directory = tempfile::tempdir()?;
                (format!("sqlite:{}", directory.path().join("jobs.db").display()), Some(directory))
            }
            Kind::Postgres => {
                on_server(server, &format!("CREATE SCHEMA {name}")).await?;
                (with_option(server, &format!("options=-c%20search_path%3D{name}")), None)
            }
            Kind::Mariadb | Kind::Mysql => {
                on_server(server, &format!("CREATE DATABASE {name}")).await?;
                let (before, _) = server.rsplit_once('/').ok_or("the URL names no database")?;
                (format!("{before}/{name}"), None)
            }
        };
        let db = jobs::connect(&url).await?;
        Ok(Self { kind, name, url, db, _directory: directory })
    }

    /// The kind of the database.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The schema, or database, on its server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The URL of the database, for other processes.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The connection.
    #[must_use]
    pub const fn db(&self) -> &DatabaseConnection {
        &self.db
    }

    /// Opens another connection.
    ///
    /// # Panics
    ///
    /// If the database can't be reached.
    pub async fn connect(&self) -> DatabaseConnection {
        jobs::connect(&self.url).await.expect("the database was there a moment ago")
    }

    /// Runs a statement.
    ///
    /// # Panics
    ///
    /// If the database refuses it.
    pub async fn execute(&self, sql: &str) -> u64 {
        let result = self.db.execute_unprepared(sql).await;
        result.unwrap_or_else(|error| panic!("{error}: {sql}")).rows_affected()
    }

    /// Runs a statement that the database may refuse.
    pub async fn try_execute(&self, sql: &str) -> Result<u64, DbErr> {
        self.db.execute_unprepared(sql).await.map(|result| result.rows_affected())
    }

    /// Returns the first number of the first row.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub async fn number(&self, sql: &str) -> i64 {
        let statement = sea_orm::Statement::from_string(self.db.get_database_backend(), sql);
        let row = self.db.query_one_raw(statement).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
        let row = row.expect("a row");
        row.try_get_by_index(0).or_else(|_| row.try_get_by_index::<i32>(0).map(i64::from)).expect("a number")
    }

    /// Returns the first number of each row.
    ///
    /// # Panics
    ///
    /// If the database refuses the query.
    pub async fn numbers(&self, sql: &str) -> Vec<i64> {
        let statement = sea_orm::Statement::from_string(self.db.get_database_backend(), sql);
        let rows = self.db.query_all_raw(statement).await.unwrap_or_else(|error| panic!("{error}: {sql}"));
        rows.iter().map(|row| row.try_get_by_index(0).expect("a number")).collect()
    }

    /// A time that lies this many seconds after the database's clock, as SQL.
    #[must_use]
    pub fn seconds_from_now(&self, seconds: i64) -> String {
        match self.kind {
            Kind::Sqlite => format!("strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '{seconds} seconds')"),
            Kind::Postgres => format!("statement_timestamp() + interval '{seconds} seconds'"),
            Kind::Mariadb | Kind::Mysql => format!("UTC_TIMESTAMP(6) + INTERVAL {seconds} SECOND"),
        }
    }

    /// Makes everything that waits due now.
    pub async fn make_due(&self) {
        let past = self.seconds_from_now(-1);
        self.execute(&format!("UPDATE jobs_job SET scheduled_at = {past} WHERE status = 0")).await;
    }

    pub(crate) async fn drop_server_side(kind: Kind, name: &str) -> Result<(), DbErr> {
        match kind {
            Kind::Sqlite => Ok(()),
            Kind::Postgres => Self::on_its_server(kind, &format!("DROP SCHEMA {name} CASCADE")).await,
            Kind::Mariadb | Kind::Mysql => Self::on_its_server(kind, &format!("DROP DATABASE {name}")).await,
        }
    }

    /// Runs a statement on the server that the environment names.
    pub(crate) async fn on_its_server(kind: Kind, sql: &str) -> Result<(), DbErr> {
        match kind.server() {
            Some(server) => on_server(&server, sql).await,
            None => Ok(()),
        }
    }
}

async fn on_server(url: &str, sql: &str) -> Result<(), DbErr> {
    let mut options = sea_orm::ConnectOptions::new(url.to_owned());
    options.max_connections(1).sqlx_logging(false);
    let db = sea_orm::Database::connect(options).await?;
    db.execute_unprepared(sql).await?;
    db.close().await
}

fn with_option(url: &str, option: &str) -> String {
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{option}")
}
