//! Scheduling a job.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::answers::ScheduledJob;
use crate::client::seconds;
use crate::error::chain;
use crate::web::api::answer::Scheduled;
use crate::web::api::input::{Asks, Input, Sent};
use crate::web::api::schema::{Schemas, Seconds, object};
use crate::web::authorized::{Authorized, Schedule};
use crate::web::failure::Failure;
use crate::{Error, JobOptions, NamedJob, OnConflict, UniqueWhile};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How long a request may be repeated, also if its job has ended.
const REPEATED_WITHIN: Duration = Duration::from_hours(24);

/// A job to schedule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::api) struct NewJob {
    name: String,
    parameters: Option<BTreeMap<String, Value>>,
    options: Option<NewJobOptions>,
}

object! { read NewJob "A job to schedule." {
    name: "The name of its definition.",
    parameters: "The parameters, by name. A value given as `{\"$secret\": value}` is secret.",
    options: "The options. Those that are left out come from the definition, if this server has it.",
} }

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::web::api) struct NewJobOptions {
    #[serde(rename = "delay_seconds", default, deserialize_with = "seconds::deserialize")]
    delay: Option<Duration>,
    at: Option<DateTime<Utc>>,
    priority: Option<i16>,
    queue: Option<String>,
    max_attempts: Option<u32>,
    #[serde(rename = "timeout_seconds", default, deserialize_with = "seconds::deserialize")]
    timeout: Option<Duration>,
    user: Option<String>,
    session: Option<String>,
    event: Option<String>,
    unique_key: Option<String>,
    #[serde(rename = "unique_within_seconds", default, deserialize_with = "seconds::deserialize")]
    unique_within: Option<Duration>,
    unique_while: Option<UniqueWhile>,
    on_conflict: Option<OnConflict>,
}

object! { read NewJobOptions "The options of a job." {
    delay as "delay_seconds" Seconds: "How long after it is scheduled the job is due, in seconds.",
    at: "When the job is due; not beside `delay_seconds`.",
    priority: "The priority, −100 to 100; smaller runs first.",
    queue: "The queue, 1 to 200 characters.",
    max_attempts: "The maximum number of attempts, 1 to 32767.",
    timeout as "timeout_seconds" Seconds: "How long an attempt may take, in seconds, at least 0.001.",
    user: "The user on whose behalf the job runs, 1 to 200 characters.",
    session: "The session that requests the job, 1 to 200 characters.",
    event: "The event that requests the job, 1 to 200 characters.",
    unique_key: "The unique key, 1 to 200 characters: of the jobs of one name with the same key, only one exists.",
    unique_within as "unique_within_seconds" Seconds: "Holds the key for at least this long, in seconds, even if the job has ended by then.",
    unique_while: "How long the key is held; until the job has ended if left out.",
    on_conflict: "What happens if another job holds the key; that job is used if left out. `replace` also takes the action `edit`.",
} }

/// A job to schedule, and the key by which a repeated request is known.
pub(in crate::web::api) struct Requested {
    job: NewJob,
    key: Option<String>,
}

impl<S: Send + Sync> FromRequest<S> for Requested {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let key = key_in(request.headers())?;
        let Sent(job) = Sent::from_request(request, state).await?;
        Ok(Self { job, key })
    }
}

fn key_in(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    match (keys.next().map(|key| str::from_utf8(key.as_bytes())), keys.next()) {
        (None, _) => Ok(None),
        (Some(Ok(key)), None) => Ok(Some(key.to_owned())),
        _ => {
            let text = "`Idempotency-Key` is given twice, or is not UTF-8.";
            Err(Failure::Invalid(StatusCode::BAD_REQUEST, text.to_owned()))
        }
    }
}

impl Input for Requested {
    fn describe(named: &mut Schemas) -> Asks {
        let key = json!({
            "name": IDEMPOTENCY_KEY.as_str(),
            "in": "header",
            "description": "Becomes the unique key, held for at least 24 hours: a repeated request is answered with the same job. 1 to 200 characters.",
            "schema": { "type": "string" },
        });
        Asks { parameters: vec![key], ..Sent::<NewJob>::describe(named) }
    }
}

pub(in crate::web::api) async fn schedule_job(
    may: Authorized<Schedule>,
    Requested { job, key }: Requested,
) -> Result<Scheduled, Failure> {
    let options = job.options.unwrap_or_default();
    let options = match key {
        Some(key) => options.repeatable(key)?,
        None => options.into_options()?,
    };
    let job = may.session().schedule(named_job(job.name, job.parameters).with_options(options)).await;
    let job = job.map_err(refused)?;
    Ok(Scheduled(ScheduledJob { id: job.id(), existed: job.existed() }))
}

/// A job of this name with these parameters.
pub(in crate::web::api) fn named_job(name: String, parameters: Option<BTreeMap<String, Value>>) -> NamedJob {
    let parameters = parameters.map_or(Value::Null, |parameters| Value::Object(parameters.into_iter().collect()));
    NamedJob::new(name, parameters)
}

/// Why a job that was sent is refused.
pub(in crate::web::api) fn refused(error: Error) -> Failure {
    match error {
        // It may quote what was sent, but nothing secret, to who has sent it.
        Error::Decode { .. } => Failure::Invalid(StatusCode::UNPROCESSABLE_ENTITY, format!("{}.", chain(&error))),
        error => error.into(),
    }
}

impl NewJobOptions {
    /// The options of a request that may be repeated: the same key finds the same job, whatever the definition says of conflicts.
    fn repeatable(self, key: String) -> Result<JobOptions, Error> {
        let given = [self.unique_key.is_some(), self.unique_while.is_some(), self.on_conflict.is_some()];
        let names = ["unique_key", "unique_while", "on_conflict"];
        if let Some((_, name)) = given.into_iter().zip(names).find(|(is_given, _)| *is_given) {
            return Err(Error::invalid(
                name,
                "the job has an `Idempotency-Key`, which is its unique key: leave one of them out",
            ));
        }
        let within = self.unique_within.unwrap_or(REPEATED_WITHIN);
        let options = self.into_options()?.unique_key(key).unique_within(within);
        Ok(options.unique_while(UniqueWhile::ScheduledOrRunning).on_conflict(OnConflict::UseExisting))
    }

    pub(in crate::web::api) fn into_options(self) -> Result<JobOptions, Error> {
        if self.delay.is_some() && self.at.is_some() {
            return Err(Error::invalid("at", "`delay_seconds` is given, too: leave one of them out"));
        }
        let options = set(JobOptions::new(), self.delay, JobOptions::delay);
        let options = set(options, self.at, JobOptions::at);
        let options = set(options, self.priority, JobOptions::priority);
        let options = set(options, self.queue, JobOptions::queue);
        let options = set(options, self.max_attempts, JobOptions::max_attempts);
        let options = set(options, self.timeout, JobOptions::timeout);
        let options = set(options, self.user, JobOptions::user);
        let options = set(options, self.session, JobOptions::session);
        let options = set(options, self.event, JobOptions::event);
        let options = set(options, self.unique_key, JobOptions::unique_key);
        let options = set(options, self.unique_within, JobOptions::unique_within);
        let options = set(options, self.unique_while, JobOptions::unique_while);
        Ok(set(options, self.on_conflict, JobOptions::on_conflict))
    }
}

/// Sets an option if it is given.
fn set<T>(options: JobOptions, value: Option<T>, setter: impl FnOnce(JobOptions, T) -> JobOptions) -> JobOptions {
    match value {
        Some(value) => setter(options, value),
        None => options,
    }
}
