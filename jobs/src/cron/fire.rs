//! Firing: one transaction takes due schedules, and schedules their jobs.

use chrono::TimeDelta;
use sea_orm::{DatabaseTransaction, DbErr, TransactionSession as _};
use tracing::Instrument as _;

pub(crate) use super::plan::Fired;
use super::plan::{Firing, Plan, Presence, job};
use crate::client::schedule::insert::{self, announce};
use crate::error::{Error, fault};
use crate::job::registry::{self, Registry};
use crate::model::JobId;
use crate::store::connection::Connection;
use crate::store::cron::{self as store, DueFilter};
use crate::store::dialect::connection;
use crate::store::firings::{self, NewFiring};
use crate::store::insert::InsertResult;
use crate::store::row::NewJob;
use crate::store::{Store, clock, keys, retry_contention};

/// How many schedules one transaction fires.
pub(crate) const PAGE: usize = 100;

/// The most bytes of jobs in one transaction, if it fires more than one schedule.
const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;

/// A due schedule that can't be read. Another release may be able to.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) schedule: String,
    pub(crate) reason: Error,
}

/// The result of firing due schedules.
#[derive(Debug)]
pub(crate) struct FireResult {
    pub(crate) unreadable: Vec<Unreadable>,
    pub(crate) fired: Result<Vec<Fired>, Failure>,
}

/// Why none of these schedules was fired: one of them is blocked, or refused.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) schedules: Vec<String>,
    pub(crate) error: DbErr,
}

/// Fires up to `limit` due schedules, skipping those that others are firing. An error is one of the database, not of a
/// schedule.
pub(crate) async fn fire_next_due(
    store: &Store,
    registry: &Registry,
    default_queue: &str,
    filter: &DueFilter,
    limit: usize,
) -> Result<FireResult, DbErr> {
    retry_contention(|| async {
        let transaction = store.begin().await?;
        connection::limit_lock_waits(&transaction).await?;
        let fired = fire(&transaction, registry, default_queue, filter, limit).await;
        let lifted = connection::lift_lock_waits(&transaction).await;
        let Page { result, firings, inserted } = fired?;
        if result.fired.is_ok() {
            lifted?;
            transaction.commit().await?;
            announce(firings.iter().map(|firing| &firing.job).zip(&inserted));
        } else {
            transaction.rollback().await?;
        }
        Ok(result)
    })
    .await
}

/// The schedules that one transaction has fired.
struct Page {
    result: FireResult,
    firings: Vec<Firing>,
    inserted: Vec<InsertResult>,
}

async fn fire(
    transaction: &DatabaseTransaction,
    registry: &Registry,
    default_queue: &str,
    filter: &DueFilter,
    limit: usize,
) -> Result<Page, DbErr> {
    let due = store::lock_due(transaction, filter, limit).await?;
    let presence = Presence::read(transaction, &due).await?;
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
        Ok((firings, inserted)) => {
            let fired = plans.into_iter().map(|plan| plan.fired(&firings, &inserted)).collect();
            Ok(Page { result: FireResult { unreadable, fired: Ok(fired) }, firings, inserted })
        }
        Err(error) if fault::of(&error).is_passing() && !fault::is_lock_timeout(&error) => Err(error),
        Err(error) => {
            let schedules = plans.into_iter().map(|plan| plan.schedule).collect();
            let fired = Err(Failure { schedules, error });
            Ok(Page { result: FireResult { unreadable, fired }, firings: Vec::new(), inserted: Vec::new() })
        }
    }
}

/// Fires the plans. The rows of their schedules are locked, so that no other worker fires them.
async fn fire_all(
    transaction: &DatabaseTransaction,
    plans: &[Plan],
) -> Result<(Vec<Firing>, Vec<InsertResult>), DbErr> {
    if plans.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let firings: Vec<_> = plans.iter().flat_map(Plan::firings).collect();
    // After the clock was put back, the same time comes again.
    let times = firings.iter().map(|firing| (firing.schedule.as_str(), firing.time));
    let fired = firings::fired(transaction, times).await?;
    let is_new = |(index, firing)| (!fired.contains(&index)).then_some(firing);
    let firings: Vec<_> = firings.into_iter().enumerate().filter_map(is_new).collect();
    let inserted = write(transaction, &firings).await?;
    let next: Vec<_> = plans.iter().map(|plan| (plan.schedule.as_str(), plan.next)).collect();
    store::set_next(transaction, &next).await?;
    Ok((firings, inserted))
}

