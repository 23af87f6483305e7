//! How often, and after which pauses, what could not be written is tried again.

use std::time::Duration;

/// How often a batch is tried whole when the fault is neither in its data nor in the connection.
pub(super) const TRIES_BEFORE_DIVIDING: u32 = 5;

/// The pause after the first try, and the longest.
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(50);
pub(super) const LAST_RETRY: Duration = Duration::from_secs(1);
