//! Jobs that are scheduled again and again: by their definition, or by schedules that are made while programs run.
//!
//! ```standalone_crate
//! use jobs::cron::{self, Cron, Missed};
//! use jobs::prelude::*;
//!
//! /// By its definition: every night, by the clocks of Paris.
//! #[derive(Job)]
//! #[job(cron = "0 3 * * *", timezone = "Europe/Paris")]
//! #[job_params]
//! struct CleanUp {
//!     #[param(default = 30)]
//!     days: u32,
//! }
//! # impl Execute for CleanUp { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
//!
//! #[job_fn]
//! async fn report(job: &JobContext, customer: String) -> JobResult {
//!     job.message(format!("for {customer}, up to {:?}", job.nominal_time()));
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
//! # let db = jobs::connect("sqlite::memory:").await?; jobs::migrate(&db).await?;
//! // While the program runs: one for each customer.
//! let mondays = Cron::new("30 8 * * MON").timezone("America/New_York").missed(Missed::All(4));
//! cron::add(&db, "report for ada", mondays, Report::new("ada")).await?;
//! cron::pause(&db, "report for ada").await?;
//! let schedule = cron::list(&db).await?.remove(0);
//! assert_eq!(schedule.description, "At 08:30, on Monday");
//! # Ok(()) }
//! ```
//!
//! # Who fires
//!
//! Every worker that knows the job, and none in particular: the transaction that schedules the job also writes the time for which it
//! does, which can be written only once. So each time fires once, whatever number of workers there are, and goes on while any of them
//! is up. That time is the job's [nominal time](crate::JobContext::nominal_time). When it is due is judged by the database's clock.
//!
//! Workers look at the schedules every half a minute (every minute where there are none), and sleep until the next one is due. They
//! learn of changes at once within the process, and where the database notifies; elsewhere when they look.
//!
//! # Expressions
//!
//! Five fields: minute, hour, day of month, month, day of week; or six, with seconds before them. Each is `*`, a number, a list
//! (`1,15`), a range (`9-17`; round midnight, `22-2`) or a step (`*/5`; from the 5th on, `5/15`); months and days of the week have names
//! (`JAN`, `MON`; 0 and 7 are Sunday). `L` is the last day of the month, `FRI#2` the second Friday, `FRI#L` the last, `15W` the weekday
//! nearest to the 15th; `?` is `*` for either day; `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` are understood. Where both day
//! of month and day of week are given, either will do; with `+` before the day of week, both have to hold.
//!
//! # Where clocks change
//!
//! | the time | what names its hours | what fires in every hour |
//! | --- | --- | --- |
//! | is left out, as clocks go forward | fires at the first instant after it | does not fire: the hour has not passed |
//! | comes twice, as clocks go back | fires once, at the first | fires both times: two hours have passed |
//!
//! So `30 2 * * *` runs once every day, and `0 * * * *` once in every hour that passes.
//!
//! # Missed times
//!
//! What becomes of times that have passed while no worker was up, [`Missed`] says: nothing, one job ([by default](Missed::Once)), or one
//! for each. While a schedule is paused, no times are missed.
//!
//! # Unique jobs
//!
//! Where a job is unique, and the one before still waits or runs, a time fires none: its history names the job that holds the key, which
//! keeps its own nominal time. So `#[job(cron = "* * * * *", unique)]` never runs beside itself. Where a key is held for some time
//! (`unique(within = "1h")`), that counts from the nominal time.
//!
//! # Schedules of definitions
//!
//! A worker that starts writes those of the definitions that are linked into it, and removes those whose definition no longer has one.
//! It does so only then: while releases change, the worker that was started last decides, and those that run on change nothing
//! back. A schedule that stays the same keeps its next time, and times that were missed; one that gets another expression or time zone
//! begins anew. One that was paused stays so. Where no program has the definition any more, its schedule does not fire, and
//! [`remove`] removes it.
//!
//! A worker leaves alone what it can't read, such as a time zone that a newer release knows, and says so in its log.

// Imports all layers before it: model, error, store, job and client. Workers call it.
pub(crate) mod declare;
mod expression;
pub(crate) mod fire;
mod missed;
mod record;
mod times;

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, TransactionSession as _};

