//! The run's own databases, dropped when it ends; and checks of what was done in them, by SQL.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jobs::sea_orm::{ConnectOptions, ConnectionTrait, DatabaseConnection, Statement};

use tracing::log::LevelFilter;

use crate::Result;

/// The kinds of databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Postgres,
    Mysql,
    Sqlite,
}

/// Where the run creates its databases.
#[derive(Debug)]
pub(crate) struct Server {
    kind: Kind,
    url: String,
    made: Mutex<Vec<String>>,
}

impl Server {
    pub(crate) fn new(url: &str) -> Result<Self> {
        let kind = match url.split(':').next() {
            Some("postgres" | "postgresql") => Kind::Postgres,
            Some("mysql" | "mariadb") => Kind::Mysql,
            Some("sqlite") if url.contains("memory") => {
                return Err("a database in memory has one connection: give a file".into());
            }
            Some("sqlite") => Kind::Sqlite,
            _ => return Err(format!("{url}: neither postgres://…, mysql://… nor sqlite:…").into()),
        };
        Ok(Self { kind, url: url.to_owned(), made: Mutex::default() })
    }

    /// Creates a schema, database or file, with the tables.
    pub(crate) async fn make(&self) -> Result<Database> {
        let (name, url) = self.next();
        match self.kind {
            Kind::Postgres => self.execute(&format!("CREATE SCHEMA {name}")).await?,
            Kind::Mysql => self.execute(&format!("CREATE DATABASE {name}")).await?,
            Kind::Sqlite => {}
        }
        let db = jobs::connect(&url).await?;
        jobs::migrate(&db).await?;
        Ok(Database { kind: self.kind, name, url, db })
    }

    /// An unused name, and its URL.
    fn next(&self) -> (String, String) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("jobs_bench_{}_{}", std::process::id(), made.len());
        let (before, query) = match self.url.split_once('?') {
            Some((before, query)) => (before, format!("?{query}")),
            None => (self.url.as_str(), String::new()),
        };
        let url = match self.kind {
            Kind::Postgres => {
                format!("{before}{query}{}options=-c%20search_path%3D{name}", if query.is_empty() { '?' } else { '&' })
            }
            Kind::Mysql => {
                let host = before.match_indices('/').nth(2).map_or(before, |(slash, _)| &before[..slash]);
                format!("{host}/{name}{query}")
            }
            Kind::Sqlite => format!("{before}.{name}"),
        };
        made.push(name.clone());
        (name, url)
    }

    /// Drops everything that was created.
    pub(crate) async fn clean_up(&self) -> Result<()> {
        let made = std::mem::take(&mut *self.made.lock().unwrap_or_else(PoisonError::into_inner));
        for name in made {
            self.drop(&name).await?;
        }
        Ok(())
    }

    /// Drops a database that is no longer needed, to free its space.
    pub(crate) async fn remove(&self, database: Database) -> Result<()> {
        database.db.close().await?;
        self.drop(&database.name).await
    }

    async fn drop(&self, name: &str) -> Result<()> {
        match self.kind {
            Kind::Postgres => self.execute(&format!("DROP SCHEMA IF EXISTS {name} CASCADE")).await,
            Kind::Mysql => self.execute(&format!("DROP DATABASE IF EXISTS {name}")).await,
            Kind::Sqlite => {
                let file = self.url.trim_start_matches("sqlite:").trim_start_matches("//");
                let file = file.split('?').next().unwrap_or(file);
                for suffix in ["", "-wal", "-shm"] {
                    match std::fs::remove_file(format!("{file}.{name}{suffix}")) {
                        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                        _ => {}
                    }
                }
                Ok(())
            }
        }
    }

    async fn execute(&self, sql: &str) -> Result<()> {
        let mut options = ConnectOptions::new(self.url.clone());
        options.max_connections(1).sqlx_logging(false);
        let db = jobs::sea_orm::Database::connect(options).await?;
        db.execute_unprepared(sql).await?;
        Ok(db.close().await?)
    }
}

/// One database with the tables of `jobs`.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    pub(crate) url: String,
    /// The connection, as `jobs::connect` makes it.
    pub(crate) db: DatabaseConnection,
}

