//! Firing: one transaction takes times of schedules and schedules the jobs for them.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr, TransactionSession as _};
use serde_json::Value;
use tracing::Instrument as _;

use super::missed::{self, Due, LATE};
use super::times::Times;
use crate::client::{JobOptions, schedule};
use crate::error::{Error, fault};
use crate::job::registry::{self, Definition, Registry};
use crate::job::{JobDefaults, Missed, parameters};
use crate::model::{JobId, OnConflict};
use crate::store::connection::Connection;
use crate::store::cron::{self as store, Row, Which};
use crate::store::dialect::connection;
use crate::store::firings::{self, NewFiring};
use crate::store::insert::NewJob;
use crate::store::unique::Placed;
use crate::store::workers::{self, Serves};
use crate::store::{Store, clock, keys, repeat};

/// How many schedules one transaction fires.
pub(crate) const PAGE: usize = 100;

/// The most bytes of the jobs of one transaction, where it fires more than one schedule.
const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;

/// A schedule that was due, and what came of it.
#[derive(Debug)]
pub(crate) struct Fired {
    pub(crate) schedule: String,
    pub(crate) missed: usize,
    /// They were not missed while no worker was up: others have come before their turn.
    pub(crate) was_up: bool,
    pub(crate) policy: Missed,
    pub(crate) jobs: Vec<(DateTime<Utc>, JobId)>,
}

/// A schedule that is due, and says what can't be read here. Another release may be able to.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) schedule: String,
    pub(crate) reason: Error,
}

/// What became of schedules that were due.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) fired: Result<Vec<Fired>, Failure>,
}

/// Why none of these schedules has been fired: one of them is held up, or refused.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) schedules: Vec<String>,
    pub(crate) error: DbErr,
}

/// Fires the first schedules that are due, up to so many; none where nothing is due that nobody else is firing. An error is one of the
/// database, and of no schedule.
pub(crate) async fn first_due(
    store: &Store,
    registry: &Registry,
    default_queue: &str,
    which: &Which,
    limit: usize,
) -> Result<Outcome, DbErr> {
    repeat(|| async {
        let transaction = store.begin().await?;
        connection::limit_lock_waits(&transaction).await?;
        let fired = fire(&transaction, registry, default_queue, which, limit).await;
        let lifted = connection::lift_lock_waits(&transaction).await;
        let Page { outcome, firings, placed } = fired?;
        if outcome.fired.is_ok() {
            lifted?;
            transaction.commit().await?;
            schedule::scheduled(firings.iter().map(|firing| &firing.job).zip(&placed));
        } else {
            transaction.rollback().await?;
        }
        Ok(outcome)
    })
    .await
}

/// What a transaction has fired.
struct Page {
    outcome: Outcome,
    firings: Vec<Firing>,
    placed: Vec<Placed>,
}

async fn fire(
    transaction: &DatabaseTransaction,
    registry: &Registry,
    default_queue: &str,
    which: &Which,
    limit: usize,
) -> Result<Page, DbErr> {
    let due = store::lock_due(transaction, which, limit).await?;
    let presence = Presence::look(transaction, &due).await?;
    let mut unreadable = Vec::new();
    let mut plans = Vec::with_capacity(due.len());
    let mut room = MAX_PAGE_BYTES;
    for (row, now) in due {
        match Plan::of(&row, now, presence.since(&row.job, now), registry.get(&row.job), default_queue) {
            Ok(plan) if plan.bytes() > room && !plans.is_empty() => break,
            Ok(plan) => {
                room = room.saturating_sub(plan.bytes());
                plans.push(plan);
            }
            Err(reason) => unreadable.push(Unreadable { schedule: row.name, reason }),
        }
    }
    match fire_all(transaction, &plans).await {
        Ok((firings, placed)) => {
            let fired = plans.into_iter().map(|plan| plan.fired(&firings, &placed)).collect();
            Ok(Page { outcome: Outcome { unreadable, fired: Ok(fired) }, firings, placed })
        }
        Err(error) if fault::of(&error).is_passing() && !fault::is_lock_timeout(&error) => Err(error),
        Err(error) => {
            let schedules = plans.into_iter().map(|plan| plan.schedule).collect();
            let fired = Err(Failure { schedules, error });
            Ok(Page { outcome: Outcome { unreadable, fired }, firings: Vec::new(), placed: Vec::new() })
        }
    }
}

