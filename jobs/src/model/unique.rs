//! How long a unique job holds its key, and what becomes of another job that wants it.

use serde::{Deserialize, Serialize};

use super::JobStatus;

/// The policy for a job that is scheduled while another holds its unique key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum OnConflict {
    /// Returns the handle of the existing job, which says that it [`existed`](crate::JobHandle::existed).
    #[default]
    UseExisting,
    /// Fails with [`Error::Duplicate`](crate::Error::Duplicate).
    Fail,
    /// The other one, which still waits, gets the parameters and the due time of this one, so that of many that come soon one after the
    /// other only the last is executed (debouncing). [`Error::Duplicate`](crate::Error::Duplicate) where it does not wait any more.
    Replace,
}

/// How long a unique job holds its key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UniqueWhile {
    /// While the job waits: the next one may be scheduled as soon as this one runs.
    Scheduled,
    /// Until the job has ended.
    #[default]
    ScheduledOrRunning,
}

impl UniqueWhile {
    /// The statuses in which a job holds its key, a bit for each.
    pub(crate) const fn statuses(self) -> i16 {
        match self {
            Self::Scheduled => JobStatus::Scheduled.bit(),
            Self::ScheduledOrRunning => JobStatus::Scheduled.bit() | JobStatus::Running.bit(),
        }
    }
}
