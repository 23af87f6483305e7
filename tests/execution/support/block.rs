//! Code that blocks a thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jobs_tests::PATIENCE;

/// Holds a thread until it is released.
#[derive(Clone, Default)]
pub(crate) struct Block(Arc<AtomicBool>);

impl Block {
    pub(crate) fn hold(&self) {
        let start = Instant::now();
        while !self.0.load(Ordering::SeqCst) && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn release(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
