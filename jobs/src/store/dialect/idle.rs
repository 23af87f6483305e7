//! Connections that nobody has used for a while.
//!
//! A server that was restarted, or that closes what is idle, has closed them without a word to their pool, and the first statement on
//! each would fail. So they are asked whether they still live. One that is in use all the time is not asked: its statements tell.

use std::time::Duration;

use sea_orm::sqlx::pool::PoolOptions;
use sea_orm::sqlx::{self, Connection as _, Error};

/// After how long without use a connection is asked.
pub(super) const IDLE: Duration = Duration::from_secs(1);

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks connections that were idle, where the pool would ask each. A pool that asks none, or in its own way, is left so.
pub(super) fn test<D: sqlx::Database>(pool: PoolOptions<D>) -> PoolOptions<D> {
    if !pool.get_test_before_acquire() {
        return pool;
    }
    pool.test_before_acquire(false).before_acquire(|connection, usage| {
        Box::pin(async move {
            if usage.idle_for < IDLE {
                return Ok(true);
            }
            let answer = tokio::time::timeout(PATIENCE, connection.ping());
            answer.await.unwrap_or(Err(Error::PoolTimedOut)).map(|()| true)
        })
    })
}
