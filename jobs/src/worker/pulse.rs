//! Whether a part of a worker makes progress.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::store::wake::lock;

/// Shows that a part of the worker makes progress. Code that never gets to an `await` keeps its thread, and what waits to run there.
#[derive(Debug)]
pub(super) struct Pulse(Mutex<Instant>);

impl Pulse {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    pub(super) fn beat(&self) {
        *lock(&self.0) = Instant::now();
    }

    pub(super) fn silence(&self) -> Duration {
        lock(&self.0).elapsed()
    }
}
