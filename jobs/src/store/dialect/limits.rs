//! How many connections an account may have, and how a program and its worker share them if they are few.

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::time::Duration;

#[cfg(any(feature = "postgres", feature = "mysql"))]
use sea_orm::sqlx;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement};

/// The connections that a worker needs at least: one for its heartbeat, and one for everything else.
const LEAST: u32 = 2;

/// The connections that are left to a worker: those that it needs, and one that listens.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const FOR_A_WORKER: u32 = LEAST + 1;

/// The connections that a worker takes if there are enough, besides its heartbeat's and the one that listens.
const OWN: u32 = 4;

/// How many connections a worker takes besides its heartbeat's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    pub(crate) own: u32,
    pub(crate) may_listen: bool,
}

/// Returns a worker's share of an account with room for this many more connections, if the program's own pool may still grow.
fn share(room: Option<u32>, growth: u32) -> Share {
    let Some(room) = room else { return Share { own: OWN, may_listen: true } };
    let may_listen = room > LEAST;
    let others = 1 + u32::from(may_listen);
    Share { own: room.saturating_sub(growth + others).clamp(1, OWN), may_listen }
}

/// Returns the connections that a worker may take beside this pool. Fails if there is not even room for those that it needs.
pub(crate) async fn share_of_worker(db: &DatabaseConnection) -> Result<Share, String> {
    // If the room is unknown, it limits nothing.
    let room = room(db).await.ok().flatten();
    if room.is_some_and(|room| room < LEAST) {
        // Boxed, because the future is deep and rarely needed.
        Box::pin(try_to_open(db)).await.map_err(|error| {
            format!(
                "it needs {LEAST} connections of its own beside the {} that this program has open, and the database lets it have no \
                 more ({error}): allow its account {} or more, or close others",
                size(db).0,
                size(db).0 + LEAST
            )
        })?;
    }
    let (size, max) = size(db);
    let share = share(room, max.saturating_sub(size));
    if share.own < OWN {
        tracing::info!(?room, ?share, "the database has few connections left: the worker makes do with fewer");
    }
    Ok(share)
}

/// Returns how many connections a pool has, and how many it may have.
fn size(db: &DatabaseConnection) -> (u32, u32) {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => {
            let pool = db.get_postgres_connection_pool();
            (pool.size(), pool.options().get_max_connections())
        }
        #[cfg(feature = "mysql")]
        DbBackend::MySql => {
            let pool = db.get_mysql_connection_pool();
            (pool.size(), pool.options().get_max_connections())
        }
        _ => (0, 0),
    }
}

/// Returns how many more connections this account may open now, as far as it can see.
async fn room(db: &DatabaseConnection) -> Result<Option<u32>, DbErr> {
    let sql = match db.get_database_backend() {
        DbBackend::Postgres => POSTGRES_ROOM,
        DbBackend::MySql => MYSQL_ROOM,
        _ => return Ok(None),
    };
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let room: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
    Ok(room.map(|room| u32::try_from(room.max(0)).unwrap_or(u32::MAX)))
}

/// Tries to open the connections that a worker needs at once. Connections that were just closed may still count.
#[cfg_attr(
    not(any(feature = "postgres", feature = "mysql")),
    expect(clippy::unused_async, reason = "only servers count")
)]
async fn try_to_open(db: &DatabaseConnection) -> Result<(), DbErr> {
    match db.get_database_backend() {
        #[cfg(feature = "postgres")]
        DbBackend::Postgres => open::<sqlx::PgConnection>(&db.get_postgres_connection_pool().connect_options()).await,
        #[cfg(feature = "mysql")]
        DbBackend::MySql => open::<sqlx::MySqlConnection>(&db.get_mysql_connection_pool().connect_options()).await,
        _ => Ok(()),
    }
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn open<C: sqlx::Connection>(options: &C::Options) -> Result<(), DbErr> {
    let mut tries = 10;
    loop {
        let mut open = Vec::new();
        let mut refused = None;
        for _ in 0..LEAST {
            match C::connect_with(options).await {
                Ok(connection) => open.push(connection),
                Err(error) => refused = Some(error),
            }
        }
        for connection in open {
            // If this fails, it ends with its socket.
            let _ = connection.close().await;
        }
        let Some(error) = refused else { return Ok(()) };
        tries -= 1;
        if tries == 0 {
            return Err(DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into())));
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

/// Returns how many of the connections that the program asks for a pool may have on this account: some are left to a worker.
#[cfg(any(feature = "postgres", feature = "mysql"))]
pub(super) fn of_pool(wanted: u32, limit: Option<i64>) -> u32 {
    let Some(limit) = limit.and_then(|limit| u32::try_from(limit).ok()) else { return wanted };
    let allowed = wanted.min(limit.saturating_sub(FOR_A_WORKER).max(1));
    if allowed < wanted {
        tracing::info!(
            "this account may have {limit} connections: the pool has up to {allowed}, and leaves some to a worker"
        );
    }
    allowed
}

/// How many connections this account may have at once; `NULL` if only the server limits it.
#[cfg(feature = "postgres")]
pub(super) const POSTGRES_LIMIT: &str = "
SELECT CAST(LEAST((SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user AND NOT rolsuper),
                  (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database())) AS BIGINT)";

const POSTGRES_ROOM: &str = "
SELECT CAST(LEAST(
    (SELECT NULLIF(rolconnlimit, -1) FROM pg_roles WHERE rolname = session_user AND NOT rolsuper)
        - COUNT(*) FILTER (WHERE usename = session_user),
    (SELECT NULLIF(datconnlimit, -1) FROM pg_database WHERE datname = current_database())
        - COUNT(*) FILTER (WHERE datname = current_database()),
    CAST(current_setting('max_connections') AS INTEGER)
        - CAST(current_setting('superuser_reserved_connections') AS INTEGER) - COUNT(datid)) AS BIGINT)
FROM pg_stat_activity";

#[cfg(feature = "mysql")]
pub(super) const MYSQL_LIMIT: &str = "SELECT CAST(NULLIF(@@max_user_connections, 0) AS SIGNED)";

const MYSQL_ROOM: &str = "
SELECT LEAST(CAST(@@max_connections AS SIGNED) - COUNT(*),
             CAST(IF(@@max_user_connections = 0, @@max_connections, @@max_user_connections) AS SIGNED)
                 - CAST(SUM(USER = SUBSTRING_INDEX(USER(), '@', 1)) AS SIGNED))
FROM information_schema.PROCESSLIST";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_takes_what_there_is() {
        let share = |room, growth| {
            let Share { own, may_listen } = super::share(room, growth);
            (own, may_listen)
        };
        assert_eq!(share(None, 9), (4, true));
        assert_eq!(share(Some(90), 9), (4, true));
        assert_eq!(share(Some(6), 0), (4, true));
        assert_eq!(share(Some(6), 2), (2, true));
        assert_eq!(share(Some(3), 9), (1, true));
        assert_eq!(share(Some(2), 0), (1, false));
        assert_eq!(share(Some(0), 0), (1, false));
    }

    #[cfg(any(feature = "postgres", feature = "mysql"))]
    #[test]
    fn a_pool_leaves_connections_to_a_worker() {
        for (limit, pool) in
            [(None, 10), (Some(1), 1), (Some(3), 1), (Some(4), 1), (Some(5), 2), (Some(8), 5), (Some(100), 10)]
        {
            assert_eq!(of_pool(10, limit), pool, "{limit:?}");
        }
    }
}
