//! Signs of progress: how long a part of a worker has shown none.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::store::lock::lock;

/// Shows that a part of the worker makes progress. Code that never gets to an `await` keeps its thread, and what waits to run there.
#[derive(Debug)]
pub(in crate::worker) struct Pulse(Mutex<Instant>);

impl Pulse {
    pub(in crate::worker) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    pub(in crate::worker) fn beat(&self) {
        *lock(&self.0) = Instant::now();
    }

    pub(in crate::worker) fn silence(&self) -> Duration {
        lock(&self.0).elapsed()
    }
}
