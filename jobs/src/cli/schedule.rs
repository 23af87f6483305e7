//! `schedule`.

use std::time::Duration;

use clap::Args;
use sea_orm::DatabaseConnection;
use serde_json::{Map, Value, json};

use super::failure::{Done, Failure, note};
use super::output::Output;
use super::{definitions, durations, text};
use crate::job::registry;
use crate::{JobId, JobOptions, JobRecord, JobStatus, NamedJob, OnConflict};

#[derive(Debug, Args)]
pub(super) struct Schedule {
    /// The name of its definition.
    name: String,

    #[command(flatten)]
    job: JobArguments,

    /// Wait until it has ended.
    #[arg(long)]
    wait: bool,
}

/// What is said of a job besides its name.
#[derive(Debug, Args)]
pub(super) struct JobArguments {
    /// A parameter; may be given more than once. The value is JSON where it can be read as such, and else a string. A secret one is
    /// marked by its definition; where that is not in this program, write NAME='{"$secret": VALUE}'.
    #[arg(long, short, value_name = "NAME=VALUE", value_parser = parameter)]
    param: Vec<(String, Value)>,

    /// All parameters, as a JSON object.
    #[arg(long, value_name = "JSON", conflicts_with = "param")]
    params: Option<String>,

    /// Due after this time, such as 10m or 1h30m.
    #[arg(long, value_parser = durations::parse)]
    delay: Option<Duration>,

    /// The queue [default: its definition's].
    #[arg(long)]
    queue: Option<String>,

    /// −100 to 100; smaller runs first [default: its definition's].
    #[arg(long, allow_negative_numbers = true)]
    priority: Option<i16>,

    /// How many attempts it has, 1 to 32767 [default: its definition's].
    #[arg(long, value_name = "NUMBER")]
    max_attempts: Option<u32>,

    /// How long an attempt may take, such as 5m [default: its definition's].
    #[arg(long, value_parser = durations::parse)]
    timeout: Option<Duration>,

    /// Of the jobs of its name with this key there is one; another is not scheduled while it waits or runs.
    #[arg(long, value_name = "KEY")]
    unique_key: Option<String>,

    /// And for so long from now, also after it has ended, such as 1h.
    #[arg(long, value_name = "TIME", value_parser = durations::parse)]
    unique_within: Option<Duration>,

    /// What becomes of this job where another one has its key [default: its definition's, or use-existing].
    #[arg(long, value_name = "CHOICE")]
    on_conflict: Option<OnConflict>,
}

pub(super) fn parameter(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("a name and a value are needed, such as width=64")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

impl Schedule {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> Done {
        let parameters = self.job.parameters()?;
        if definitions::are_linked() && registry::find(&self.name).is_none() {
            note(&format!("No definition here is named {}: the job waits for a worker that has one.", self.name));
        }
        let job = NamedJob::new(&self.name, parameters).schedule(db).options(self.job.options()).await?;
        let (id, existed) = (job.id(), job.existed());
        if self.wait {
            let job = crate::wait(db, id).await?;
            return ended(&job, output);
        }
        let scheduled = if existed { "was there already" } else { "is scheduled" };
        output.show(&json!({ "id": id, "existed": existed }), || format!("job {id} {scheduled}"))
    }
}

impl JobArguments {
    pub(super) fn parameters(&self) -> Result<Value, Failure> {
        match &self.params {
            Some(json) => {
                serde_json::from_str(json).map_err(|error| Failure::Usage(format!("--params is no JSON: {error}")))
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

fn ended(job: &JobRecord, output: Output) -> Done {
    let shown = output.show(job, || sentence(job));
    succeeded(job).and(shown)
}

/// How a job stands, and what it has brought.
pub(super) fn sentence(job: &JobRecord) -> String {
    let JobRecord { id, status, .. } = job;
    let more = match (status, job.output::<Value>(), &job.last_error) {
        (JobStatus::Terminated, Ok(Value::Null), _) => String::new(),
        (JobStatus::Terminated, Ok(value), _) => format!(": {value}"),
        (_, _, Some(error)) => format!(": {error}"),
        _ => String::new(),
    };
    text::lines(&format!("job {id} is {status}{more}"))
}

/// A command that has waited for a job ends as the job has.
pub(super) fn succeeded(job: &JobRecord) -> Done {
    if job.status == JobStatus::Terminated { Ok(()) } else { Err(Failure::Said) }
}

/// For lines about a job that goes on.
pub(super) fn about(id: JobId, name: &str) -> String {
    text::line(&format!("job {id} {name}"))
}
