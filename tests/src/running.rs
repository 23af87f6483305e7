//! A worker that runs beside a test.

use jobs::{CancellationToken, Error, Worker};
use tokio::task::JoinHandle;

use crate::soon;

/// A worker that runs until it is stopped.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// Starts the worker.
    #[must_use]
    pub fn start(worker: Worker) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.stop_on(stop.clone()).run());
        Self { stop, task }
    }

    /// Tells the worker to stop, and does not wait.
    pub fn tell_to_stop(&self) {
        self.stop.cancel();
    }

    /// Tells the worker to stop, and waits until it has.
    ///
    /// # Panics
    ///
    /// If it ends with an error, or not within the tests' patience.
    pub async fn stop(self) {
        self.stop.cancel();
        self.ended().await.expect("the worker ends well");
    }

    /// Waits until the worker has ended.
    ///
    /// # Panics
    ///
    /// If it panics, or does not end within the tests' patience.
    pub async fn ended(self) -> Result<(), Error> {
        soon(self.task).await.expect("the worker does not panic")
    }

    /// Ends the worker as a crash would: without giving anything back.
    pub fn crash(self) {
        self.task.abort();
    }
}
