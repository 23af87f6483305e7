//! How long a unique job holds its key, and what becomes of another job that wants it.

use serde::{Deserialize, Serialize};

use super::JobStatus;

/// What becomes of a job that is scheduled while another one holds its key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
#[non_exhaustive]
pub enum OnConflict {
    /// The other one is it: its handle comes back, and says that it [`existed`](crate::JobHandle::existed).
    #[default]
    UseExisting,
    /// [`Error::Duplicate`](crate::Error::Duplicate).
    Fail,
    /// The other one, which still waits, gets the parameters and the due time of this one, so that of many that come soon one after the
    /// other only the last is executed (debouncing). [`Error::Duplicate`](crate::Error::Duplicate) where it does not wait any more.
    Replace,
}

/// While what a unique job holds its key.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UniqueWhile {
    /// While it waits: the next one may be scheduled as soon as this one runs.
    Scheduled,
    /// Until it has ended.
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
