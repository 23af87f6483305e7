//! Querying a job: its record, messages, results and attempts.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::job::parameters::secrets::{self, HIDDEN, Parameters};
use crate::job::parameters::{OUTPUT, decode_one};
use crate::job::registry;
use crate::model::{AttemptEnd, JobId, JobStatus, Level};
use crate::store::connection::Connection;
use crate::store::entity::{attempt, job, message};
use crate::store::jobs;

/// Everything that is stored about a job. Times are the database's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct JobRecord {
    /// The identifier.
    pub id: JobId,
    /// The name of its definition.
    pub name: String,
    /// The queue.
    pub queue: String,
    /// The priority, −100 to 100; smaller runs first.
    pub priority: i16,
    /// The status.
    pub status: JobStatus,
    /// The version, incremented at every change of owner or status.
    pub version: i64,
    /// The number of attempts started so far.
    pub attempt: u32,
    /// The most attempts that may be started; raised if an attempt does not count, and by `retry`.
    pub max_attempts: u32,
    /// How long an attempt may take. As JSON: `timeout_seconds`, a number.
    #[serde(rename = "timeout_seconds", default, with = "super::seconds")]
    pub timeout: Option<Duration>,
    /// The parameters, by name. Secret ones read `"•••"`.
    pub parameters: Value,
    /// The names of the secret parameters; [`reveal_parameter`] reads them.
    pub secrets: Vec<String>,
    /// The results of the latest attempt, by name.
    pub results: BTreeMap<String, Value>,
    /// The progress of the latest attempt, 0 to 100.
    pub progress: u8,
    /// When the job was scheduled.
    pub created_at: DateTime<Utc>,
    /// When the job is, or was, due.
    pub scheduled_at: DateTime<Utc>,
    /// When the latest attempt was claimed.
    pub started_at: Option<DateTime<Utc>>,
    /// When the job was closed.
    pub finished_at: Option<DateTime<Utc>>,
    /// The worker that runs the job, or ran it last.
    pub worker_id: Option<i64>,
    /// When the job was asked to cancel.
    pub cancel_requested_at: Option<DateTime<Utc>>,
    /// The error of the latest unsuccessful attempt.
    pub last_error: Option<String>,
    /// The user on whose behalf the job runs.
    pub user: Option<String>,
    /// The session that requested the job.
    pub session: Option<String>,
    /// The event that requested the job.
    pub event: Option<String>,
    /// The time of the [schedule](crate::cron) for which the job was scheduled.
    pub nominal_time: Option<DateTime<Utc>>,
    /// Whether parameters, results and the error read `"•••"`, because a [session](crate::Session) has read them that may not see
    /// them. As JSON: left out if false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub payload_hidden: bool,
}

impl JobRecord {
    /// The parameter of this name. [`Error::InvalidValue`] if there is none, or it is secret or [hidden](Self::payload_hidden).
    pub fn parameter<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.check_not_hidden(name)?;
        if self.secrets.iter().any(|secret| secret == name) {
            return Err(Error::invalid(name, "it is secret: `reveal_parameter` reads it"));
        }
        let value = self.parameters.get(name).ok_or_else(|| Error::invalid(name, "the job has no such parameter"))?;
        decode_one(name, value)
    }

    /// The result of this name. If `execute` returned nothing (`()` or `None`), the result named `output` is decoded as such.
    /// [`Error::InvalidValue`] if results are [hidden](Self::payload_hidden).
    pub fn result<T: DeserializeOwned>(&self, name: &str) -> Result<T, Error> {
        self.check_not_hidden(name)?;
        match self.results.get(name) {
            Some(value) => decode_one(name, value),
            None if name == OUTPUT && self.status == JobStatus::Terminated => decode_one(name, &Value::Null),
            None => Err(Error::NoResult { id: self.id, name: name.to_owned() }),
        }
    }

    /// The value that `execute` returned, or why there is none. [`Error::InvalidValue`] if results are [hidden](Self::payload_hidden).
    pub fn output<T: DeserializeOwned>(&self) -> Result<T, Error> {
        self.check_not_hidden(OUTPUT)?;
        match self.status {
            JobStatus::Terminated => {
                // An output of `()` or `None` is not stored, nor is that of a job that ended by `set_status(Terminated)`.
                decode_one(OUTPUT, self.results.get(OUTPUT).unwrap_or(&Value::Null))
            }
            JobStatus::Failed => Err(Error::JobFailed {
                id: self.id,
                reason: self.last_error.clone().unwrap_or_else(|| "no reason was given".into()),
            }),
            JobStatus::Canceled => Err(Error::JobCanceled { id: self.id }),
            status => Err(Error::NotClosed { id: self.id, status }),
        }
    }
}

