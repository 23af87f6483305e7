//! A worker's own connections, beside the user's.

use std::any::Any;
use std::sync::Arc;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::time::Duration;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use sea_orm::sqlx::Pool;
use sea_orm::{DatabaseConnection, DbBackend};

#[cfg(feature = "sqlite")]
use super::connection::BUSY_TIMEOUT;
use super::connection::{is_closed, key};
#[cfg(feature = "sqlite")]
use super::release;

/// A worker's own pool beside the user's, whose credentials it follows: a program may give its pool others while a worker runs
/// (`SQLx`'s `Pool::set_connect_options`).
pub(crate) struct OwnPool {
    user: DatabaseConnection,
    connections: u32,
    own: DatabaseConnection,
    /// How the user's pool connected at the last check. Kept, so that no other options get its address.
    seen: Option<ConnectedBy>,
}

/// The options with which a pool connects, for any database.
type ConnectedBy = Arc<dyn Any + Send + Sync>;

impl OwnPool {
    pub(crate) fn beside(user: &DatabaseConnection, connections: u32) -> Self {
        let seen = connected_by(user);
        Self { user: user.clone(), connections, own: own_connections(user, connections), seen }
    }

    /// Returns its connections: new ones if the old ones were given up. Those opened from now on connect as the user's pool does now.
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

    /// Gives up its connections and starts with new ones.
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

/// Makes one pool connect like the other from now on.
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

/// Returns a worker's own connections to the same database, up to `connections`, with the user's settings, so that jobs that use up the
/// user's pool can't hold up heartbeats and finishes. A database in memory can be reached only through its own pool.
pub(crate) fn own_connections(db: &DatabaseConnection, connections: u32) -> DatabaseConnection {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => own_on_server(db.get_postgres_connection_pool(), connections, None).into(),
        #[cfg(feature = "mysql")]
        DbBackend::MySql => {
            // A single connection, such as that of the heartbeat, is used often enough.
            let idle = (connections > 1).then_some(MYSQL_IDLE);
            own_on_server(db.get_mysql_connection_pool(), connections, idle).into()
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
            // One writer at a time: tasks queue for the pool's connection instead of polling whether the file is free.
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

/// How long a connection to MySQL may be idle. The pool looks for idle ones only this often, so some are idle for nearly three times as long:
/// still less than the session's limit (`limit_own_idle`), so that no one uses a connection that the server has closed.
#[cfg(feature = "mysql")]
const MYSQL_IDLE: Duration = Duration::from_secs(15);

/// Returns a worker's own pool on a server. Its connections need no check when they come back: the server or the driver rolls back what
/// fails, and whoever drops a future in the middle of a statement sees to it that none of its connections are used again.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn own_on_server<D: sea_orm::sqlx::Database>(user: &Pool<D>, connections: u32, idle: Option<Duration>) -> Pool<D> {
    let idle = user.options().get_idle_timeout().into_iter().chain(idle).min();
    user.options()
        .clone()
        .max_connections(connections)
        .min_connections(0)
        .idle_timeout(idle)
        .test_before_acquire(false)
        .after_release(|_, _| Box::pin(async { Ok(true) }))
        .connect_lazy_with(user.connect_options().as_ref().clone())
}

/// Closes a worker's connections, waiting for those in use, unless they are the user's.
pub(crate) async fn close(own: &DatabaseConnection, user: &DatabaseConnection) {
    if key(own) != key(user) {
        // Whatever it says, the pool is closed.
        let _ = own.close_by_ref().await;
    }
}

/// Retires a worker's connections, so that no one uses them again, unless they are the user's.
pub(crate) fn retire(own: &DatabaseConnection, user: &DatabaseConnection) {
    if key(own) == key(user) {
        return;
    }
    // The pool counts as closed at once; connections in use are closed when they come back.
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
