//! The row of a job that was claimed.

use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{DbErr, QueryResult};

/// A job that was claimed, as its worker gets it. It has no `Debug`: its parameters may be secret.
#[derive(Clone)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) priority: i16,
    pub(crate) version: i64,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) budget: i32,
    pub(crate) timeout_ms: Option<i64>,
    /// JSON.
    pub(crate) parameters: String,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) scheduled_at: DateTimeUtc,
    pub(crate) user_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) event_id: Option<String>,
    pub(crate) started_at: DateTimeUtc,
    pub(crate) nominal_at: Option<DateTimeUtc>,
}

impl Claimed {
    /// How long an attempt may take.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)
    }

    /// The columns are read in the order in which every dialect gives them.
    pub(super) fn read(queue: &str, row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            queue: queue.to_owned(),
            id: row.try_get_by_index(0)?,
            name: row.try_get_by_index(1)?,
            priority: row.try_get_by_index(2)?,
            version: row.try_get_by_index(3)?,
            attempt: row.try_get_by_index(4)?,
            max_attempts: row.try_get_by_index(5)?,
            budget: row.try_get_by_index(6)?,
            timeout_ms: row.try_get_by_index(7)?,
            parameters: row.try_get_by_index(8)?,
            created_at: row.try_get_by_index(9)?,
            scheduled_at: row.try_get_by_index(10)?,
            user_id: row.try_get_by_index(11)?,
            session_id: row.try_get_by_index(12)?,
            event_id: row.try_get_by_index(13)?,
            started_at: row.try_get_by_index(14)?,
            nominal_at: row.try_get_by_index(15)?,
        })
    }
}
