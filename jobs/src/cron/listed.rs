//! Schedules as the command line and the HTTP API list them.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::CronRecord;

/// A schedule with its next times.
#[derive(Debug, Serialize)]
pub(crate) struct ListedSchedule {
    #[serde(flatten)]
    pub(crate) schedule: CronRecord,
    pub(crate) next_times: Vec<DateTime<Utc>>,
}

impl ListedSchedule {
    /// With this many of its next times.
    pub(crate) fn with_next(count: usize, schedule: CronRecord) -> Self {
        let next_times = schedule.next_times(count);
        Self { schedule, next_times }
    }
}
