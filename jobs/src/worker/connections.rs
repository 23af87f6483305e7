//! The connections that a worker has of its own, and how those that got no answer are replaced.

use std::sync::Mutex;

use sea_orm::DatabaseConnection;

use crate::error::Error;
use crate::store::Store;
use crate::store::dialect::limits::{self, Share};
use crate::store::dialect::own_pool::{OwnPool, retire};
use crate::store::lock::lock;

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

    /// Gives up those that this store has: nobody uses them again.
    pub(super) fn retire(&self, store: &Store) {
        retire(&store.db, &self.user);
    }
}
