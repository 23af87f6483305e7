//! The schedules: when they fire next, and what they have fired.

use askama::Template;
use axum::response::Response;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;

use crate::cron::{CronRecord, CronSource, Firing};
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::format::{self, Time};
use crate::web::input::Asked;
use crate::web::layout::{Layout, Page, html};
use crate::{Action, Error, JobId, Session};

#[derive(Template)]
#[template(path = "cron.html")]
struct CronPage {
    layout: Layout,
    schedules: Vec<Schedule>,
    may_manage: bool,
    may_add: bool,
}

#[derive(Template)]
#[template(path = "schedule.html")]
struct History {
    layout: Layout,
    schedule: Schedule,
    firings: Vec<Fired>,
    may_manage: bool,
}

struct Schedule {
    name: String,
    job: String,
    description: String,
    expression: String,
    timezone: String,
    missed: String,
    source: &'static str,
    next: Vec<Next>,
    last: Option<Time>,
    paused: Option<Time>,
}

/// A time at which a schedule fires: in its time zone, and from now.
struct Next {
    local: String,
    from_now: Time,
}

struct Fired {
    nominal: Time,
    job: Option<JobId>,
    late: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    name: String,
}

/// What has just been done to a schedule.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Notice {
    done: Option<Done>,
    name: Option<String>,
    job: Option<JobId>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Added,
    Paused,
    Resumed,
    Run,
    Removed,
}

pub(in crate::web) async fn show(view: Authorized<View>, Asked(notice): Asked<Notice>) -> Result<Response, Failure> {
    let (schedules, now) = (view.session().schedules().await?, Utc::now());
    let notice = notice.text(view.session(), &schedules).await?;
    html(&CronPage {
        layout: view.layout(Page::Cron, "Cron").with_age(now).with_notice(notice),
        schedules: schedules.into_iter().map(|schedule| Schedule::of(schedule, 1, now)).collect(),
        may_manage: view.may(Action::ManageCron),
        may_add: view.may(Action::ManageCron) && view.may(Action::Schedule),
    })
}

pub(in crate::web) async fn history(view: Authorized<View>, Asked(which): Asked<Which>) -> Result<Response, Failure> {
    let (session, now) = (view.session(), Utc::now());
    let schedules = session.schedules().await?;
    let Some(schedule) = schedules.into_iter().find(|schedule| schedule.name == which.name) else {
        return Err(Error::NoSchedule { name: which.name }.into());
    };
    let firings = session.firings(&schedule.name).await?;
    html(&History {
        layout: view.layout(Page::Cron, schedule.name.clone()).with_age(now),
        schedule: Schedule::of(schedule, 5, now),
        firings: firings.iter().map(Fired::of).collect(),
        may_manage: view.may(Action::ManageCron),
    })
}

impl Schedule {
    fn of(schedule: CronRecord, times: usize, now: DateTime<Utc>) -> Self {
        let next =
            |time: DateTime<Utc>| Next { local: local(time, &schedule.timezone), from_now: Time::relative(time, now) };
        Self {
            next: schedule.next_times(times).into_iter().map(next).collect(),
            last: schedule.last_at.map(|time| Time::relative(time, now)),
            paused: schedule.paused_at.map(|time| Time::relative(time, now)),
            missed: schedule.missed.to_string(),
            source: schedule.source.as_str(),
            name: schedule.name,
            job: schedule.job,
            description: schedule.description,
            expression: schedule.expression,
            timezone: schedule.timezone,
        }
    }
}

/// The time in the time zone of the schedule; in UTC if this release does not know it.
fn local(time: DateTime<Utc>, timezone: &str) -> String {
    let zone = timezone.parse().unwrap_or(chrono_tz::UTC);
    time.with_timezone(&zone).format("%a %Y-%m-%d %H:%M:%S %Z").to_string()
}

impl Fired {
    fn of(firing: &Firing) -> Self {
        Self {
            nominal: Time::full(firing.nominal_time),
            job: firing.job,
            late: format::between(firing.nominal_time, firing.fired_at),
        }
    }
}

impl Notice {
    /// Only what is so, and names that exist: anyone can make a link.
    async fn text(self, session: &Session, schedules: &[CronRecord]) -> Result<Option<String>, Error> {
        let (Some(done), Some(name)) = (self.done, self.name) else { return Ok(None) };
        let Some(schedule) = schedules.iter().find(|schedule| schedule.name == name) else {
            return Ok(matches!(done, Done::Removed).then(|| "The schedule is removed.".to_owned()));
        };
        Ok(match done {
            Done::Added if is_new(schedule) => Some(format!("Schedule {name} is added.")),
            Done::Paused if schedule.paused_at.is_some() => {
                Some(format!("Schedule {name} is paused: it does not fire until it is resumed."))
            }
            Done::Resumed if schedule.paused_at.is_none() => Some(format!("Schedule {name} is resumed.")),
            Done::Run => match self.job {
                Some(job) if is_of(session, job, &schedule.job).await? => {
                    Some(format!("Schedule {name} runs now as job {job}."))
                }
                _ => None,
            },
            _ => None,
        })
    }
}

/// Whether it was added at run time, within the last minute.
fn is_new(schedule: &CronRecord) -> bool {
    schedule.source == CronSource::Runtime && Utc::now() - schedule.created_at < TimeDelta::minutes(1)
}

/// Whether there is such a job of this definition.
async fn is_of(session: &Session, job: JobId, name: &str) -> Result<bool, Error> {
    match session.record(job).await {
        Ok(job) => Ok(job.name == name),
        Err(Error::NotFound { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}
