//! Connections of a worker's own beside the user's, and what is asked of a connection.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

#[cfg(feature = "sqlite")]
use super::release;

/// How long a writer waits for its turn on SQLite.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// A pool of a worker's own beside the user's, whose credentials it follows: a program may give its pool others while a worker runs
/// (`SQLx`'s `Pool::set_connect_options`).
pub(crate) struct OwnPool {
    user: DatabaseConnection,
    connections: u32,
    own: DatabaseConnection,
    /// How the user's pool connected when that was last looked at. Kept, so that no other has its address.
    seen: Option<ConnectedBy>,
}

/// The options by which a pool connects, of whatever database.
type ConnectedBy = Arc<dyn Any + Send + Sync>;

impl OwnPool {
    pub(crate) fn beside(user: &DatabaseConnection, connections: u32) -> Self {
        let seen = connected_by(user);
        Self { user: user.clone(), connections, own: own_connections(user, connections), seen }
    }

    /// Its connections: new ones where those before were given up. What is opened from now on connects as the user's pool does now.
    pub(crate) fn connections(&mut self) -> DatabaseConnection {
        if is_closed(&self.own) {
            self.renew();
        } else if key(&self.own) != key(&self.user) {
            let now = connected_by(&self.user);
            if !now.iter().zip(&self.seen).all(|(now, seen)| Arc::ptr_eq(now, seen)) {
                follow(&self.own, &self.user);
                self.seen = now;
            }
        }
        self.own.clone()
    }

    /// Gives those up that it has.
    pub(crate) fn renew(&mut self) {
        *self = Self::beside(&self.user, self.connections);
    }
}

fn connected_by(db: &DatabaseConnection) -> Option<ConnectedBy> {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => Some(db.get_postgres_connection_pool().connect_options()),
        #[cfg(feature = "mysql")]
        DbBackend::MySql => Some(db.get_mysql_connection_pool().connect_options()),
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => Some(db.get_sqlite_connection_pool().connect_options()),
        _ => None,
    }
}

/// Lets one pool connect as the other does, from now on.
fn follow(own: &DatabaseConnection, user: &DatabaseConnection) {
    match own.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => {
            let options = user.get_postgres_connection_pool().connect_options();
            own.get_postgres_connection_pool().set_connect_options(options.as_ref().clone());
        }
        #[cfg(feature = "mysql")]
        DbBackend::MySql => {
            let options = user.get_mysql_connection_pool().connect_options();
            own.get_mysql_connection_pool().set_connect_options(options.as_ref().clone());
        }
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => {
            let options = user.get_sqlite_connection_pool().connect_options();
            own.get_sqlite_connection_pool().set_connect_options(own_sqlite(&options));
        }
        _ => {}
    }
}

#[cfg(feature = "sqlite")]
fn own_sqlite(user: &sea_orm::sqlx::sqlite::SqliteConnectOptions) -> sea_orm::sqlx::sqlite::SqliteConnectOptions {
    user.clone().busy_timeout(BUSY_TIMEOUT).row_buffer_size(1024)
}

/// Connections of a worker's own to the same database, up to `connections`, with the user's settings: so that jobs which use up
/// the user's pool can't hold up heartbeats and finishes. A database in memory is only reached through the pool it lives in.
///
/// On a server they need no look when they come back: where a future of the worker's is dropped, none of its connections are used again,
/// and what fails is rolled back by the server, or by the driver.
pub(crate) fn own_connections(db: &DatabaseConnection, connections: u32) -> DatabaseConnection {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => {
            let pool = db.get_postgres_connection_pool();
            let options = pool
                .options()
                .clone()
                .max_connections(connections)
                .min_connections(0)
                .test_before_acquire(false)
                .after_release(|_, _| Box::pin(async { Ok(true) }));
            options.connect_lazy_with(pool.connect_options().as_ref().clone()).into()
        }
        #[cfg(feature = "mysql")]
        DbBackend::MySql => {
            let pool = db.get_mysql_connection_pool();
            let options = pool
                .options()
                .clone()
                .max_connections(connections)
                .min_connections(0)
                .test_before_acquire(false)
                .after_release(|_, _| Box::pin(async { Ok(true) }));
            options.connect_lazy_with(pool.connect_options().as_ref().clone()).into()
        }
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => {
            let pool = db.get_sqlite_connection_pool();
            let connect = pool.connect_options();
            let file = connect.get_filename().to_string_lossy().into_owned();
            if file.is_empty()
                || file.contains(":memory:")
                || file.contains("mode=memory")
                || file.contains("sqlx-in-memory")
            {
                return db.clone();
            }
            // One writer at a time: those of one pool queue for its connection, instead of asking again and again whether the file
            // is free.
            let options = pool
                .options()
                .clone()
                .max_connections(connections.min(1))
                .min_connections(0)
                .test_before_acquire(false);
            let options = release::check_sqlite(options);
            options.connect_lazy_with(own_sqlite(&connect)).into()
        }
        _ => db.clone(),
    }
}

/// Lets nobody use these connections again. Those that the user has, are the user's.
pub(crate) fn retire(own: &DatabaseConnection, user: &DatabaseConnection) {
    if key(own) == key(user) {
        return;
    }
    // It counts as closed at once; what is still in use is closed when it comes back.
    match own.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => drop(own.get_postgres_connection_pool().close()),
        #[cfg(feature = "mysql")]
        DbBackend::MySql => drop(own.get_mysql_connection_pool().close()),
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => drop(own.get_sqlite_connection_pool().close()),
        _ => {}
    }
}

