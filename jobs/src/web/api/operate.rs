//! The changes of jobs, queues and schedules.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::answer::Answer;
use super::input::{Id, Sent};
use super::schema::{Seconds, object};
use crate::client::answers::{JobDone, QueueDone, ScheduleDone, ScheduleRun};
use crate::client::bulk::Verb;
use crate::client::seconds;
use crate::web::authorized::{Authorized, Cancel, Delete, ManageCron, PauseQueue, Retry, RunNow};
use crate::web::failure::Failure;
use crate::{Error, PauseOptions};

pub(in crate::web::api) async fn cancel_job(may: Authorized<Cancel>, Id(id): Id) -> Result<Answer<JobDone>, Failure> {
    Ok(Answer(may.session().act(Verb::Cancel, id).await?))
}

pub(in crate::web::api) async fn retry_job(may: Authorized<Retry>, Id(id): Id) -> Result<Answer<JobDone>, Failure> {
    Ok(Answer(may.session().act(Verb::Retry, id).await?))
}

pub(in crate::web::api) async fn run_job_now(may: Authorized<RunNow>, Id(id): Id) -> Result<Answer<JobDone>, Failure> {
    Ok(Answer(may.session().act(Verb::RunNow, id).await?))
}

pub(in crate::web::api) async fn delete_job(may: Authorized<Delete>, Id(id): Id) -> Result<Answer<JobDone>, Failure> {
    Ok(Answer(may.session().act(Verb::Delete, id).await?))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::api) struct WhichQueue {
    queue: String,
}

object! { read WhichQueue "The queue to change." {
    queue: "The queue, 1 to 200 characters.",
} }

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::api) struct NewPause {
    queue: String,
    reason: Option<String>,
    #[serde(rename = "lasting_seconds", default, deserialize_with = "seconds::deserialize")]
    lasting: Option<Duration>,
    until: Option<DateTime<Utc>>,
}

object! { read NewPause "The queue to pause." {
    queue: "The queue, 1 to 200 characters.",
    reason: "Why, for all who see the queue: a line of 1 to 500 characters.",
    lasting as "lasting_seconds" Seconds: "After how long the pause ends by itself, in seconds; by default it lasts until the queue is resumed.",
    until: "When the pause ends by itself; not beside `lasting_seconds`.",
} }

impl NewPause {
    fn options(&self) -> Result<PauseOptions, Error> {
        let mut options = PauseOptions::new();
        if let Some(reason) = &self.reason {
            options = options.reason(reason);
        }
        match (self.lasting, self.until) {
            (None, None) => Ok(options),
            (Some(lasting), None) => Ok(options.lasting(lasting)),
            (None, Some(until)) => Ok(options.until(until)),
            (Some(_), Some(_)) => {
                Err(Error::invalid("until", "`lasting_seconds` is given, too: leave one of them out"))
            }
        }
    }
}

pub(in crate::web::api) async fn pause_queue(
    may: Authorized<PauseQueue>,
    Sent(pause): Sent<NewPause>,
) -> Result<Answer<QueueDone>, Failure> {
    may.session().pause_with(&pause.queue, pause.options()?).await?;
    Ok(Answer(QueueDone { queue: pause.queue, done: "paused" }))
}

pub(in crate::web::api) async fn resume_queue(
    may: Authorized<PauseQueue>,
    Sent(WhichQueue { queue }): Sent<WhichQueue>,
) -> Result<Answer<QueueDone>, Failure> {
    may.session().resume(&queue).await?;
    Ok(Answer(QueueDone { queue, done: "resumed" }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::api) struct WhichSchedule {
    schedule: String,
}

object! { read WhichSchedule "The schedule to change." {
    schedule: "The name of the schedule.",
} }

pub(in crate::web::api) async fn pause_schedule(
    may: Authorized<ManageCron>,
    Sent(WhichSchedule { schedule }): Sent<WhichSchedule>,
) -> Result<Answer<ScheduleDone>, Failure> {
    may.session().pause_schedule(&schedule).await?;
    Ok(Answer(ScheduleDone { schedule, done: "paused" }))
}

pub(in crate::web::api) async fn resume_schedule(
    may: Authorized<ManageCron>,
    Sent(WhichSchedule { schedule }): Sent<WhichSchedule>,
) -> Result<Answer<ScheduleDone>, Failure> {
    may.session().resume_schedule(&schedule).await?;
    Ok(Answer(ScheduleDone { schedule, done: "resumed" }))
}

pub(in crate::web::api) async fn run_schedule_now(
    may: Authorized<ManageCron>,
    Sent(WhichSchedule { schedule }): Sent<WhichSchedule>,
) -> Result<Answer<ScheduleRun>, Failure> {
    Ok(Answer(ScheduleRun { id: may.session().run_schedule_now(&schedule).await? }))
}

pub(in crate::web::api) async fn remove_schedule(
    may: Authorized<ManageCron>,
    Sent(WhichSchedule { schedule }): Sent<WhichSchedule>,
) -> Result<Answer<ScheduleDone>, Failure> {
    may.session().remove_schedule(&schedule).await?;
    Ok(Answer(ScheduleDone { schedule, done: "removed" }))
}