/// Schedules the jobs for times that have not been fired for, and records them.
async fn write<C: Connection>(db: &C, firings: &[Firing]) -> Result<Vec<InsertResult>, DbErr> {
    let Some(first) = firings.first() else { return Ok(Vec::new()) };
    let span = tracing::debug_span!("jobs.schedule", name = first.job.name, count = firings.len());
    let inserted = insert(db, firings).instrument(span).await?;
    let (mut rows, mut new, mut held) = (Vec::with_capacity(firings.len()), Vec::new(), Vec::new());
    for (firing, result) in firings.iter().zip(&inserted) {
        let row = NewFiring { schedule: &firing.schedule, nominal_at: firing.time, job_id: result.id };
        rows.push(row);
        // An existing job keeps its own nominal time.
        if !result.existed {
            new.push(row);
            held.extend(firing.holds().map(|(key, until)| (key, result.id, until)));
        }
    }
    firings::set_nominal(db, &new).await?;
    keys::hold_until(db, &held).await?;
    firings::record(db, &rows).await?;
    let mut schedules: Vec<_> = firings.iter().map(|firing| firing.schedule.as_str()).collect();
    schedules.dedup();
    firings::forget_old(db, &schedules).await?;
    Ok(inserted)
}

/// Inserts the jobs, or finds those that hold their keys.
async fn insert<C: Connection>(db: &C, firings: &[Firing]) -> Result<Vec<InsertResult>, DbErr> {
    let as_database_error = |error| match error {
        Error::Database(error) => error,
        // Everything else was refused before.
        other => DbErr::Custom(other.to_string()),
    };
    let (replacing, others): (Vec<_>, Vec<_>) = firings.iter().partition(|firing| firing.replaces());
    let others: Vec<_> = others.into_iter().map(|firing| &firing.job).collect();
    let mut others = insert::insert(db, &others).await.map_err(as_database_error)?.into_iter();
    let mut settled = Vec::with_capacity(replacing.len());
    for firing in replacing {
        match insert::insert(db, &[&firing.job]).await {
            Ok(inserted) => settled.extend(inserted),
            // It is no longer waiting, and still counts as the job for this time.
            Err(Error::Duplicate { existing }) => settled.push(InsertResult { id: existing.0, existed: true }),
            Err(error) => return Err(as_database_error(error)),
        }
    }
    let mut settled = settled.into_iter();
    Ok(firings.iter().filter_map(|firing| if firing.replaces() { settled.next() } else { others.next() }).collect())
}

/// A job that was scheduled by hand for a schedule.
pub(super) struct FiredNow {
    firing: Firing,
    inserted: InsertResult,
}

impl FiredNow {
    pub(super) const fn id(&self) -> JobId {
        JobId(self.inserted.id)
    }

    /// Announces the job, and returns its id.
    pub(super) fn announce(self) -> JobId {
        announce(std::iter::once((&self.firing.job, &self.inserted)));
        self.id()
    }
}

/// Schedules a job of this schedule, whose nominal time is now, if it may be scheduled; the caller announces it.
pub(super) async fn now<C: Connection>(
    db: &C,
    name: &str,
    may: impl Fn(&NewJob) -> Result<(), Error> + Send,
) -> Result<FiredNow, Error> {
    // Without options: inside the caller's transaction this is a savepoint, which takes none.
    let transaction = db.begin().await?;
    // Locked, as for firing: removing the schedule concurrently removes this firing, too.
    let row = store::lock(&transaction, name).await?.ok_or_else(|| Error::NoSchedule { name: name.into() })?;
    let job = job(&row, registry::find(&row.job), &crate::client::default_queue())?;
    may(&job)?;
    let mut time = clock(&transaction).await?;
    // Two within a millisecond get different times.
    while !firings::fired(&transaction, std::iter::once((name, time))).await?.is_empty() {
        time += TimeDelta::milliseconds(1);
    }
    let firing = Firing { schedule: row.name, time, is_missed: false, job };
    let inserted = write(&transaction, std::slice::from_ref(&firing)).await?;
    transaction.commit().await?;
    // There is one for each firing.
    let inserted = inserted.first().copied().ok_or_else(|| Error::Database(DbErr::RecordNotInserted))?;
    Ok(FiredNow { firing, inserted })
}
