//! Recurring jobs: scheduled by their definition, or by schedules that are created at run time.
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
//! // At run time: one per customer.
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
//! Any worker that knows the job: the transaction that schedules the job also inserts the time for which it does, which can be
//! inserted only once. So each time fires once, however many workers there are, and schedules fire as long as any of them is up.
//! That time is the job's [nominal time](crate::JobContext::nominal_time). Due times are judged by the database's clock.
//!
//! Workers check the schedules every half minute (every minute if there are none), and sleep until the next one is due. They learn
//! of changes at once within the process, and if the database notifies; otherwise at their next check.
//!
//! # Expressions
//!
//! Five fields: minute, hour, day of month, month, day of week; or six, with seconds first. Each is `*`, a number, a list
//! (`1,15`), a range (`9-17`; across midnight, `22-2`) or a step (`*/5`; from the 5th on, `5/15`); months and days of the week have names
//! (`JAN`, `MON`; 0 and 7 are Sunday). `L` is the last day of the month, `FRI#2` the second Friday, `FRI#L` the last, `15W` the weekday
//! nearest to the 15th; `?` is `*` for either day; `@hourly`, `@daily`, `@weekly`, `@monthly` and `@yearly` are accepted. If both day of
//! month and day of week are given, either suffices; with `+` before the day of week, both must match.
//!
//! # Daylight saving time
//!
//! | the time | a schedule at given hours | a schedule in every hour |
//! | --- | --- | --- |
//! | is skipped, as clocks go forward | fires at the first instant after it | does not fire: the hour has not passed |
//! | occurs twice, as clocks go back | fires once, at the first | fires both times: two hours have passed |
//!
//! So `30 2 * * *` runs once every day, and `0 * * * *` once in every hour that passes.
//!
//! # Missed times
//!
//! [`Missed`] decides what happens to times that pass while no worker is up: nothing, one job ([by default](Missed::Once)), or one
//! job each. While a schedule is paused, no times are missed.
//!
//! # Unique jobs
//!
//! If a job is unique, and the previous one is still waiting or running, a time schedules no job: its history names the job that
//! holds the key, which keeps its own nominal time. So `#[job(cron = "* * * * *", unique)]` never runs beside itself. If a key is
//! held for some time (`unique(within = "1h")`), that counts from the nominal time.
//!
//! # Schedules of definitions
//!
//! When a worker starts, it writes the schedules of the definitions that are linked into it, and removes those whose definition no
//! longer has one. It does so only then: during a rollout, the worker that started last decides, and those still running change
//! nothing back. An unchanged schedule keeps its next time and its missed times; one with a new expression or time zone starts
//! over. A paused schedule stays paused. If no program has the definition any longer, its schedule does not fire, and [`remove`]
//! removes it.
//!
//! A worker skips schedules that it can't read, such as one in a time zone that only a newer release knows, and logs a warning.

// Imports all layers below it: model, error, store, job and client. Workers call it.
pub(crate) mod declare;
mod expression;
pub(crate) mod fire;
#[cfg(any(feature = "cli", feature = "web"))]
mod listed;
mod manage;
mod missed;
mod plan;
mod record;
mod session;
mod times;

use crate::error::Error;
pub use crate::job::Missed;
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) use listed::ListedSchedule;
pub use manage::{add, history, list, pause, remove, replace, resume, run_now};
pub use record::{CronRecord, CronSource, Firing};
use times::Times;

/// The times at which a schedule fires.
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
    /// The times of this expression, of up to 200 characters, in UTC. See [Expressions](self#expressions). It is validated when it
    /// is used.
    pub fn new(expression: impl Into<String>) -> Self {
        Self { expression: expression.into(), timezone: UTC.into(), missed: Missed::default() }
    }

    /// Sets the time zone, by its name in the IANA database, such as `Europe/Paris`.
    pub fn timezone(mut self, timezone: impl Into<String>) -> Self {
        self.timezone = timezone.into();
        self
    }

    /// Decides what happens to missed times. Default: [`Missed::Once`].
    pub fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    pub(crate) fn times(&self) -> Result<Times, Error> {
        Times::new(&self.expression, &self.timezone)
    }
}

/// The default time zone.
pub(crate) const UTC: &str = "UTC";