use crate::client::JobOptions;
use crate::client::schedule::{IntoRow as _, Schedulable};
use crate::error::Error;
pub use crate::job::Missed;
use crate::job::parameters::{self, check_name};
use crate::model::JobId;
use crate::store::connection::Connection;
use crate::store::cron::{self as store, NewSchedule, Row};
use crate::store::insert::NewJob;
use crate::store::{clock, control, firings, repeat_call, wake};
pub use record::{CronRecord, CronSource, Firing};
use times::Times;

/// When a schedule fires.
///
/// ```
/// # use jobs::cron::{Cron, Missed};
/// let weekdays = Cron::new("0 9 * * MON-FRI").timezone("Asia/Tokyo").missed(Missed::Skip);
/// let every_ten_seconds = Cron::new("*/10 * * * * *");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Cron {
    expression: String,
    timezone: String,
    missed: Missed,
}

impl Cron {
    /// At the times of this expression, of up to 200 characters, by UTC. See [Expressions](self#expressions). It is looked at when it is
    /// used.
    pub fn new(expression: impl Into<String>) -> Self {
        Self { expression: expression.into(), timezone: UTC.into(), missed: Missed::default() }
    }

    /// By the clocks of this zone of the IANA database, such as `Europe/Paris`.
    pub fn timezone(mut self, timezone: impl Into<String>) -> Self {
        self.timezone = timezone.into();
        self
    }

    /// What becomes of missed times. Default: [`Missed::Once`].
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    pub(crate) fn times(&self) -> Result<Times, Error> {
        Times::new(&self.expression, &self.timezone)
    }
}

/// Where no zone is named.
pub(crate) const UTC: &str = "UTC";

/// Adds a schedule: at the times of `cron`, it schedules this job, which may have options
/// ([`with_options`](crate::WithOptions)), or be known [by its name](crate::NamedJob). Inside a transaction, it exists if and only if that commits.
///
/// [`Error::ScheduleExists`] where there is one of this name, [`Error::InvalidValue`] where the name has not 1 to 200 characters, the
/// expression or the zone is none, an option is out of its range, or the options say [`at`](JobOptions::at) what time its jobs are due:
/// they are when it fires, or after their `delay`.
pub async fn add<C: Connection, S: Schedulable>(db: &C, name: &str, cron: Cron, job: S) -> Result<(), Error> {
    add_checked(db, of_job(name, &cron, job)?, &cron).await
}

/// Adds a schedule, or changes the one of this name to this: for programs that do so whenever they start. What keeps its expression and
/// time zone keeps its next time, and what is paused stays so.
///
/// [`Error::InvalidValue`] as for [`add`], and where the schedule is a definition's: a worker would change it back.
pub async fn replace<C: Connection, S: Schedulable>(db: &C, name: &str, cron: Cron, job: S) -> Result<(), Error> {
    replace_checked(db, of_job(name, &cron, job)?, &cron).await
}

/// All schedules, by name.
pub async fn list<C: Connection>(db: &C) -> Result<Vec<CronRecord>, Error> {
    let rows = store::all(db).await?;
    let latest = if rows.is_empty() { HashMap::new() } else { firings::latest(db).await? };
    let record = |row: Row| {
        let last_at = latest.get(&row.name).copied();
        CronRecord::of(row, last_at)
    };
    Ok(rows.into_iter().map(record).collect())
}

/// For which times a schedule has fired, with their jobs, newest first: the latest 100. [`Error::NoSchedule`] where there is none of this
/// name.
pub async fn history<C: Connection>(db: &C, name: &str) -> Result<Vec<Firing>, Error> {
    find(db, name).await?;
    Ok(firings::of(db, name).await?.iter().map(Firing::of).collect())
}

/// Lets a schedule not fire until it is [resumed](resume); its times until then are not missed. Nothing changes where it is paused.
/// [`Error::NoSchedule`] where there is none of this name.
pub async fn pause<C: Connection>(db: &C, name: &str) -> Result<(), Error> {
    repeat_call(db, || pause_once(db, name)).await
}

