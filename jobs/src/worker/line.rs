//! A way to the database that does not wait for ever for an answer.

use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};

use super::engine::{CONNECTIONS, Engine};
use crate::store::Store;
use crate::store::dialect::connection::own_connections;

/// A connection that was cut without a word is waited on until the system gives it up, which takes minutes or hours. What gets no
/// answer within the lease is given up, and what comes next has other connections.
pub(super) struct Line {
    store: Store,
    db: DatabaseConnection,
    patience: Duration,
}

impl Line {
    /// With the connections that all parts of the worker share, until one of them gives no answer.
    pub(super) fn new(engine: &Engine) -> Self {
        Self { store: engine.store.clone(), db: engine.setting.db.clone(), patience: engine.settings.lease }
    }

    pub(super) fn store(&self) -> Store {
        self.store.clone()
    }

    /// What the work gives. Where it gets no answer, it is dropped where it stands: its connections are not used again.
    pub(super) async fn in_time<T>(&mut self, work: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
        let patience = self.patience;
        tokio::time::timeout(patience, work).await.unwrap_or_else(|_| {
            self.store.db = own_connections(&self.db, CONNECTIONS);
            Err(DbErr::Conn(RuntimeErr::Internal(format!("the database gives no answer within {patience:?}"))))
        })
    }
}
