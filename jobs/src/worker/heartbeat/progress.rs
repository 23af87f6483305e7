//! Signs of life of a worker's own tasks.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::job::attempt::RunningAttempt;
use crate::store::lock::lock;

/// The state that the watchdog checks.
#[derive(Default)]
pub(in crate::worker) struct Vitals {
    pub(in crate::worker) writer: Progress,
    pub(in crate::worker) claimer: Progress,
    /// Attempts whose code still runs though their end is written.
    pub(super) runaways: Mutex<Vec<Arc<RunningAttempt>>>,
}

/// When a task of the worker last made progress. Code that never reaches an `await` keeps its thread, and whatever waits to run there.
pub(in crate::worker) struct Progress(Mutex<Instant>);

impl Default for Progress {
    fn default() -> Self {
        Self(Mutex::new(Instant::now()))
    }
}

impl Progress {
    pub(in crate::worker) fn record(&self) {
        *lock(&self.0) = Instant::now();
    }

    pub(super) fn idle_for(&self) -> Duration {
        lock(&self.0).elapsed()
    }
}
