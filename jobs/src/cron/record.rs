//! Schedules and firings as programs see them.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Cron, Missed};
use crate::client::JobOptions;
use crate::client::record::hide_values;
use crate::job::parameters::secrets::{self, HIDDEN};
use crate::job::registry;
use crate::model::JobId;
use crate::model::texts::texts;
use crate::store::cron::Row;
use crate::store::firings::FiringRow;

/// The origin of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CronSource {
    /// A definition in the code of workers: `#[job(cron = "…")]`.
    Definition,
    /// [`add`](super::add) or [`replace`](super::replace).
    Runtime,
}

texts!(CronSource, "a source of schedules", { Definition = "definition", Runtime = "runtime" });

impl fmt::Display for CronSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A snapshot of a schedule. Times are the database's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CronRecord {
    /// The name; for a definition's schedule, that of the job.
    pub name: String,
    /// The name of the job that it schedules.
    pub job: String,
    /// The expression.
    pub expression: String,
    /// The expression in English: `At 03:00`.
    pub description: String,
    /// The time zone of its times, such as `Europe/Paris`.
    pub timezone: String,
    /// The policy for missed times.
    pub missed: Missed,
    /// The origin.
    pub source: CronSource,
    /// The parameters of its jobs, by name. Secret ones read `"•••"`.
    pub parameters: Value,
    /// The names of the secret parameters.
    pub secrets: Vec<String>,
    /// The options of its jobs. Those that are not set come from their definition.
    pub options: JobOptions,
    /// When it was paused; `None` if it is not paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// When it fires next; in the past if no worker that knows its job is up. `None` if it is paused.
    pub next_at: Option<DateTime<Utc>>,
    /// The latest time for which it has fired, as far as its history goes back.
    pub last_at: Option<DateTime<Utc>>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Whether the parameters and the unique key read `"•••"`, because a [session](crate::Session) has read them that may not see them. As
    /// JSON: left out if false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub payload_hidden: bool,
}

impl CronRecord {
    /// The next `count` times at which it fires.
    #[must_use]
    pub fn next_times(&self, count: usize) -> Vec<DateTime<Utc>> {
        let times = Cron::new(&self.expression).timezone(&self.timezone).times().ok();
        let next = |time: &DateTime<Utc>| times.as_ref()?.next(*time);
        std::iter::successors(self.next_at, next).take(count).collect()
    }

    /// Hides the parameters and the unique key of its jobs.
    pub(super) fn hide_payload(&mut self) {
        hide_values(&mut self.parameters);
        self.options.replace_unique_key(HIDDEN);
        self.payload_hidden = true;
    }

    pub(super) fn of(row: Row, last_at: Option<DateTime<Utc>>) -> Self {
        let mut parameters = row.parameters.0;
        let secrets = secrets::hide(&mut parameters, registry::secrets(&row.job));
        let times = Cron::new(&row.expression).timezone(&row.timezone).times();
        Self {
            description: times.map_or_else(|error| error.to_string(), |times| times.describe()),
            next_at: row.next_at.filter(|_| row.paused_at.is_none()),
            last_at,
            name: row.name,
            job: row.job,
            expression: row.expression,
            timezone: row.timezone,
            missed: row.missed.parse().unwrap_or_default(),
            source: if row.source == CronSource::Definition.as_str() {
                CronSource::Definition
            } else {
                CronSource::Runtime
            },
            parameters,
            secrets,
            options: serde_json::from_value(row.options.0).unwrap_or_default(),
            paused_at: row.paused_at,
            created_at: row.created_at,
            payload_hidden: false,
        }
    }
}

/// A time for which a schedule has fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Firing {
    /// The time.
    pub nominal_time: DateTime<Utc>,
    /// The job that was scheduled for it. It may have been deleted since.
    pub job: Option<JobId>,
    /// When the job was scheduled.
    pub fired_at: DateTime<Utc>,
}

impl Firing {
    pub(super) fn of(row: &FiringRow) -> Self {
        Self { nominal_time: row.nominal_at, job: row.job_id.map(JobId), fired_at: row.fired_at }
    }
}
