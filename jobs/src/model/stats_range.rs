//! How far back sums of what workers have counted go, and in which steps.

use std::fmt;
use std::time::Duration;

use super::texts::texts;

/// The time that [`stats`](crate::stats) are about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatsRange {
    /// The last hour, minute by minute.
    #[default]
    Hour,
    /// The last day, hour by hour.
    Day,
    /// The last week, hour by hour.
    Week,
}

texts!(StatsRange, "a range", { Hour = "hour", Day = "day", Week = "week" });

impl StatsRange {
    /// The length of each period.
    #[must_use]
    pub const fn period(self) -> Duration {
        match self {
            Self::Hour => Duration::from_mins(1),
            Self::Day | Self::Week => Duration::from_hours(1),
        }
    }

    /// The number of periods.
    #[must_use]
    pub const fn periods(self) -> usize {
        match self {
            Self::Hour => 60,
            Self::Day => 24,
            Self::Week => 7 * 24,
        }
    }
}

impl fmt::Display for StatsRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