/// Since when workers have been up, where something is due that may have been missed.
struct Presence(Vec<(DateTime<Utc>, Serves)>);

impl Presence {
    async fn look<C: ConnectionTrait>(db: &C, due: &[(Row, DateTime<Utc>)]) -> Result<Self, DbErr> {
        let is_late = |(row, now): &(Row, DateTime<Utc>)| row.next_at.is_some_and(|next_at| *now - next_at > LATE);
        Ok(Self(if due.iter().any(is_late) { workers::present(db).await? } else { Vec::new() }))
    }

    fn since(&self, job: &str, now: DateTime<Utc>) -> DateTime<Utc> {
        let know_it = self.0.iter().filter(|(_, serves)| serves.names.iter().any(|name| name == job));
        know_it.map(|(since, _)| *since).min().map_or(now, |since| since.min(now))
    }
}

/// What a schedule that is due has to do.
struct Plan {
    schedule: String,
    job: NewJob,
    policy: Missed,
    due: Due,
    up_since: DateTime<Utc>,
    next: Option<DateTime<Utc>>,
}

impl Plan {
    fn of(
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

    fn bytes(&self) -> usize {
        self.due.to_fire.len() * (self.job.parameters.len() + 500)
    }

    fn firings(&self) -> impl Iterator<Item = Firing> {
        self.due.to_fire.iter().map(|time| Firing {
            schedule: self.schedule.clone(),
            time: *time,
            is_missed: self.up_since - *time > LATE,
            job: self.job.clone(),
        })
    }

    fn fired(self, firings: &[Firing], placed: &[Placed]) -> Fired {
        let own = firings.iter().zip(placed).filter(|(firing, _)| firing.schedule == self.schedule);
        let jobs = own.map(|(firing, placed)| (firing.time, JobId(placed.id))).collect();
        let Due { missed, was_up, .. } = self.due;
        Fired { schedule: self.schedule, missed, was_up, policy: self.policy, jobs }
    }
}

/// The job that a schedule schedules. Whether its parameters decode is seen when it is executed, unless they make it unique.
fn job(row: &Row, definition: Option<&Definition>, default_queue: &str) -> Result<NewJob, Error> {
    let options: JobOptions = serde_json::from_value(row.options.0.clone())
        .map_err(|source| Error::Decode { name: "options".into(), source })?;
    let secrets = definition.map_or(&[][..], |definition| definition.secrets);
    let parameters = parameters::encode_value(row.parameters.0.clone(), secrets)?;
    let defaults = definition.map_or(JobDefaults::new("unknown"), |definition| definition.defaults);
    let unique_values = || match definition {
        Some(definition) => definition.decode(&row.parameters.0.clone().into())?.unique_values(),
        None => Ok(Value::Null),
    };
    let options = options.or_queue(defaults.queue.unwrap_or(default_queue));
    let mut job = options.into_row(&row.job, &defaults, parameters, unique_values)?;
    // The other one's id is wanted, whatever is said of the second.
    if let Some(key) = job.key.as_mut().filter(|key| key.on_conflict == OnConflict::Fail) {
        key.on_conflict = OnConflict::UseExisting;
    }
    Ok(job)
}

/// A time for which a schedule fires.
struct Firing {
    schedule: String,
    time: DateTime<Utc>,
    is_missed: bool,
    job: NewJob,
}

/// The schedules' rows are locked: nobody else fires them.
async fn fire_all(transaction: &DatabaseTransaction, plans: &[Plan]) -> Result<(Vec<Firing>, Vec<Placed>), DbErr> {
    if plans.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let firings: Vec<_> = plans.iter().flat_map(Plan::firings).collect();
    // A clock that was put back comes to the same time again.
    let times = firings.iter().map(|firing| (firing.schedule.as_str(), firing.time));
    let fired = firings::fired(transaction, times).await?;
    let is_new = |(place, firing)| (!fired.contains(&place)).then_some(firing);
    let firings: Vec<_> = firings.into_iter().enumerate().filter_map(is_new).collect();
    let placed = write(transaction, &firings).await?;
    let next: Vec<_> = plans.iter().map(|plan| (plan.schedule.as_str(), plan.next)).collect();
    store::set_next(transaction, &next).await?;
    Ok((firings, placed))
}

/// Schedules the jobs for times that nobody has fired for, and writes that they have been.
async fn write<C: Connection>(db: &C, firings: &[Firing]) -> Result<Vec<Placed>, DbErr> {
    let Some(first) = firings.first() else { return Ok(Vec::new()) };
    let span = tracing::debug_span!("jobs.schedule", name = first.job.name, count = firings.len());
    let placed = place(db, firings).instrument(span).await?;
    let (mut rows, mut new, mut held) = (Vec::with_capacity(firings.len()), Vec::new(), Vec::new());
    for (firing, placed) in firings.iter().zip(&placed) {
        let row = NewFiring { schedule: &firing.schedule, nominal_at: firing.time, job_id: placed.id };
        rows.push(row);
        // Another one keeps its own nominal time.
        if !placed.existed {
            new.push(row);
            held.extend(firing.holds().map(|(key, until)| (key, placed.id, until)));
        }
    }
    firings::set_nominal(db, &new).await?;
    keys::hold_until(db, &held).await?;
    firings::record(db, &rows).await?;
    let mut schedules: Vec<_> = firings.iter().map(|firing| firing.schedule.as_str()).collect();
    schedules.dedup();
    firings::forget_old(db, &schedules).await?;
    Ok(placed)
}

impl Firing {
    /// The key that the job has for some time, and until when. That counts from the nominal time: else, where it is the interval between two
    /// times, the second would come too early by as much as the first was late.
    fn holds(&self) -> Option<(&str, DateTime<Utc>)> {
        let key = self.job.key.as_ref().filter(|_| !self.is_missed)?;
        let until = self.time.checked_add_signed(TimeDelta::milliseconds(key.within_ms?))?;
        Some((&key.key, until))
    }

