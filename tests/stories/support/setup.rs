//! How a test sets up a process: a value, which the process finds in its environment.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The variable that holds it, as JSON.
pub(crate) const VARIABLE: &str = "STORY";

/// The task of a process.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Role {
    /// Runs a worker.
    Work,
    /// Runs a worker that leaves signals alone.
    WorkUntil,
    /// Says `ready`, waits at the gate, and migrates the database.
    Migrate,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) url: String,
    /// The worker's name; it also serves a queue of this name, alone.
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) lease: Duration,
    pub(crate) heartbeat: Duration,
    pub(crate) cancel_grace: Duration,
    pub(crate) shutdown_grace: Duration,
    pub(crate) poll_interval: Option<Duration>,
    pub(crate) listen: bool,
}
