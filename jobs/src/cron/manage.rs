//! Adding, replacing, listing, pausing and removing schedules.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, TransactionSession as _};

use super::Cron;
use super::fire::{self, FiredNow};
use super::record::{CronRecord, CronSource, Firing};
use super::times::Times;
use crate::client::JobOptions;
use crate::client::schedule::{IntoRow as _, Schedulable};
use crate::error::Error;
use crate::job::parameters::{self, check_name};
use crate::model::JobId;
use crate::store::connection::Connection;
use crate::store::cron::{self as store, NewSchedule, Row};
use crate::store::row::NewJob;
use crate::store::{clock, firings, jobs, notify, repeat_call, wake};

/// Adds a schedule: at the times of `cron`, it schedules this job, which may have options
/// ([`with_options`](crate::WithOptions)), or be given [by its name](crate::NamedJob). Inside a transaction, the schedule exists if and only if
/// that commits.
///
/// [`Error::ScheduleExists`] if there is one of this name, [`Error::InvalidValue`] if the name does not have 1 to 200 characters,
/// the expression or the zone is invalid, an option is out of range, or the options set [`at`](JobOptions::at): jobs are due when
/// the schedule fires, or after their `delay`.
pub async fn add<C: Connection, S: Schedulable>(db: &C, name: &str, cron: Cron, job: S) -> Result<(), Error> {
    let new = of_job(name, &cron, job)?;
    announced(repeat_call(db, || add_once(db, &new, &cron)).await)
}

/// Adds a schedule, or replaces the one of this name: for programs that do so whenever they start. If the expression and time zone
/// stay the same, so does the next time; a paused schedule stays paused.
///
/// [`Error::InvalidValue`] as for [`add`], and if the schedule is a definition's: a worker would change it back.
pub async fn replace<C: Connection, S: Schedulable>(db: &C, name: &str, cron: Cron, job: S) -> Result<(), Error> {
    let new = of_job(name, &cron, job)?;
    announced(repeat_call(db, || replace_once(db, &new, &cron)).await)
}

/// Lists all schedules, by name.
pub async fn list<C: Connection>(db: &C) -> Result<Vec<CronRecord>, Error> {
    let rows = store::all(db).await?;
    let latest = if rows.is_empty() { HashMap::new() } else { firings::latest(db).await? };
    let record = |row: Row| {
        let last_at = latest.get(&row.name).copied();
        CronRecord::of(row, last_at)
    };
    Ok(rows.into_iter().map(record).collect())
}

/// Lists the latest 100 times for which a schedule has fired, with their jobs, newest first. [`Error::NoSchedule`] if there is none
/// of this name.
pub async fn history<C: Connection>(db: &C, name: &str) -> Result<Vec<Firing>, Error> {
    find(db, name).await?;
    Ok(firings::of(db, name).await?.iter().map(Firing::of).collect())
}

/// Pauses a schedule until it is [resumed](resume); its times until then do not count as missed. Pausing a paused schedule changes
/// nothing. [`Error::NoSchedule`] if there is none of this name.
pub async fn pause<C: Connection>(db: &C, name: &str) -> Result<(), Error> {
    announced(repeat_call(db, || pause_once(db, name)).await)
}

pub(super) async fn pause_once<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), Error> {
    check_exists(db, name).await?;
    if !store::pause(db, name).await? {
        return Err(Error::NoSchedule { name: name.into() });
    }
    notify_changed(db, name).await
}

/// Resumes a paused schedule, from its next time on. Resuming one that is not paused changes nothing. [`Error::NoSchedule`] if
/// there is none of this name.
pub async fn resume<C: Connection>(db: &C, name: &str) -> Result<(), Error> {
    announced(repeat_call(db, || resume_once(db, name)).await)
}

pub(super) async fn resume_once<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), Error> {
    let row = find(db, name).await?;
    let next_at = Times::new(&row.expression, &row.timezone)?.next(clock(db).await?);
    store::resume(db, name, next_at).await?;
    notify_changed(db, name).await
}

/// Removes a schedule and its history; the jobs that it has scheduled stay. A definition's schedule is written again by the next
/// worker that starts with it: [`pause`] it instead, or remove `cron` from the code. [`Error::NoSchedule`] if there is none of this
/// name.
pub async fn remove<C: Connection>(db: &C, name: &str) -> Result<(), Error> {
    announced(repeat_call(db, || remove_once(db, name)).await)
}