impl JobRecord {
    pub(crate) fn of(row: job::Model) -> Self {
        let mut parameters = row.parameters.0;
        let secrets = secrets::hide(&mut parameters, registry::secrets(&row.name));
        Self {
            id: JobId(row.id),
            name: row.name,
            queue: row.queue,
            priority: row.priority,
            status: row.status,
            version: row.version,
            attempt: unsigned(row.attempt),
            max_attempts: unsigned(row.max_attempts),
            timeout: row.timeout_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis),
            parameters,
            secrets,
            results: row.results.and_then(|results| serde_json::from_value(results.0).ok()).unwrap_or_default(),
            progress: percent(row.progress),
            created_at: row.created_at,
            scheduled_at: row.scheduled_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
            worker_id: row.worker_id,
            cancel_requested_at: row.cancel_requested_at,
            last_error: row.last_error,
            user: row.user_id,
            session: row.session_id,
            event: row.event_id,
            nominal_time: row.nominal_at,
            payload_hidden: false,
        }
    }

    /// Hides parameters, results and the error. Their names stay.
    pub(crate) fn hide_payload(&mut self) {
        hide_values(&mut self.parameters);
        self.results.values_mut().for_each(|value| *value = HIDDEN.into());
        hide_text(&mut self.last_error);
        self.payload_hidden = true;
    }

    fn check_not_hidden(&self, name: &str) -> Result<(), Error> {
        if self.payload_hidden {
            return Err(Error::invalid(name, "it is hidden: the session that has read it may not see it"));
        }
        Ok(())
    }
}

/// Hides the members of an object, or else the value.
pub(crate) fn hide_values(value: &mut Value) {
    match value {
        Value::Object(members) => members.values_mut().for_each(|value| *value = HIDDEN.into()),
        value => *value = HIDDEN.into(),
    }
}

/// Hides a text, if there is one.
pub(super) fn hide_text(text: &mut Option<String>) {
    if let Some(text) = text {
        HIDDEN.clone_into(text);
    }
}

/// Counting columns are never negative.
pub(super) fn unsigned(count: i32) -> u32 {
    u32::try_from(count).unwrap_or(0)
}

/// Progress is never out of range.
pub(super) fn percent(progress: i16) -> u8 {
    u8::try_from(progress.clamp(0, 100)).unwrap_or(0)
}

/// A line that a job has logged, kept with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// When the message was logged.
    pub time: DateTime<Utc>,
    /// The number of the attempt that logged it.
    pub attempt: u32,
    /// The severity.
    pub level: Level,
    /// The text.
    pub text: String,
}

impl Message {
    pub(super) fn of(row: message::Model) -> Self {
        Self { time: row.created_at, attempt: unsigned(row.attempt), level: Level::stored(row.level), text: row.text }
    }

    pub(super) fn hide_payload(&mut self) {
        HIDDEN.clone_into(&mut self.text);
    }
}

/// Where a message stands among those of its job.
#[cfg(feature = "web")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageKey {
    pub(crate) version: i64,
    pub(crate) number: i64,
}

#[cfg(feature = "web")]
impl MessageKey {
    pub(super) const fn of(row: &message::Model) -> Self {
        Self { version: row.version, number: row.number }
    }
}

