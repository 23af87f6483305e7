//! Firing: one transaction takes a time of a schedule and schedules the job for it.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{DatabaseTransaction, DbErr, TransactionSession as _};
use serde_json::Value;

use super::missed::{Due, Missed};
use super::times::Times;
use crate::error::Error;
use crate::job::Defaults;
use crate::registry::{self, Definition, Registry};
use crate::store::cron::{self as store, Row, Which};
use crate::store::firings;
use crate::store::insert::NewJob;
use crate::store::{Store, clock, repeat};
use crate::{Connection, JobId, JobOptions, parameters, schedule, wake};

/// A schedule that was due, and what came of it.
#[derive(Debug)]
pub(crate) struct Fired {
    pub(crate) schedule: String,
    pub(crate) missed: usize,
    pub(crate) policy: Missed,
    pub(crate) jobs: Vec<(DateTime<Utc>, JobId)>,
    /// Where they wait.
    pub(crate) queue: String,
}

/// What became of the first schedule that was due.
#[derive(Debug)]
pub(crate) enum Outcome {
    Fired(Fired),
    /// What it says can't be read here. Another release may be able to.
    Unreadable {
        schedule: String,
        reason: Error,
    },
}

/// Fires the first schedule that is due, of the jobs that are known here; `None` where none is, or somebody else is firing it.
pub(crate) async fn first_due(
    store: &Store,
    registry: &Registry,
    default_queue: &str,
    which: &Which<'_>,
) -> Result<Option<Outcome>, DbErr> {
    repeat(|| async {
        let transaction = store.begin().await?;
        let Some((row, now)) = store::lock_due(&transaction, which).await? else {
            transaction.commit().await?;
            return Ok(None);
        };
        let plan = match Plan::of(&row, now, registry.get(&row.job), default_queue) {
            Ok(plan) => plan,
            Err(reason) => {
                transaction.commit().await?;
                return Ok(Some(Outcome::Unreadable { schedule: row.name, reason }));
            }
        };
        let fired = fire(&transaction, row, plan).await?;
        transaction.commit().await?;
        Ok(Some(Outcome::Fired(fired)))
    })
    .await
}

/// What a schedule that is due has to do.
struct Plan {
    job: NewJob,
    policy: Missed,
    due: Due,
    next: Option<DateTime<Utc>>,
}

impl Plan {
    fn of(row: &Row, now: DateTime<Utc>, definition: Option<&Definition>, default_queue: &str) -> Result<Self, Error> {
        let times = Times::new(&row.expression, &row.timezone)?;
        let policy: Missed = row.missed.parse()?;
        let due = policy.due(&times, row.next_at.unwrap_or(now), now);
        Ok(Self { job: job(row, definition, default_queue)?, policy, due, next: times.next(now) })
    }
}

/// The job that a schedule schedules. Whether its parameters decode is seen when it is executed, unless they make it unique.
fn job(row: &Row, definition: Option<&Definition>, default_queue: &str) -> Result<NewJob, Error> {
    let options: JobOptions = serde_json::from_value(row.options.0.clone())
        .map_err(|source| Error::Decode { name: "options".into(), source })?;
    let secrets = definition.map_or(&[][..], |definition| definition.secrets);
    let parameters = parameters::encode_value(row.parameters.0.clone(), secrets)?;
    let defaults = definition.map_or(Defaults::new("unknown"), |definition| definition.defaults);
    let unique_values = || match definition {
        Some(definition) => definition.decode(&row.parameters.0.clone().into())?.unique_values(),
        None => Ok(Value::Null),
    };
    let options = options.or_queue(defaults.queue.unwrap_or(default_queue));
    options.into_row(&row.job, &defaults, parameters, unique_values)
}

/// The schedule's row is locked: nobody else fires it.
async fn fire(transaction: &DatabaseTransaction, row: Row, plan: Plan) -> Result<Fired, DbErr> {
    let mut jobs = Vec::new();
    for time in plan.due.to_fire {
        // A clock that was put back comes to the same time again.
        if firings::take(transaction, &row.name, time).await? {
            jobs.push((time, schedule_for(transaction, &row, time, plan.job.clone()).await?));
        }
    }
    store::set_next(transaction, &row.name, plan.next).await?;
    firings::forget_old(transaction, &row.name).await?;
    Ok(Fired { schedule: row.name, missed: plan.due.missed, policy: plan.policy, jobs, queue: plan.job.queue })
}

/// Schedules the job for a time that was taken. Where another one is the same, the time is that one's, which keeps its own nominal time.
async fn schedule_for<C: Connection>(db: &C, row: &Row, time: DateTime<Utc>, job: NewJob) -> Result<JobId, DbErr> {
    let (id, is_new) = match schedule::insert_one(db, job).await {
        Ok(placed) => (placed.id, !placed.existed),
        Err(Error::Duplicate { existing }) => (existing.0, false),
        Err(Error::Database(error)) => return Err(error),
        // What else can be refused was refused before.
        Err(other) => return Err(DbErr::Custom(other.to_string())),
    };
    if is_new {
        firings::set_nominal(db, id, time).await?;
    }
    firings::fired(db, &row.name, time, id).await?;
    Ok(JobId(id))
}

/// Schedules a job of this schedule, whose nominal time is now.
pub(super) async fn now<C: Connection>(db: &C, name: &str) -> Result<JobId, Error> {
    // No options: inside a transaction of the caller's this is a savepoint, which takes none.
    let transaction = db.begin().await?;
    // Locked, as by those who fire it: whoever removes it meanwhile removes this firing, too.
    let row = store::lock(&transaction, name).await?.ok_or_else(|| Error::NoSchedule { name: name.into() })?;
    let job = job(&row, registry::find(&row.job), &crate::default_queue())?;
    let (queue, mut time) = (job.queue.clone(), clock(&transaction).await?);
    // Two within a millisecond have times of their own.
    while !firings::take(&transaction, &row.name, time).await? {
        time += TimeDelta::milliseconds(1);
    }
    let id = schedule_for(&transaction, &row, time, job).await?;
    firings::forget_old(&transaction, &row.name).await?;
    transaction.commit().await?;
    wake::scheduled(&queue);
    Ok(id)
}