pub(super) async fn remove_once<C: Connection>(db: &C, name: &str) -> Result<(), Error> {
    check_exists(db, name).await?;
    // Without options: inside the caller's transaction this is a savepoint, which takes none.
    let transaction = db.begin().await?;
    if !store::remove(&transaction, name).await? {
        return Err(Error::NoSchedule { name: name.into() });
    }
    transaction.commit().await?;
    notify_changed(db, name).await
}

/// Schedules a job of this schedule now, even while it is paused. The job's nominal time is now; the schedule's next time does not
/// change. If another job holds its [unique](JobOptions::unique_key) key, the id is that of the other. Inside your own transaction,
/// the schedule does not fire until that ends. [`Error::NoSchedule`] if there is none of this name.
pub async fn run_now<C: Connection>(db: &C, name: &str) -> Result<JobId, Error> {
    Ok(repeat_call(db, || run_once(db, name, |_| Ok(()))).await?.announce())
}

/// Schedules a job of this schedule, if it may be scheduled; the caller announces it.
pub(super) async fn run_once<C: Connection>(
    db: &C,
    name: &str,
    may: impl Fn(&NewJob) -> Result<(), Error> + Send,
) -> Result<FiredNow, Error> {
    check_exists(db, name).await?;
    fire::now(db, name, may).await
}

/// Checks that the schedule exists before its row is locked in the caller's transaction, if a missing row would lock a gap.
async fn check_exists<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), Error> {
    if jobs::keeps_gaps_locked(db)? {
        find(db, name).await?;
    }
    Ok(())
}

async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Row, Error> {
    store::find(db, name).await?.ok_or_else(|| Error::NoSchedule { name: name.into() })
}

fn of_job<S: Schedulable>(name: &str, cron: &Cron, job: S) -> Result<NewSchedule, Error> {
    let (job, options) = job.into_parts();
    checked(name, cron, job.into_row(options.clone())?, &options)
}

/// A valid schedule, of a job that could be scheduled now.
pub(super) fn checked(name: &str, cron: &Cron, job: NewJob, options: &JobOptions) -> Result<NewSchedule, Error> {
    check_name("name", name)?;
    if options.has_absolute_time() {
        return Err(Error::invalid("at", "the jobs of a schedule are due when it fires: leave it out, or use `delay`"));
    }
    Ok(NewSchedule {
        name: name.into(),
        job: job.name,
        expression: cron.expression.clone(),
        timezone: cron.timezone.clone(),
        missed: cron.missed.check()?.to_string(),
        source: CronSource::Runtime.as_str(),
        parameters: parameters::parse(&job.parameters)?,
        options: parameters::to_value("options", options)?,
    })
}

pub(super) async fn add_once<C: ConnectionTrait>(db: &C, new: &NewSchedule, cron: &Cron) -> Result<(), Error> {
    let next_at = cron.times()?.next(clock(db).await?);
    if !store::insert(db, new, next_at).await? {
        return Err(Error::ScheduleExists { name: new.name.clone() });
    }
    notify_changed(db, &new.name).await
}

pub(super) async fn replace_once<C: ConnectionTrait>(db: &C, new: &NewSchedule, cron: &Cron) -> Result<(), Error> {
    let times = cron.times()?;
    let mut row = store::find(db, &new.name).await?;
    loop {
        let has_its_times = row.as_ref().is_some_and(|row| new.has_times_of(row));
        let next_at = if has_its_times { None } else { times.next(clock(db).await?) };
        let is_written = match &row {
            None => store::insert(db, new, next_at).await?,
            Some(row) if row.source == CronSource::Definition.as_str() => return Err(is_of_definition(&row.name)),
            Some(_) => store::update(db, new, next_at).await?,
        };
        if is_written {
            return notify_changed(db, &new.name).await;
        }
        // It was added or removed in the meantime. Locked, because a transaction with an older snapshot would see the same row again.
        row = store::lock(db, &new.name).await?;
    }
}

fn is_of_definition(name: &str) -> Error {
    let reason = format!("`{name}` is the schedule of a definition: change `cron` in its code, or use another name");
    Error::invalid("name", reason)
}

/// Only a hint: workers also poll.
async fn notify_changed<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), Error> {
    Ok(notify::send(db, "jobs_cron", name).await?)
}

/// Wakes this process's workers if schedules were changed.
fn announced(changed: Result<(), Error>) -> Result<(), Error> {
    changed.inspect(|()| wake::cron_changed())
}
