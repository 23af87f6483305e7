//! How batches that could not be written are tried again.

use std::time::Duration;

/// How often a batch is tried whole when the fault is neither in its data nor in the connection.
pub(super) const TRIES_BEFORE_DIVIDING: u32 = 5;

pub(super) const FIRST_RETRY: Duration = Duration::from_millis(50);
pub(super) const LAST_RETRY: Duration = Duration::from_secs(1);
