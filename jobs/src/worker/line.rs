//! A way to the database that does not wait for ever for an answer.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

use super::engine::Engine;
use crate::error::Error;
use crate::store::Store;
use crate::store::dialect::limits::{self, Share};
use crate::store::dialect::own_pool::{OwnPool, retire};
use crate::store::wake::lock;

/// The connections that all parts of a worker share, but for its heartbeat.
pub(super) struct Connections {
    own: Mutex<(OwnPool, Store)>,
    user: DatabaseConnection,
    pub(super) share: Share,
}

impl Connections {
    /// As the user's are set up, and no more than there is room for.
    pub(super) async fn like(user: &DatabaseConnection) -> Result<Self, Error> {
        let share = limits::share_of_worker(user).await.map_err(Error::Setup)?;
        let mut pool = OwnPool::beside(user, share.own);
        let store = Store::new(pool.connections()).await?;
        Ok(Self { own: Mutex::new((pool, store)), user: user.clone(), share })
    }

    /// New ones, where those before have been given up.
    pub(super) fn store(&self) -> Store {
        let (pool, store) = &mut *lock(&self.own);
        store.db = pool.connections();
        store.clone()
    }
}

/// A connection that was cut without a word is waited on until the system gives it up, which takes minutes or hours. What gets no
/// answer in time is given up, and what comes next has other connections.
pub(super) struct Line {
    connections: Arc<Connections>,
    /// As the work has it that is under way.
    store: Store,
    patience: Duration,
}

impl Line {
    pub(super) fn new(engine: &Engine) -> Self {
        let connections = engine.connections.clone();
        Self { store: connections.store(), connections, patience: engine.settings.answer_timeout() }
    }

    pub(super) fn store(&mut self) -> Store {
        self.store = self.connections.store();
        self.store.clone()
    }

    /// What the work gives. Where it gets no answer, it is dropped where it stands: nobody uses these connections again.
    pub(super) async fn in_time<T>(&mut self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let patience = self.patience;
        tokio::time::timeout(patience, work).await.unwrap_or_else(|_| {
            retire(&self.store.db, &self.connections.user);
            Err(DbErr::Conn(RuntimeErr::Internal(format!("the database gives no answer within {patience:?}"))))
        })
    }
}