    fn replaces(&self) -> bool {
        self.job.key.as_ref().is_some_and(|key| key.on_conflict == OnConflict::Replace)
    }
}

/// Inserts the jobs, or finds those that are the same.
async fn place<C: Connection>(db: &C, firings: &[Firing]) -> Result<Vec<Placed>, DbErr> {
    let as_database_error = |error| match error {
        Error::Database(error) => error,
        // What else can be refused was refused before.
        other => DbErr::Custom(other.to_string()),
    };
    let (replacing, others): (Vec<_>, Vec<_>) = firings.iter().partition(|firing| firing.replaces());
    let others: Vec<_> = others.into_iter().map(|firing| &firing.job).collect();
    let mut others = schedule::place(db, &others).await.map_err(as_database_error)?.into_iter();
    let mut settled = Vec::with_capacity(replacing.len());
    for firing in replacing {
        match schedule::place(db, &[&firing.job]).await {
            Ok(placed) => settled.extend(placed),
            // It does not wait any more. It is the one all the same.
            Err(Error::Duplicate { existing }) => settled.push(Placed { id: existing.0, existed: true }),
            Err(error) => return Err(as_database_error(error)),
        }
    }
    let mut settled = settled.into_iter();
    Ok(firings.iter().filter_map(|firing| if firing.replaces() { settled.next() } else { others.next() }).collect())
}

/// Schedules a job of this schedule, whose nominal time is now.
pub(super) async fn now<C: Connection>(db: &C, name: &str) -> Result<JobId, Error> {
    // No options: inside a transaction of the caller's this is a savepoint, which takes none.
    let transaction = db.begin().await?;
    // Locked, as by those who fire it: whoever removes it meanwhile removes this firing, too.
    let row = store::lock(&transaction, name).await?.ok_or_else(|| Error::NoSchedule { name: name.into() })?;
    let job = job(&row, registry::find(&row.job), &crate::client::default_queue())?;
    let mut time = clock(&transaction).await?;
    // Two within a millisecond have times of their own.
    while !firings::fired(&transaction, std::iter::once((name, time))).await?.is_empty() {
        time += TimeDelta::milliseconds(1);
    }
    let firing = Firing { schedule: row.name, time, is_missed: false, job };
    let placed = write(&transaction, std::slice::from_ref(&firing)).await?;
    transaction.commit().await?;
    schedule::scheduled([&firing.job].into_iter().zip(&placed));
    // There are as many as firings.
    placed.first().map(|placed| JobId(placed.id)).ok_or_else(|| Error::Database(DbErr::RecordNotInserted))
}