/// An unsuccessful attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// The number of the attempt; the first is 1.
    pub attempt: u32,
    /// The name of the worker that ran it.
    pub worker: String,
    /// When the attempt was claimed.
    pub started_at: Option<DateTime<Utc>>,
    /// When the attempt ended.
    pub ended_at: DateTime<Utc>,
    /// How the attempt ended.
    pub how: AttemptEnd,
    /// The error, with its sources.
    pub error: Option<String>,
}

impl Attempt {
    pub(super) fn of(row: attempt::Model) -> Self {
        Self {
            attempt: unsigned(row.attempt),
            worker: row.worker,
            started_at: row.started_at,
            ended_at: row.ended_at,
            how: AttemptEnd::stored(&row.how),
            error: row.error,
        }
    }

    pub(super) fn hide_payload(&mut self) {
        hide_text(&mut self.error);
    }
}

/// The status of a job.
pub async fn status<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<JobStatus, Error> {
    jobs::status(db, id.into()).await
}

/// Everything that is stored about a job.
pub async fn record<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<JobRecord, Error> {
    Ok(JobRecord::of(jobs::find(db, id.into()).await?))
}

/// Reads one parameter of a job, even if it is secret: the only way to read that from outside the job.
///
/// [`Error::InvalidValue`] if the job has none of that name, [`Error::Decode`] if it has another type.
pub async fn reveal_parameter<T: DeserializeOwned>(
    db: &impl Connection,
    id: impl Into<JobId>,
    name: &str,
) -> Result<T, Error> {
    let (parameters, secrets) = parameters_and_secrets(db, id.into()).await?;
    parameters.get(name, secrets)
}

/// The parameters of a job, and the names of those that are secret.
pub(super) async fn parameters_and_secrets<C: Connection>(
    db: &C,
    id: JobId,
) -> Result<(Parameters, &'static [&'static str]), Error> {
    let row = jobs::find(db, id).await?;
    Ok((Parameters::from(row.parameters.0), registry::secrets(&row.name)))
}

/// The progress of a job's latest attempt, 0 to 100. Written in batches, up to half a second late.
pub async fn progress<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<u8, Error> {
    Ok(record(db, id).await?.progress)
}

/// The messages of a job, oldest first.
pub async fn messages<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<Vec<Message>, Error> {
    let id = id.into();
    let rows = message::Entity::find()
        .filter(message::Column::JobId.eq(id.0))
        .order_by_asc(message::Column::Version)
        .order_by_asc(message::Column::Number)
        .all(db)
        .await?;
    if rows.is_empty() {
        // Either there are no messages, or there is no job.
        jobs::status(db, id).await?;
    }
    Ok(rows.into_iter().map(Message::of).collect())
}

/// All results of a job's latest attempt, by name. The value that `execute` returned is named `output`.
pub async fn results<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<BTreeMap<String, Value>, Error> {
    Ok(record(db, id).await?.results)
}

/// The result of this name.
pub async fn result<T: DeserializeOwned>(db: &impl Connection, id: impl Into<JobId>, name: &str) -> Result<T, Error> {
    record(db, id).await?.result(name)
}

/// The value that `execute` returned, or why there is none.
pub async fn output<T: DeserializeOwned>(db: &impl Connection, id: impl Into<JobId>) -> Result<T, Error> {
    record(db, id).await?.output()
}

/// The unsuccessful attempts of a job, in order.
pub async fn failed_attempts<C: Connection>(db: &C, id: impl Into<JobId>) -> Result<Vec<Attempt>, Error> {
    let id = id.into();
    let rows = attempt::Entity::find()
        .filter(attempt::Column::JobId.eq(id.0))
        .order_by_asc(attempt::Column::Attempt)
        .all(db)
        .await?;
    if rows.is_empty() {
        jobs::status(db, id).await?;
    }
    Ok(rows.into_iter().map(Attempt::of).collect())
}
