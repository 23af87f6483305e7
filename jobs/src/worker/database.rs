//! A way to the database that does not wait for ever for an answer.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr};

use super::connections::Connections;
use super::session::Engine;
use crate::store::Store;

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
            self.connections.retire(&self.store);
            Err(DbErr::Conn(RuntimeErr::Internal(format!("the database gives no answer within {patience:?}"))))
        })
    }
}