impl Database {
    /// Connects as `jobs::connect` does, with this many connections, all of them open.
    pub(crate) async fn connect(&self, connections: u32) -> Result<DatabaseConnection> {
        let mut options = ConnectOptions::new(self.url.clone());
        options
            .min_connections(connections)
            .max_connections(connections)
            .test_before_acquire(false)
            .sqlx_logging_level(LevelFilter::Trace)
            .map_sqlx_sqlite_opts(|options| {
                options.pragma("synchronous", "FULL").busy_timeout(Duration::from_secs(30))
            });
        Ok(jobs::sea_orm::Database::connect(options).await?)
    }

    pub(crate) async fn execute(&self, sql: &str) -> Result<()> {
        self.db.execute_unprepared(sql).await.map_err(|error| format!("{error}: {sql}"))?;
        Ok(())
    }

    /// The number that a query returns.
    pub(crate) async fn number(&self, sql: &str) -> Result<u64> {
        let row = self.db.query_one_raw(Statement::from_string(self.db.get_database_backend(), sql)).await?;
        let number: i64 = row.ok_or("a query gave no row")?.try_get_by_index(0)?;
        Ok(number.try_into()?)
    }

    /// Deletes all jobs.
    pub(crate) async fn empty(&self) -> Result<()> {
        match self.kind {
            Kind::Postgres => self.execute("TRUNCATE jobs_job, jobs_message, jobs_attempt, jobs_unique").await,
            Kind::Mysql => {
                self.execute("TRUNCATE TABLE jobs_job").await?;
                self.execute("TRUNCATE TABLE jobs_unique").await
            }
            Kind::Sqlite => {
                self.execute("DELETE FROM jobs_job").await?;
                self.execute("DELETE FROM jobs_unique").await
            }
        }
    }

    /// Updates the planner's statistics, and completes the work left over from earlier writes, so that the run does not pay for it.
    pub(crate) async fn settle(&self) -> Result<()> {
        match self.kind {
            Kind::Postgres => self.execute("VACUUM ANALYZE jobs_job").await,
            Kind::Mysql => self.execute("ANALYZE TABLE jobs_job").await,
            Kind::Sqlite => {
                self.execute("ANALYZE").await?;
                self.execute("PRAGMA wal_checkpoint(TRUNCATE)").await
            }
        }
    }

    /// Checks that there are this many rows, each of a job that succeeded at its first attempt.
    pub(crate) async fn check_done(&self, jobs: u64) -> Result<()> {
        let rows = self.number("SELECT count(*) FROM jobs_job").await?;
        let done = self.number(&format!("SELECT count(*) FROM jobs_job WHERE {DONE_ONCE}")).await?;
        let bad = self.number("SELECT count(*) FROM jobs_attempt").await?;
        if (rows, done, bad) == (jobs, jobs, 0) {
            Ok(())
        } else {
            let waiting = self.number("SELECT count(*) FROM jobs_job WHERE status = 0").await?;
            let again = self.number("SELECT count(*) FROM jobs_job WHERE attempt > 1").await?;
            let what = format!(
                "of {jobs} jobs there are {rows}: {done} finished once, {waiting} wait, {again} began more than once, \
                 {bad} attempts ended badly"
            );
            Err(what.into())
        }
    }

    /// Checks that this many jobs wait, untouched.
    pub(crate) async fn check_waiting(&self, jobs: u64) -> Result<()> {
        let rows = self.number("SELECT count(*) FROM jobs_job").await?;
        let sql = "SELECT count(*) FROM jobs_job WHERE status = 0 AND attempt = 0 AND version = 0 AND queue = 'bench' AND name = 'Noop'";
        let waiting = self.number(sql).await?;
        if (rows, waiting) == (jobs, jobs) {
            Ok(())
        } else {
            Err(format!("of {jobs} scheduled jobs there are {rows}, of which {waiting} wait").into())
        }
    }

    /// Waits until no row is running: everything that was executed is then written.
    pub(crate) async fn until_written(&self) -> Result<()> {
        self.until_none("SELECT count(*) FROM jobs_job WHERE status = 1").await
    }

    /// Waits until this query counts zero.
    pub(crate) async fn until_none(&self, sql: &str) -> Result<()> {
        while self.number(sql).await? > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}

/// A claim and a finish. A worker may have given the job back before, untouched: its version says so, its attempt does not.
pub(crate) const DONE_ONCE: &str = "status = 4 AND attempt = 1 AND version >= 2 AND started_at IS NOT NULL AND finished_at IS NOT NULL AND worker_id IS NOT NULL";
