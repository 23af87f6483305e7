//! `cron list`, `add`, `pause`, `resume`, `remove`, `run`, `history`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use sea_orm::DatabaseConnection;

use super::failure::{CommandResult, note};
use super::output::Output;
use super::schedule::JobArguments;
use super::{definitions, durations, table, text};
use crate::client::answers::{ScheduleDone, ScheduleRun};
use crate::cron::{self, CronRecord, CronSource, Firing, ListedSchedule, Missed};
use crate::job::registry;
use crate::store::health;
use crate::{Error, NamedJob, Session};

#[derive(Debug, Subcommand)]
pub(super) enum Cron {
    /// List the schedules, with their next times.
    List(List),
    /// Add a schedule of a job.
    Add(Box<Add>),
    /// Pause a schedule until it is resumed.
    Pause(Name),
    /// Resume a paused schedule.
    Resume(Name),
    /// Remove a schedule, with its history.
    Remove(Name),
    /// Schedule a job of a schedule now.
    Run(Name),
    /// List the times for which a schedule has fired, newest first.
    History(Name),
}

impl Cron {
    pub(super) async fn run(self, db: &DatabaseConnection, session: &Session, output: Output) -> CommandResult {
        match self {
            Self::List(list) => list.run(db, session, output).await,
            Self::Add(add) => add.run(session, output).await,
            Self::Pause(Name { name }) => {
                session.pause_schedule(&name).await?;
                done(name, "paused", output)
            }
            Self::Resume(Name { name }) => {
                session.resume_schedule(&name).await?;
                done(name, "resumed", output)
            }
            Self::Remove(Name { name }) => remove(session, name, output).await,
            Self::Run(Name { name }) => {
                let run = ScheduleRun { id: session.run_schedule_now(&name).await? };
                output.show(&run, || format!("job {} is scheduled", run.id))
            }
            Self::History(Name { name }) => history(session, &name, output).await,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Name {
    /// The schedule.
    name: String,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// How many of the next times to show for each.
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=20))]
    next: u8,
}

impl List {
    async fn run(self, db: &DatabaseConnection, session: &Session, output: Output) -> CommandResult {
        let now = health::clock(db).await?;
        let schedules = session.schedules().await?.into_iter();
        let listed: Vec<_> = schedules.map(|schedule| ListedSchedule::with_next(self.next.into(), schedule)).collect();
        output.show(&listed, || {
            let header = ["SCHEDULE", "JOB", "WHEN", "NEXT", "IN", "MISSED", "FROM"];
            table::table(&header, &["FROM", "MISSED", "JOB"], listed.iter().map(|listed| row(listed, now)))
        })
    }
}

fn row(listed: &ListedSchedule, now: DateTime<Utc>) -> Vec<String> {
    let ListedSchedule { schedule, next_times } = listed;
    let lines = |line: &dyn Fn(&DateTime<Utc>) -> String| next_times.iter().map(line).collect::<Vec<_>>().join("\n");
    let next = match schedule.paused_at {
        Some(since) => format!("paused since {}", local(schedule, since)),
        None if next_times.is_empty() => "no longer fires".to_owned(),
        None => lines(&|time| local(schedule, *time)),
    };
    vec![
        text::line(&schedule.name),
        text::line(&schedule.job),
        text::line(&format!("{} [{}]", schedule.description, schedule.expression)),
        next,
        lines(&|time| durations::show((*time - now).to_std().unwrap_or_default())),
        schedule.missed.to_string(),
        schedule.source.to_string(),
    ]
}

/// The time in the schedule's time zone.
fn local(schedule: &CronRecord, time: DateTime<Utc>) -> String {
    match schedule.timezone.parse::<chrono_tz::Tz>() {
        Ok(zone) => time.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string(),
        Err(_) => table::time(time),
    }
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// The name of the schedule.
    name: String,

    /// When it fires: minute, hour, day of month, month and day of week, such as "0 3 * * MON-FRI"; if there are six
    /// fields, seconds come first.
    expression: String,

    /// The name of the job's definition.
    job: String,

    /// The time zone, such as Europe/Paris.
    #[arg(long, value_name = "ZONE", default_value = cron::UTC)]
    timezone: String,

    /// What to do about missed times: skip, once, or for example "all(10)".
    #[arg(long, value_name = "POLICY", default_value_t, value_parser = missed)]
    missed: Missed,

    /// Replace the schedule of this name, if there is one.
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    arguments: JobArguments,
}

fn missed(text: &str) -> Result<Missed, String> {
    text.parse().map_err(|error: Error| error.to_string())
}

impl Add {
    async fn run(self, session: &Session, output: Output) -> CommandResult {
        let (parameters, options) = (self.arguments.parameters()?, self.arguments.options());
        if definitions::are_linked() && registry::find(&self.job).is_none() {
            note(&format!("No definition here is named {}: the schedule waits for a worker that has one.", self.job));
        }
        let when = cron::Cron::new(self.expression).timezone(self.timezone).missed(self.missed);
        let job = NamedJob::new(&self.job, parameters).with_options(options);
        if self.replace {
            session.replace_schedule(&self.name, when, job).await?;
        } else {
            session.add_schedule(&self.name, when, job).await?;
        }
        let schedules = session.schedules().await?;
        let Some(schedule) = schedules.iter().find(|schedule| schedule.name == self.name) else {
            return Err(Error::NoSchedule { name: self.name }.into());
        };
        output.show(schedule, || {
            let next =
                schedule.next_at.map_or_else(|| "is paused".into(), |next| format!("next {}", local(schedule, next)));
            text::line(&format!("schedule {}: {}, {next}", schedule.name, schedule.description))
        })
    }
}

async fn remove(session: &Session, name: String, output: Output) -> CommandResult {
    let is_definition = |schedule: &CronRecord| schedule.name == name && schedule.source == CronSource::Definition;
    let comes_again = session.schedules().await?.iter().any(is_definition);
    session.remove_schedule(&name).await?;
    if comes_again {
        note(
            "This is the schedule of a definition: the next worker that starts with it adds it again. To stop it, use `cron pause` instead.",
        );
    }
    done(name, "removed", output)
}

fn done(schedule: String, done: &'static str, output: Output) -> CommandResult {
    let done = ScheduleDone { schedule, done };
    output.show(&done, || text::line(&format!("schedule {} is {}", done.schedule, done.done)))
}

async fn history(session: &Session, name: &str, output: Output) -> CommandResult {
    let firings = session.firings(name).await?;
    output.show(&firings, || table::table(&["TIME", "JOB", "LATE BY"], &[], firings.iter().map(firing)))
}

fn firing(firing: &Firing) -> Vec<String> {
    let late: Duration = (firing.fired_at - firing.nominal_time).to_std().unwrap_or_default();
    vec![table::time(firing.nominal_time), table::or_nothing(firing.job), durations::show(late)]
}
