//! The API for authors of jobs: the traits that make a struct a job, its parameters, its definition, the context of an attempt.
//!
//! Imports `model`, `error` and `store`.

pub(crate) mod attempt;
mod context;
#[cfg_attr(not(feature = "web"), expect(dead_code, reason = "the dashboard shows it"))]
pub(crate) mod description;
mod into_result;
pub(crate) mod limit;
mod missed;
pub(crate) mod panics;
pub(crate) mod parameters;
pub(crate) mod registry;
pub(crate) mod unique;
pub(crate) mod updates;

pub use context::JobContext;
pub use into_result::IntoJobResult;
pub use limit::Limit;
pub use missed::Missed;
pub use unique::Unique;

use std::any::{TypeId, type_name};
use std::future::Future;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::{Error, JobResult};
use crate::model::RetryPolicy;
use description::Description;
use limit::Limits;

/// The parameters of a job: a struct that `#[job_params]` makes storable by name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no job parameters",
    label = "add `#[job_params]` to this struct",
    note = "`#[job_params]` makes a struct's fields the parameters of its job: `#[derive(Job)] #[job_params] struct {Self} {{ … }}`"
)]
pub trait JobParams: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The names under which the parameters are stored.
    const PARAMETERS: &'static [&'static str];

    /// The names of the parameters whose values are not shown, including the other names by which they are read.
    const SECRETS: &'static [&'static str] = &[];

    /// What the struct says about itself and its parameters.
    #[doc(hidden)]
    const DESCRIPTION: Description = Description::NONE;
}

/// The code of a job. Implement it by hand, with a native `async fn`:
///
/// ```
/// use jobs::prelude::*;
///
/// #[derive(Job)]
/// #[job_params]
/// struct Greet {
///     name: String,
/// }
///
/// impl Execute for Greet {
///     type Output = String;
///
///     async fn execute(&self, _job: &JobContext) -> JobResult<String> {
///         Ok(format!("hello {}", self.name()))
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what the job does",
    label = "implement `Execute` for this struct",
    note = "write `impl Execute for {Self} {{ type Output = (); async fn execute(&self, job: &JobContext) -> JobResult {{ … }} }}`"
)]
pub trait Execute: Sized + Send + Sync + 'static {
    /// The value that a successful execution returns, stored as the result named `output`; `()` if there is none.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Runs one attempt. A job may have several: after an error, a timeout or the loss of its worker.
    ///
    /// Any error returned with `?` is recorded and retried with backoff; see [`JobError`](crate::JobError) for the other outcomes.
    /// The future is dropped at an `await` if the job does not stop within the grace after its timeout or cancellation.
    fn execute(&self, job: &JobContext) -> impl Future<Output = JobResult<Self::Output>> + Send;
}

/// A job definition, which `#[derive(Job)]` writes and registers at link time.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a job",
    label = "this is not a job",
    note = "put `#[derive(Job)]` and `#[job_params]` on the struct, and implement `Execute` for it"
)]
pub trait Job: JobParams + Execute {
    /// The name and the options that `#[job(...)]` gives.
    const DEFAULTS: JobDefaults;

    /// The values that make the job unique, if [`JobDefaults::unique`] says so. `#[job(unique(by(…)))]` generates it.
    fn unique_values(&self) -> Result<Value, Error> {
        parameters::to_value("parameters", self)
    }

    /// The values by which the job is counted, if [`JobDefaults::limit_each`] names their parameters: an array, in the order of the names.
    /// `#[job(limit(by(…)))]` generates it.
    fn limit_values(&self) -> Result<Value, Error> {
        Ok(Value::Array(Vec::new()))
    }
}

/// The options of a definition, for all its jobs. `#[job(...)]` generates them; a job's [`JobOptions`](crate::JobOptions) override them.
#[derive(Debug, Clone, Copy)]
pub struct JobDefaults {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    pub(crate) queue: Option<&'static str>,
    pub(crate) priority: i16,
    pub(crate) max_attempts: u32,
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: RetryPolicy,
    pub(crate) state: Option<StateType>,
    pub(crate) unique: Option<Unique>,
    pub(crate) limits: Limits,
    pub(crate) cron: Option<&'static str>,
    pub(crate) timezone: Option<&'static str>,
    pub(crate) missed: Missed,
}

/// A type of application state that a worker must have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StateType {
    pub(crate) id: fn() -> TypeId,
    pub(crate) name: fn() -> &'static str,
}

/// The number of attempts of a job by default.
pub(crate) const DEFAULT_MAX_ATTEMPTS: u32 = 5;

impl JobDefaults {
    /// The defaults of a definition of this name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            queue: None,
            priority: 0,
            max_attempts: DEFAULT_MAX_ATTEMPTS,
            timeout: None,
            retry: RetryPolicy::DEFAULT,
            state: None,
            unique: None,
            limits: Limits::NONE,
            cron: None,
            timezone: None,
            missed: Missed::Once,
        }
    }

    /// Old names, whose jobs this definition executes too.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The queue; without one, jobs go to the configured default queue.
    #[must_use]
    pub const fn queue(mut self, queue: &'static str) -> Self {
        self.queue = Some(queue);
        self
    }

    /// The priority, −100 to 100; smaller runs first.
    #[must_use]
    pub const fn priority(mut self, priority: i16) -> Self {
        self.priority = priority;
        self
    }

    /// The maximum number of attempts of a job, 1 to 32767.
    #[must_use]
    pub const fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts;
        self
    }

    /// How long an attempt may take.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The pause between attempts.
    #[must_use]
    pub const fn retry(mut self, retry: RetryPolicy) -> Self {
        self.retry = retry;
        self
    }

    /// The application state that these jobs need to run.
    #[must_use]
    pub const fn state<S: Send + Sync + 'static>(mut self) -> Self {
        self.state = Some(StateType { id: TypeId::of::<S>, name: type_name::<S> });
        self
    }

    /// The expression at whose times workers schedule this job, with its parameters' defaults. See [`cron`](crate::cron).
    #[must_use]
    pub const fn cron(mut self, expression: &'static str) -> Self {
        self.cron = Some(expression);
        self
    }

    /// The time zone of `cron`; by default UTC.
    #[must_use]
    pub const fn timezone(mut self, timezone: &'static str) -> Self {
        self.timezone = Some(timezone);
        self
    }

    /// The policy for missed times of `cron`; by default [`Missed::Once`].
    #[must_use]
    pub const fn missed(mut self, missed: Missed) -> Self {
        self.missed = missed;
        self
    }

    /// Lets only one job exist with the same values.
    #[must_use]
    pub const fn unique(mut self, unique: Unique) -> Self {
        self.unique = Some(unique);
        self
    }

    /// Limits how many jobs of this definition run at once, over all workers.
    #[must_use]
    pub const fn limit(mut self, limit: Limit) -> Self {
        self.limits.all = Some(limit);
        self
    }

    /// Limits how many jobs with the same values of these parameters run at once, over all workers. [`Job::limit_values`] returns the
    /// values.
    #[must_use]
    pub const fn limit_each(mut self, parameters: &'static [&'static str], limit: Limit) -> Self {
        self.limits.each = Some((parameters, limit));
        self
    }

    /// The current name of this definition, if `name` is one of its aliases.
    pub(crate) fn known_as<'n>(&self, name: &'n str) -> &'n str {
        if self.aliases.contains(&name) { self.name } else { name }
    }

    /// The name under which jobs are stored.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}
