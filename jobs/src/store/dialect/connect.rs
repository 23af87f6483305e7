//! Connecting: the caller's options, and settings that suit jobs.
//!
//! sea-orm keeps one function for each setting, and a second one replaces the first. So a temporary pool resolves the caller's options
//! first, and the settings that suit jobs are added to the result.

use std::time::Duration;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use sea_orm::sqlx::{self, Connection as _};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbBackend, DbErr};
use tracing::dispatcher::{self, Dispatch};
use tracing::instrument::WithSubscriber as _;
use tracing::log::LevelFilter;
use tracing::subscriber::NoSubscriber;

use super::connection::BUSY_TIMEOUT;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::limits;
use super::session::{self, Unsuited};
use super::url;
use crate::error::Error;
use crate::error::fault::{self, Fault};

/// How many connections a program has by default, and how long it waits for one.
const CONNECTIONS: u32 = 10;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

/// After how long without use a connection is tested: a server that restarts, or that closes idle connections, does so without telling the
/// pool. A connection that is in use all the time is not tested.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const IDLE: Duration = Duration::from_secs(1);

/// Returns options that suit jobs, with nothing else set.
pub(crate) fn options(url: &str) -> ConnectOptions {
    let mut options = ConnectOptions::new(url.to_owned());
    options.acquire_timeout(ACQUIRE_TIMEOUT);
    options
}

/// Connects to a database with settings that suit jobs. While a new SQLite file gets its write-ahead log, SQLite does not wait: a
/// connection at that moment is refused, and tried again.
pub(crate) async fn connect(mut options: ConnectOptions) -> Result<DatabaseConnection, Error> {
    url::check(options.get_url())?;
    set_what_is_open(&mut options);
    let patience = tokio::time::Instant::now() + BUSY_TIMEOUT;
    loop {
        match connect_once(options.clone()).await {
            Err(error) if fault::of(&error) == Fault::Contention && tokio::time::Instant::now() < patience => {
                tokio::time::sleep(Duration::from_millis(fastrand::u64(5..50))).await;
            }
            #[cfg(feature = "sqlite")]
            Err(error) if options.get_url().starts_with("sqlite:") => {
                return Err(url::with_file(error, options.get_url()).into());
            }
            result => {
                let db = result?;
                // A lazy connection is checked when a worker starts on it.
                if !options.get_connect_lazy() {
                    refuse_unsuited(&db).await?;
                }
                return Ok(db);
            }
        }
    }
}

async fn refuse_unsuited(db: &DatabaseConnection) -> Result<(), Error> {
    let Some(Unsuited { setting, reason }) = session::unsuited(db).await? else { return Ok(()) };
    db.close_by_ref().await?;
    Err(Error::invalid(setting, reason))
}

async fn connect_once(mut options: ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    #[cfg(feature = "sqlite")]
    url::make_file(options.get_url())?;
    let resolved = resolve(&options).await?;
    match resolved.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => compose_postgres(&mut options, &resolved).await?,
        #[cfg(feature = "mysql")]
        DbBackend::MySql => compose_mysql(&mut options, &resolved).await?,
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => compose_sqlite(&mut options, &resolved),
        _ => {}
    }
    resolved.close().await?;
    let is_lazy = options.get_connect_lazy();
    options.connect_lazy(true);
    let db = unheard(Database::connect(options)).await?;
    if !is_lazy {
        ping(&db).await?;
    }
    Ok(db)
}

/// How long the server may take to notice that a connection was closed.
const STILL_COUNTS: Duration = Duration::from_secs(10);

/// Uses the pool for the first time. If the account may have few connections, the one that was just closed may still be one of them.
async fn ping(db: &DatabaseConnection) -> Result<(), DbErr> {
    let begin = tokio::time::Instant::now();
    loop {
        match db.ping().await {
            Err(error) if fault::is_one_too_many(&error) && begin.elapsed() < STILL_COUNTS => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            result => return result,
        }
    }
}

/// Sets the options that the caller has not set. sea-orm's own defaults count as not set.
fn set_what_is_open(options: &mut ConnectOptions) {
    if options.get_max_connections().is_none() {
        options.max_connections(CONNECTIONS);
    }
    if options.get_sqlx_logging_level() == LevelFilter::Info {
        options.sqlx_logging_level(LevelFilter::Trace);
    }
    if options.get_sqlx_slow_statements_logging_settings().0 == LevelFilter::Off {
        options.sqlx_slow_statements_logging_settings(LevelFilter::Warn, Duration::from_secs(5));
    }
    if options.get_url().starts_with("sqlite:") {
        options.test_before_acquire(false);
    }
    #[cfg(any(feature = "postgres", feature = "mysql"))]
    if options.get_test_before_acquire() {
        options.test_before_acquire_if_idle_for(IDLE);
    }
}

