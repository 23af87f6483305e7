//! The work of a due schedule: the times to fire for, and the job to schedule.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr};
use serde_json::Value;

use super::missed::{self, Due, LATE};
use super::times::Times;
use crate::client::JobOptions;
use crate::error::Error;
use crate::job::registry::{Definition, KeyOf};
use crate::job::{JobDefaults, Missed, parameters};
use crate::model::{JobId, OnConflict};
use crate::store::cron::Row;
use crate::store::insert::InsertResult;
use crate::store::row::NewJob;
use crate::store::workers::{self, Serves};

/// A schedule that was due, and what it fired.
#[derive(Debug)]
pub(crate) struct Fired {
    pub(crate) schedule: String,
    pub(crate) missed: usize,
    /// A worker was up all the time: the missed times were overtaken by later ones before their turn.
    pub(crate) was_up: bool,
    pub(crate) policy: Missed,
    pub(crate) jobs: Vec<(DateTime<Utc>, JobId)>,
}

/// Since when workers have been up; read only if a due time may have been missed.
pub(super) struct Presence(Vec<(DateTime<Utc>, Serves)>);

impl Presence {
    pub(super) async fn read<C: ConnectionTrait>(db: &C, due: &[(Row, DateTime<Utc>)]) -> Result<Self, DbErr> {
        let is_late = |(row, now): &(Row, DateTime<Utc>)| row.next_at.is_some_and(|next_at| *now - next_at > LATE);
        Ok(Self(if due.iter().any(is_late) { workers::present(db).await? } else { Vec::new() }))
    }

    pub(super) fn since(&self, job: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        let know_it = self.0.iter().filter(|(_, serves)| serves.names.iter().any(|name| name == job));
        know_it.map(|(since, _)| *since).min().map_or(now, |since| since.min(now))
    }
}

/// The work of a due schedule.
pub(super) struct Plan {
    pub(super) schedule: String,
    job: NewJob,
    policy: Missed,
    due: Due,
    up_since: DateTime<Utc>,
    pub(super) next: Option<DateTime<Utc>>,
}

impl Plan {
    pub(super) fn of(
        row: &Row,
        now: DateTime<Utc>,
        up_since: DateTime<Utc>,
        definition: Option<&Definition>,
        default_queue: &str,
    ) -> Result<Self, Error> {
        let times = Times::new(&row.expression, &row.timezone)?;
        let policy: Missed = row.missed.parse()?;
        let due = missed::due(policy, &times, row.next_at.unwrap_or(now), now, up_since);
        let job = job(row, definition, default_queue)?;
        Ok(Self { schedule: row.name.clone(), job, policy, due, up_since, next: times.next(now) })
    }

    pub(super) fn bytes(&self) -> usize {
        self.due.to_fire.len() * (self.job.parameters.len() + 500)
    }

    pub(super) fn firings(&self) -> impl Iterator<Item = Firing> {
        self.due.to_fire.iter().map(|time| Firing {
            schedule: self.schedule.clone(),
            time: *time,
            is_missed: self.up_since - *time > LATE,
            job: self.job.clone(),
        })
    }

    pub(super) fn fired(self, firings: &[Firing], results: &[InsertResult]) -> Fired {
        let own = firings.iter().zip(results).filter(|(firing, _)| firing.schedule == self.schedule);
        let jobs = own.map(|(firing, result)| (firing.time, JobId(result.id))).collect();
        let Due { missed, was_up, .. } = self.due;
        Fired { schedule: self.schedule, missed, was_up, policy: self.policy, jobs }
    }
}

/// The job that a schedule schedules. Its parameters are decoded only when it is executed, unless they make it unique.
pub(super) fn job(row: &Row, definition: Option<&Definition>, default_queue: &str) -> Result<NewJob, Error> {
    let options: JobOptions = serde_json::from_value(row.options.0.clone())
        .map_err(|source| Error::Decode { name: "options".into(), source })?;
    let secrets = definition.map_or(&[][..], |definition| definition.secrets);
    let parameters = parameters::encode_value(row.parameters.0.clone(), secrets)?;
    let defaults = definition.map_or(JobDefaults::new("unknown"), |definition| definition.defaults);
    let values = |of: KeyOf| match definition.map(|definition| definition.decode(&row.parameters.0.clone().into())) {
        Some(Ok(job)) => of.values(&*job),
        Some(Err(error)) if of == KeyOf::Unique => Err(error),
        Some(Err(_)) | None => Ok(Value::Null),
    };
    let options = options.or_queue(defaults.queue.unwrap_or(default_queue));
    let mut job = options.into_row(&row.job, &defaults, parameters, values)?;
    // A schedule records the id of the existing job, whatever its options say.
    if let Some(key) = job.key.as_mut().filter(|key| key.on_conflict == OnConflict::Fail) {
        key.on_conflict = OnConflict::UseExisting;
    }
    Ok(job)
}

/// A time for which a schedule fires.
pub(super) struct Firing {
    pub(super) schedule: String,
    pub(super) time: DateTime<Utc>,
    pub(super) is_missed: bool,
    pub(super) job: NewJob,
}

impl Firing {
    /// The key that the job holds for some time, and until when. This counts from the nominal time: otherwise, if it equals the
    /// interval, the next time would still find the key held whenever this one is late.
    pub(super) fn holds(&self) -> Option<(&str, DateTime<Utc>)> {
        let key = self.job.key.as_ref().filter(|_| !self.is_missed)?;
        let until = self.time.checked_add_signed(TimeDelta::milliseconds(key.within_ms?))?;
        Some((&key.key, until))
    }

    pub(super) fn replaces(&self) -> bool {
        self.job.key.as_ref().is_some_and(|key| key.on_conflict == OnConflict::Replace)
    }
}
