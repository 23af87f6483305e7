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
    /// Reports that a job has arrived, and waits until it may pass.
    ///
    /// # Panics
    ///
    /// Never: gates are not closed.
    pub async fn pass(&self) {
        self.arrive();
        self.open.acquire().await.expect("gates are not closed").forget();
    }

    /// Reports that a job has arrived, and does not wait.
    pub fn arrive(&self) {
        self.arrived.add_permits(1);
    }

    /// Waits until this many jobs have arrived that were not waited for yet.
    ///
    /// # Panics
    ///
    /// If they don't arrive within the tests' patience.
    pub async fn arrivals(&self, jobs: u32) {
        soon(self.arrived.acquire_many(jobs)).await.expect("gates are not closed").forget();
    }

    /// The number of jobs that have arrived and were not waited for.
    #[must_use]
    pub fn arrived(&self) -> usize {
        self.arrived.available_permits()
    }

    /// Lets this many jobs pass.
    pub fn open(&self, jobs: usize) {
        self.open.add_permits(jobs);
    }
}
