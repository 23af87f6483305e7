//! Why an attempt is asked to stop.

use std::fmt;

use super::texts::texts;

/// Why an attempt is asked to stop: [`JobContext::stop_reason`](crate::JobContext::stop_reason). The job's next status depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StopReason {
    /// Someone has canceled the job: it is not retried.
    Canceled,
    /// The timeout has expired: the attempt has failed, and counts.
    TimedOut,
    /// The worker is shutting down: the job is given back, and the attempt does not count.
    Shutdown,
    /// The worker could not reach the database for too long: another worker may have the job.
    Lost,
    /// `execute` has returned, and blocking code that it started is still running.
    Returned,
}

texts!(StopReason, "a reason to stop", {
    Canceled = "canceled",
    TimedOut = "timed_out",
    Shutdown = "shutdown",
    Lost = "lost",
    Returned = "returned",
});

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