/// Returns a pool with the caller's options. Only SQLite's is used, by sea-orm, which asks for its version.
async fn resolve(options: &ConnectOptions) -> Result<DatabaseConnection, DbErr> {
    let mut options = options.clone();
    options.connect_lazy(true).after_connect(|_| Box::pin(async { Ok(()) }));
    unheard(Database::connect(options)).await
}

/// Hides sea-orm's span, which contains all options and the password in the URL, from subscribers. If there is no subscriber, none is set:
/// otherwise events that go to the `log` crate would stop forever.
async fn unheard<T>(connect: impl Future<Output = T>) -> T {
    if dispatcher::get_default(Dispatch::is::<NoSubscriber>) {
        connect.await
    } else {
        connect.with_subscriber(Dispatch::none()).await
    }
}

#[cfg(feature = "postgres")]
async fn compose_postgres(options: &mut ConnectOptions, resolved: &DatabaseConnection) -> Result<(), DbErr> {
    let pool = resolved.get_postgres_connection_pool();
    let connect = pool.connect_options().as_ref().clone();
    let mut composed = super::release::check_postgres(pool.options().clone());
    if !options.get_connect_lazy() {
        let mut connection = reach::<sqlx::PgConnection>(&connect, composed.get_acquire_timeout()).await?;
        let limit = sqlx::query_scalar(limits::POSTGRES_LIMIT).fetch_one(&mut connection).await;
        let connections = limits::of_pool(composed.get_max_connections(), limit.ok().flatten());
        composed = composed.max_connections(connections);
        // If this fails, it ends with its socket.
        let _ = connection.close().await;
    }
    options.map_sqlx_postgres_opts(move |_| connect.clone()).map_sqlx_postgres_pool_opts(move |_| composed.clone());
    Ok(())
}

#[cfg(feature = "mysql")]
async fn compose_mysql(options: &mut ConnectOptions, resolved: &DatabaseConnection) -> Result<(), DbErr> {
    let pool = resolved.get_mysql_connection_pool();
    let connect = pool.connect_options().as_ref().clone();
    let mut composed = super::release::check_mysql(pool.options().clone());
    if !options.get_connect_lazy() {
        let mut connection = reach::<sqlx::MySqlConnection>(&connect, composed.get_acquire_timeout()).await?;
        let limit = sqlx::query_scalar(limits::MYSQL_LIMIT).fetch_one(&mut connection).await;
        let connections = limits::of_pool(composed.get_max_connections(), limit.ok().flatten());
        composed = composed.max_connections(connections);
        // If this fails, it ends with its socket.
        let _ = connection.close().await;
    }
    options.map_sqlx_mysql_opts(move |_| connect.clone()).map_sqlx_mysql_pool_opts(move |_| composed.clone());
    Ok(())
}

#[cfg(feature = "sqlite")]
fn compose_sqlite(options: &mut ConnectOptions, resolved: &DatabaseConnection) {
    use sea_orm::sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};

    let pool = resolved.get_sqlite_connection_pool();
    let connect = pool.connect_options().as_ref().clone();
    let connect = connect
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged job survives a power failure.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    let mut composed = pool.options().clone();
    if url::is_in_memory(options.get_url()) {
        // Each connection would be a separate database.
        composed = composed.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
    } else {
        // A database in memory would be lost with its connection.
        composed = super::release::check_sqlite(composed);
    }
    options.map_sqlx_sqlite_opts(move |_| connect.clone()).map_sqlx_sqlite_pool_opts(move |_| composed.clone());
}

/// How long a server that refuses connections may take to start.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const COMING_UP: Duration = Duration::from_secs(3);

/// Opens a first connection, outside the pool. A pool would not say why it can't: it tries until its timeout, and reports that.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn reach<C: sqlx::Connection>(options: &C::Options, patience: Duration) -> Result<C, DbErr> {
    let begin = tokio::time::Instant::now();
    let mut last = sqlx::Error::PoolTimedOut;
    let connect = async {
        loop {
            last = match C::connect_with(options).await {
                Ok(connection) => return Ok(connection),
                Err(error) => error,
            };
            let may_come_up = match &last {
                sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    begin.elapsed() < COMING_UP
                }
                sqlx::Error::Database(error) => error.is_transient_in_connect_phase(),
                _ => false,
            };
            if !may_come_up {
                return Err(std::mem::replace(&mut last, sqlx::Error::PoolTimedOut));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let reached = tokio::time::timeout(patience, connect).await;
    reached.unwrap_or(Err(last)).map_err(|error| DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())))
}
