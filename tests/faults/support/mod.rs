//! The load, the fleet of workers, the course of a case, and the check at its end.

#[cfg(unix)]
pub(crate) mod check;
#[cfg(unix)]
pub(crate) mod executions;
#[cfg(unix)]
pub(crate) mod fleet;
#[cfg(unix)]
pub(crate) mod journal;
#[cfg(unix)]
pub(crate) mod load;
#[cfg(unix)]
pub(crate) mod options;
#[cfg(unix)]
pub(crate) mod scenario;
#[cfg(unix)]
pub(crate) mod scheduled;
#[cfg(unix)]
pub(crate) mod server;
pub(crate) mod worker;
