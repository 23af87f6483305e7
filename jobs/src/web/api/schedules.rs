//! Adding a schedule.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::answer::Answer;
use super::input::Sent;
use super::jobs::{NewJobOptions, named_job, refused};
use super::schema::object;
use crate::client::answers::ScheduleDone;
use crate::cron::{Cron, Missed, UTC};
use crate::web::authorized::{Authorized, ManageCron};
use crate::web::failure::Failure;

/// A schedule to add.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::api) struct NewSchedule {
    schedule: String,
    job: String,
    expression: String,
    timezone: Option<String>,
    missed: Option<Missed>,
    parameters: Option<BTreeMap<String, Value>>,
    options: Option<NewJobOptions>,
}

object! { read NewSchedule "A schedule to add." {
    schedule: "The name of the schedule, 1 to 200 characters.",
    job: "The name of the definition of its jobs.",
    expression: "When it fires: minute, hour, day of month, month and day of week, such as `0 3 * * MON-FRI`; with six fields, the first is for seconds.",
    timezone: "The time zone of its times, such as `Europe/Paris`; `UTC` if left out.",
    missed: "What is done about missed times: `skip`, `once`, or for example `all(10)`; `once` if left out.",
    parameters: "The parameters of its jobs, by name. A value given as `{\"$secret\": value}` is secret.",
    options: "The options of its jobs, but for `at`. Those that are left out come from the definition.",
} }

pub(in crate::web::api) async fn add_schedule(
    may: Authorized<ManageCron>,
    Sent(new): Sent<NewSchedule>,
) -> Result<Answer<ScheduleDone>, Failure> {
    let times = Cron::new(new.expression).timezone(new.timezone.unwrap_or_else(|| UTC.to_owned()));
    let options = new.options.unwrap_or_default().into_options()?;
    let job = named_job(new.job, new.parameters).with_options(options);
    let added = may.session().add_schedule(&new.schedule, times.missed(new.missed.unwrap_or_default()), job).await;
    added.map_err(refused)?;
    Ok(Answer(ScheduleDone { schedule: new.schedule, done: "added" }))
}
