//! Counts the statements that a connection sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jobs_tests::{Database, soon};
use sea_orm::DatabaseConnection;

#[derive(Debug, Clone, Default)]
pub(crate) struct Sent(Arc<AtomicUsize>);

impl Sent {
    pub(crate) async fn by_a_connection(t: &Database) -> (DatabaseConnection, Self) {
        let (mut db, sent) = (t.connect().await, Self::default());
        let counter = sent.clone();
        db.set_metric_callback(move |_| _ = counter.0.fetch_add(1, Ordering::SeqCst));
        (db, sent)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Waits until so many have been sent.
    pub(crate) async fn reaches(&self, count: usize) {
        soon(async {
            while self.count() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await;
    }
}
