//! `schedule`.

use std::time::Duration;

use clap::Args;
use sea_orm::DatabaseConnection;
use serde_json::{Map, Value};

use super::failure::{CommandResult, Failure, note};
use super::output::Output;
use super::{definitions, durations, text};
use crate::client::answers::ScheduledJob;
use crate::job::registry;
use crate::{JobId, JobOptions, JobRecord, JobStatus, NamedJob, OnConflict, Session};

#[derive(Debug, Args)]
pub(super) struct Schedule {
    /// The name of the job's definition.
    name: String,

    #[command(flatten)]
    job: JobArguments,

    /// Wait until the job has ended.
    #[arg(long)]
    wait: bool,
}

/// The parameters and options of a job.
#[derive(Debug, Args)]
pub(super) struct JobArguments {
    /// A parameter; may be given more than once. The value is JSON if it parses as such, otherwise a string. A secret one is
    /// marked by its definition; if that is not in this program, write NAME='{"$secret": VALUE}'.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = parameter)]
    param: Vec<(String, Value)>,

    /// All parameters, as a JSON object.
    #[arg(long, value_name = "JSON", conflicts_with = "param")]
    params: Option<String>,

    /// Make the job due after this time, such as 10m or 1h30m.
    #[arg(long, value_parser = durations::parse)]
    delay: Option<Duration>,

    /// The queue [default: its definition's].
    #[arg(long)]
    queue: Option<String>,

    /// The priority, −100 to 100; smaller runs first [default: its definition's].
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i16>,

    /// The maximum number of attempts, 1 to 32767 [default: its definition's].
    #[arg(long, value_name = "NUMBER")]
    max_attempts: Option<u32>,

    /// How long an attempt may take, such as 5m [default: its definition's].
    #[arg(long, value_parser = durations::parse)]
    timeout: Option<Duration>,

    /// The unique key: of the jobs of this name, no second one with this key is scheduled while one waits or runs.
    #[arg(long, value_name = "KEY")]
    unique_key: Option<String>,

    /// Hold the key for at least this long, even after the job has ended, such as 1h.
    #[arg(long, value_name = "TIME", value_parser = durations::parse)]
    unique_within: Option<Duration>,

    /// What to do if another job holds the key [default: its definition's, or use-existing].
    #[arg(long, value_name = "CHOICE")]
    on_conflict: Option<OnConflict>,
}

pub(super) fn parameter(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("a name and a value are needed, such as width=64")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

impl Schedule {
    pub(super) async fn run(self, db: &DatabaseConnection, session: &Session, output: Output) -> CommandResult {
        let parameters = self.job.parameters()?;
        if definitions::are_linked() && registry::find(&self.name).is_none() {
            note(&format!("No definition here is named {}: the job waits for a worker that has one.", self.name));
        }
        let job = NamedJob::new(&self.name, parameters).with_options(self.job.options());
        let job = session.schedule(job).await?;
        let job = ScheduledJob { id: job.id(), existed: job.existed() };
        if self.wait {
            let job = crate::wait(db, job.id).await?;
            return ended(&job, output);
        }
        let scheduled = if job.existed { "already exists" } else { "is scheduled" };
        output.show(&job, || format!("job {} {scheduled}", job.id))
    }
}

impl JobArguments {
    pub(super) fn parameters(&self) -> Result<Value, Failure> {
        match &self.params {
            Some(json) => {
                serde_json::from_str(json).map_err(|error| Failure::Usage(format!("--params is not JSON: {error}")))
            }
            None => self.named_parameters(),
        }
    }

    fn named_parameters(&self) -> Result<Value, Failure> {
        let mut named = Map::new();
        for (name, value) in &self.param {
            if named.insert(name.clone(), value.clone()).is_some() {
                return Err(Failure::Usage(format!("the parameter {name} is given twice")));
            }
        }
        Ok(Value::Object(named))
    }

    pub(super) fn options(&self) -> JobOptions {
        let mut options = JobOptions::new();
        if let Some(delay) = self.delay {
            options = options.delay(delay);
        }
        if let Some(queue) = &self.queue {
            options = options.queue(queue);
        }
        if let Some(priority) = self.priority {
            options = options.priority(priority);
        }
        if let Some(max_attempts) = self.max_attempts {
            options = options.max_attempts(max_attempts);
        }
        if let Some(timeout) = self.timeout {
            options = options.timeout(timeout);
        }
        self.unique_options(options)
    }

    fn unique_options(&self, mut options: JobOptions) -> JobOptions {
        if let Some(key) = &self.unique_key {
            options = options.unique_key(key);
        }
        if let Some(within) = self.unique_within {
            options = options.unique_within(within);
        }
        match self.on_conflict {
            Some(on_conflict) => options.on_conflict(on_conflict),
            None => options,
        }
    }
}

fn ended(job: &JobRecord, output: Output) -> CommandResult {
    let shown = output.show(job, || summary(job));
    succeeded(job).and(shown)
}

/// The status of a job, and its output or error.
pub(super) fn summary(job: &JobRecord) -> String {
    let JobRecord { id, status, .. } = job;
    let more = match (status, job.output::<Value>(), &job.last_error) {
        (JobStatus::Terminated, Ok(Value::Null), _) => String::new(),
        (JobStatus::Terminated, Ok(value), _) => format!(": {value}"),
        (_, _, Some(error)) => format!(": {error}"),
        _ => String::new(),
    };
    text::lines(&format!("job {id} is {status}{more}"))
}

/// Succeeds if the job has: the result of a command that waits for a job.
pub(super) fn succeeded(job: &JobRecord) -> CommandResult {
    if job.status == JobStatus::Terminated { Ok(()) } else { Err(Failure::AlreadyReported) }
}

/// The beginning of a line about an open job.
pub(super) fn about(id: JobId, name: &str) -> String {
    text::line(&format!("job {id} {name}"))
}