pub(crate) fn is_closed(db: &DatabaseConnection) -> bool {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => db.get_postgres_connection_pool().is_closed(),
        #[cfg(feature = "mysql")]
        DbBackend::MySql => db.get_mysql_connection_pool().is_closed(),
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => db.get_sqlite_connection_pool().is_closed(),
        _ => false,
    }
}

/// Returns when the program has closed this pool.
pub(crate) async fn closed(db: &DatabaseConnection) {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => db.get_postgres_connection_pool().close_event().await,
        #[cfg(feature = "mysql")]
        DbBackend::MySql => db.get_mysql_connection_pool().close_event().await,
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => db.get_sqlite_connection_pool().close_event().await,
        _ => std::future::pending().await,
    }
}

/// Whether sessions begin with a stricter isolation level than READ COMMITTED, under which claims of several workers fail.
pub(crate) async fn isolates_more(db: &DatabaseConnection) -> Result<bool, DbErr> {
    if db.get_database_backend() != DbBackend::Postgres {
        // MySQL's statements run in transactions of ours, SQLite has one writer.
        return Ok(false);
    }
    let sql = "SELECT current_setting('default_transaction_isolation')";
    let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await?;
    let level: Option<String> = row.map(|row| row.try_get_by_index(0)).transpose()?;
    Ok(level.is_some_and(|level| level != "read committed"))
}

/// What tells one database of this process from another: two connections with the same key share their pool, which keeps its options
/// where they are for as long as it lives.
pub(crate) fn key(db: &DatabaseConnection) -> usize {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => std::ptr::from_ref(db.get_postgres_connection_pool().options()).addr(),
        #[cfg(feature = "mysql")]
        DbBackend::MySql => std::ptr::from_ref(db.get_mysql_connection_pool().options()).addr(),
        #[cfg(feature = "sqlite")]
        DbBackend::Sqlite => std::ptr::from_ref(db.get_sqlite_connection_pool().options()).addr(),
        _ => 0,
    }
}

/// One process migrates at a time. SQLite's transaction is a lock already.
pub(crate) async fn lock_migrations<C: ConnectionTrait>(db: &C, patience: Duration) -> Result<(), DbErr> {
    let sql = match db.get_database_backend() {
        // Held until the transaction ends.
        DbBackend::Postgres => "SELECT 1 FROM pg_advisory_xact_lock(hashtext('jobs_migration'))".to_owned(),
        // Held by the session: MySQL's transactions end at every change of a table.
        DbBackend::MySql => format!("SELECT CAST(GET_LOCK('jobs_migration', {}) AS SIGNED)", patience.as_secs()),
        _ => return Ok(()),
    };
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let locked: Option<i64> = match row {
        Some(row) => row.try_get_by_index::<i32>(0).map(i64::from).or_else(|_| row.try_get_by_index(0)).ok(),
        None => None,
    };
    if locked == Some(1) {
        Ok(())
    } else {
        Err(DbErr::Migration(format!("another process has been migrating for {patience:?}; call migrate again")))
    }
}

/// Lets the next process migrate.
pub(crate) async fn unlock_migrations<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::MySql {
        let sql = "SELECT CAST(RELEASE_LOCK('jobs_migration') AS SIGNED)";
        db.query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await?;
    }
    Ok(())
}

/// Lets the database end a transaction of the user's that goes on doing nothing, where it can limit a single one, so that it does not
/// hold a job for ever.
pub(crate) async fn limit_idle<C: ConnectionTrait>(db: &C, limit: Duration) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::Postgres {
        let sql = "SELECT set_config('idle_in_transaction_session_timeout', $1, true)";
        let values = [limit.as_millis().to_string().into()];
        db.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, sql, values)).await?;
    }
    Ok(())
}

/// The same for a transaction on a connection of a worker's own. A worker does nothing else while it holds rows: where it is silent for
/// so long, its machine or its network is gone.
pub(crate) async fn limit_own_idle<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => "SET LOCAL idle_in_transaction_session_timeout = '10s'",
        // For the whole session, which is the worker's. MySQL has no such limit, and reads a comment.
        DbBackend::MySql => "SET @jobs_idle = 1 /*M!100300 , SESSION idle_transaction_timeout = 10 */",
        _ => return Ok(()),
    };
    db.execute_unprepared(sql).await.map(|_| ())
}

/// Lets the statements of a transaction on a connection of a worker's own wait for locks no longer than about a second, where they can:
/// SQLite has one writer. To be [lifted](lift_lock_waits) before it ends.
pub(crate) async fn limit_lock_waits<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => "SET LOCAL lock_timeout = '250ms'",
        // In whole seconds, and for the session.
        DbBackend::MySql => {
            "SET @jobs_lock_wait = @@SESSION.innodb_lock_wait_timeout, SESSION innodb_lock_wait_timeout = 1"
        }
        _ => return Ok(()),
    };
    db.execute_unprepared(sql).await.map(drop)
}

/// Where the limit would outlive the transaction.
pub(crate) async fn lift_lock_waits<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    if db.get_database_backend() == DbBackend::MySql {
        db.execute_unprepared("SET SESSION innodb_lock_wait_timeout = @jobs_lock_wait").await?;
    }
    Ok(())
}
