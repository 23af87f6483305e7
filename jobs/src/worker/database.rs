//! A worker's connections to the database, and a client that does not wait forever for an answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

use crate::error::Error;
use crate::store::Store;
use crate::store::dialect::limits::{self, Share};
use crate::store::dialect::own_pool::{OwnPool, close, retire};
use crate::store::lock::lock;

/// How long to wait for connections to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The connections that all parts of a worker share, except its heartbeat.
pub(super) struct Database {
    own: Mutex<(OwnPool, Store)>,
    user: DatabaseConnection,
    pub(super) share: Share,
    answer_timeout: Duration,
}

impl Database {
    /// Opens connections set up like the user's, no more than the database has room for.
    pub(super) async fn like(user: &DatabaseConnection, answer_timeout: Duration) -> Result<Arc<Self>, Error> {
        let share = limits::share_of_worker(user).await.map_err(Error::Setup)?;
        let mut pool = OwnPool::beside(user, share.own);
        let store = Store::new(pool.connections()).await?;
        Ok(Arc::new(Self { own: Mutex::new((pool, store)), user: user.clone(), share, answer_timeout }))
    }

    /// The current connections: new ones if the last have been retired.
    pub(super) fn store(&self) -> Store {
        let (pool, store) = &mut *lock(&self.own);
        store.db = pool.connections();
        store.clone()
    }

    /// Closes the connections, so that the next statement gets a new one: a task that was dropped in the middle of a statement may have left
    /// its connection inside a transaction, and what is written there is lost with it.
    pub(super) async fn reconnect(&self) {
        let own = self.store().db;
        // Its pool is closed at once, and one that does not answer is not waited for.
        let _ = tokio::time::timeout(CLOSE_TIMEOUT, close(&own, &self.user)).await;
    }

    pub(super) fn client(self: &Arc<Self>) -> StoreClient {
        StoreClient { store: self.store(), database: self.clone() }
    }
}

/// Gives up on statements that get no answer in time, and on their connections.
///
/// If a connection is cut without notice, the system waits minutes or hours before it reports an error.
pub(super) struct StoreClient {
    database: Arc<Database>,
    /// The connections of the statement in flight.
    store: Store,
}

impl StoreClient {
    pub(super) fn store(&mut self) -> Store {
        self.store = self.database.store();
        self.store.clone()
    }

    /// Awaits `work` on the last [`store`](Self::store). Without an answer in time, it is dropped at once, and its connections are retired.
    pub(super) async fn with_timeout<T>(&mut self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let timeout = self.database.answer_timeout;
        tokio::time::timeout(timeout, work).await.unwrap_or_else(|_| {
            retire(&self.store.db, &self.database.user);
            Err(DbErr::Conn(RuntimeErr::Internal(format!("the database gives no answer within {timeout:?}"))))
        })
    }
}
