//! Jobs that can be scheduled: typed ones, those known by name, and either with options.

use serde_json::Value;

use super::insert::IntoRow;
use super::{Schedule, WithOptions};
use crate::client::JobOptions;
use crate::error::Error;
use crate::job::{Job, JobDefaults, parameters, registry};
use crate::store::connection::Connection;
use crate::store::row::NewJob;

/// A job that is given by its name, with its parameters as JSON: for programs that do not have its definition, or choose it at run time.
///
/// If a definition of that name, or with that alias, is linked into this program, the parameters must decode as its own, and its
/// defaults apply. Otherwise the job waits for a worker that knows the name.
///
/// ```
/// use jobs::NamedJob;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// let job = NamedJob::new("Resize", json!({ "file": "image.png" })).schedule(&db).queue("images").await?;
/// assert!(!job.existed());
/// assert_eq!(jobs::record(&db, job).await?.name, "Resize");
/// # Ok(()) }
/// ```
///
/// It can be scheduled like other jobs: with [options](Self::with_options), by [`schedule_all`](crate::schedule_all), and by [`cron::add`](crate::cron::add). Its
/// handle has no type of output: functions such as [`output`](crate::output) take one.
///
/// A value given as `{"$secret": value}` is secret, whatever the definition says; see [`job_params`](crate::job_params).
#[derive(Debug, Clone, PartialEq)]
#[must_use = "a job is scheduled only by `schedule`"]
pub struct NamedJob {
    name: String,
    parameters: Value,
}

impl NamedJob {
    /// Creates a job of this name with these parameters: an object, or `null` for none.
    pub fn new(name: impl Into<String>, parameters: Value) -> Self {
        Self { name: name.into(), parameters }
    }

    /// Gives the job options.
    #[must_use]
    pub fn with_options(self, options: JobOptions) -> WithOptions<Self> {
        WithOptions::new(self, options)
    }

    /// Fails if its name or its parameters would let scheduling fail.
    #[cfg(feature = "web")]
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.clone().into_row(JobOptions::new()).map(drop)
    }

    /// Schedules the job. See [`Schedule`].
    pub fn schedule<C: Connection>(self, db: &C) -> Schedule<'_, C, Self> {
        Schedule::new(db, self, JobOptions::new())
    }
}

impl IntoRow for NamedJob {
    fn into_row(self, options: JobOptions) -> Result<NewJob, Error> {
        let Self { name, parameters } = self;
        let definition = registry::find(&name);
        let text = parameters::encode_value(parameters, definition.map_or(&[], |definition| definition.secrets))?;
        let Some(definition) = definition else {
            return options.into_row(&name, &JobDefaults::new("unknown"), text, |_| Ok(Value::Null));
        };
        let job = definition.decode(&parameters::parse(&text)?.into())?;
        options.into_row(&name, &definition.defaults, text, |of| of.values(&*job))
    }
}

/// Values that [`schedule_all`](crate::schedule_all) and [`cron::add`](crate::cron::add) take: jobs, jobs given [by name](NamedJob), and either [`WithOptions`].
///
/// This trait is sealed: no other type can implement it.
pub trait Schedulable: sealed::Sealed {
    /// The type of the job.
    type Job: IntoRow;

    /// The job and its options.
    #[doc(hidden)]
    fn into_parts(self) -> (Self::Job, JobOptions);
}

mod sealed {
    use super::{Job, NamedJob, WithOptions};

    pub trait Sealed {}

    impl<J: Job> Sealed for J {}
    impl Sealed for NamedJob {}
    impl<J> Sealed for WithOptions<J> {}
}

impl<J: Job> Schedulable for J {
    type Job = J;

    fn into_parts(self) -> (J, JobOptions) {
        (self, JobOptions::new())
    }
}

impl Schedulable for NamedJob {
    type Job = Self;

    fn into_parts(self) -> (Self, JobOptions) {
        (self, JobOptions::new())
    }
}

impl<J: IntoRow> Schedulable for WithOptions<J> {
    type Job = J;

    fn into_parts(self) -> (J, JobOptions) {
        (self.job, self.options)
    }
}
