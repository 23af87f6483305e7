//! How long a unique job holds its key, and what happens to another job that wants it.

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
    /// Gives the existing job, if it still waits, the parameters and due time of the new one: of many in quick succession, only the last is
    /// executed (debouncing). [`Error::Duplicate`](crate::Error::Duplicate) if it no longer waits.
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