async fn pause_once<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), Error> {
    look(db, name).await?;
    if !store::pause(db, name).await? {
        return Err(Error::NoSchedule { name: name.into() });
    }
    tell(db, name).await
}

/// Lets a schedule fire again, from its next time on. Nothing changes where it is not paused.
/// [`Error::NoSchedule`] where there is none of this name.
pub async fn resume<C: Connection>(db: &C, name: &str) -> Result<(), Error> {
    repeat_call(db, || resume_once(db, name)).await
}

async fn resume_once<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), Error> {
    let row = find(db, name).await?;
    let next_at = Times::new(&row.expression, &row.timezone)?.next(clock(db).await?);
    store::resume(db, name, next_at).await?;
    tell(db, name).await
}

/// Removes a schedule and its history; the jobs that it has scheduled stay. One of a definition is written anew by the next worker that
/// starts with it: [`pause`] it instead, or take `cron` out of the code. [`Error::NoSchedule`] where there is none of this name.
pub async fn remove<C: Connection>(db: &C, name: &str) -> Result<(), Error> {
    repeat_call(db, || remove_once(db, name)).await
}

async fn remove_once<C: Connection>(db: &C, name: &str) -> Result<(), Error> {
    look(db, name).await?;
    // No options: inside a transaction of the caller's this is a savepoint, which takes none.
    let transaction = db.begin().await?;
    if !store::remove(&transaction, name).await? {
        return Err(Error::NoSchedule { name: name.into() });
    }
    transaction.commit().await?;
    tell(db, name).await
}

/// Schedules a job of this schedule now, also while it is paused. Its nominal time is now; when the schedule fires next does not change.
/// Where another job holds the key of a [unique](JobOptions::unique_key) one, the id is that of the other. In a transaction of yours, the
/// schedule does not fire until that ends.
/// [`Error::NoSchedule`] where there is none of this name.
pub async fn run_now<C: Connection>(db: &C, name: &str) -> Result<JobId, Error> {
    repeat_call(db, || run_once(db, name)).await
}

async fn run_once<C: Connection>(db: &C, name: &str) -> Result<JobId, Error> {
    look(db, name).await?;
    fire::now(db, name).await
}

/// That the schedule is there, before a verb locks its row in a transaction of the caller's.
async fn look<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), Error> {
    if control::keeps_gaps_locked(db)? {
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

/// A schedule of a job that could be scheduled now.
fn checked(name: &str, cron: &Cron, job: NewJob, options: &JobOptions) -> Result<NewSchedule, Error> {
    check_name("name", name)?;
    if options.names_a_time() {
        return Err(Error::invalid("at", "the jobs of a schedule are due when it fires: leave it out, or say `delay`"));
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

async fn add_checked<C: ConnectionTrait>(db: &C, new: NewSchedule, cron: &Cron) -> Result<(), Error> {
    repeat_call(db, || add_once(db, &new, cron)).await
}

async fn add_once<C: ConnectionTrait>(db: &C, new: &NewSchedule, cron: &Cron) -> Result<(), Error> {
    let next_at = cron.times()?.next(clock(db).await?);
    if !store::insert(db, new, next_at).await? {
        return Err(Error::ScheduleExists { name: new.name.clone() });
    }
    tell(db, &new.name).await
}

async fn replace_checked<C: ConnectionTrait>(db: &C, new: NewSchedule, cron: &Cron) -> Result<(), Error> {
    repeat_call(db, || replace_once(db, &new, cron)).await
}

async fn replace_once<C: ConnectionTrait>(db: &C, new: &NewSchedule, cron: &Cron) -> Result<(), Error> {
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
            return tell(db, &new.name).await;
        }
        // Somebody has added or removed it meanwhile. Locked: a transaction that reads an older snapshot would see the same row again.
        row = store::lock(db, &new.name).await?;
    }
}

fn is_of_definition(name: &str) -> Error {
    let reason = format!("`{name}` is the schedule of a definition: change `cron` in its code, or take another name");
    Error::invalid("name", reason)
}

/// A hint: workers look by themselves, too.
async fn tell<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), Error> {
    control::notify(db, "jobs_cron", name).await?;
    wake::cron_changed();
    Ok(())
}
