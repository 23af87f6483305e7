//! A meeting point between a test and the jobs it runs, so that neither has to guess how long the other takes.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::soon;

/// Jobs arrive and wait until the test lets them pass.
#[derive(Debug, Clone)]
pub struct Gate {
    arrived: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { arrived: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }
}

impl Gate {
    /// A job is here; it goes on when it is let pass.
    ///
    /// # Panics
    ///
    /// Never: gates are not closed.
    pub async fn pass(&self) {
        self.arrive();
        self.open.acquire().await.expect("gates are not closed").forget();
    }

    /// A job is here, and does not wait.
    pub fn arrive(&self) {
        self.arrived.add_permits(1);
    }

    /// Waits until so many jobs have arrived that were not waited for yet.
    ///
    /// # Panics
    ///
    /// When they don't arrive within the tests' patience.
    pub async fn arrivals(&self, jobs: u32) {
        soon(self.arrived.acquire_many(jobs)).await.expect("gates are not closed").forget();
    }

    /// How many have arrived that were not waited for.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.arrived.available_permits()
    }

    /// Lets so many pass.
    pub fn open(&self, jobs: usize) {
        self.open.add_permits(jobs);
    }
}
