//! The definitions that are linked into this program, by name. The one place where job types are erased.

use std::any::TypeId;
use std::collections::HashMap;
use std::fmt;
use std::fmt::Write as _;

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::Value;

use super::description::Description;
use super::parameters::secrets::Parameters;
use super::{Job, JobContext, JobDefaults, parameters};
use crate::error::{Error, JobError, JobResult};

/// One definition: its name and options, and how to run its jobs. `#[derive(Job)]` submits it.
#[derive(Clone, Copy)]
pub struct Definition {
    pub(crate) defaults: JobDefaults,
    pub(crate) secrets: &'static [&'static str],
    #[cfg_attr(not(feature = "web"), expect(dead_code, reason = "the dashboard shows it"))]
    pub(crate) description: Description,
    file: &'static str,
    line: u32,
    job: fn() -> TypeId,
    decode: fn(&Parameters) -> Result<Box<dyn AnyJob>, Error>,
}

inventory::collect!(Definition);

impl Definition {
    /// The definition of `J`, written at this place.
    #[must_use]
    pub const fn of<J: Job>(file: &'static str, line: u32) -> Self {
        Self {
            defaults: J::DEFAULTS,
            secrets: J::SECRETS,
            description: J::DESCRIPTION,
            file,
            line,
            job: TypeId::of::<J>,
            decode: decode::<J>,
        }
    }

    /// The job with these parameters, ready to run. Fails with the name of the parameter that does not decode.
    pub(crate) fn decode(&self, parameters: &Parameters) -> Result<Box<dyn AnyJob>, Error> {
        (self.decode)(parameters)
    }

    /// Where it is in the source.
    #[cfg(feature = "web")]
    pub(crate) fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.defaults.name).chain(self.defaults.aliases.iter().copied())
    }
}

impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.defaults.name, self.file, self.line)
    }
}

/// A decoded job whose type is erased.
pub(crate) trait AnyJob: Send {
    /// Runs the job, and returns its output as JSON.
    fn run(self: Box<Self>, job: JobContext) -> BoxFuture<'static, JobResult<Value>>;

    /// The values that make the job unique.
    fn unique_values(&self) -> Result<Value, Error>;

    /// The values by which the job is counted.
    fn limit_values(&self) -> Result<Value, Error>;
}

/// The keys that are made of a job's parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyOf {
    Unique,
    Limit,
}

impl KeyOf {
    /// The values of this key.
    pub(crate) fn values(self, job: &dyn AnyJob) -> Result<Value, Error> {
        match self {
            Self::Unique => job.unique_values(),
            Self::Limit => job.limit_values(),
        }
    }
}

impl<J: Job> AnyJob for J {
    fn run(self: Box<Self>, job: JobContext) -> BoxFuture<'static, JobResult<Value>> {
        async move {
            let output = self.execute(&job).await?;
            parameters::encode_output(output).map_err(JobError::fail)
        }
        .boxed()
    }

    fn unique_values(&self) -> Result<Value, Error> {
        Job::unique_values(self)
    }

    fn limit_values(&self) -> Result<Value, Error> {
        Job::limit_values(self)
    }
}

fn decode<J: Job>(parameters: &Parameters) -> Result<Box<dyn AnyJob>, Error> {
    parameters.decode::<J>().map(|job| Box::new(job) as Box<dyn AnyJob>)
}

/// Definitions by name and alias.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    by_name: HashMap<&'static str, Definition>,
    definitions: Vec<Definition>,
}

impl Registry {
    /// Collects the definitions linked into this program, and `more`. Fails if two share a name.
    pub(crate) fn new(more: &[Definition]) -> Result<Self, Error> {
        let mut registry = Self::default();
        for definition in inventory::iter::<Definition>.into_iter().copied().chain(more.iter().copied()) {
            registry.add(&definition)?;
        }
        registry.definitions.sort_by_key(|definition| definition.defaults.name);
        Ok(registry)
    }

    fn add(&mut self, definition: &Definition) -> Result<(), Error> {
        for name in definition.names() {
            match self.by_name.insert(name, *definition) {
                Some(other) if !same_job(&other, definition) => {
                    return Err(Error::Setup(format!(
                        "two definitions are named `{name}`: {other:?} and {definition:?}; give one of them \
                         another name with `#[job(name = \"…\")]`"
                    )));
                }
                _ => {}
            }
        }
        if !self.definitions.iter().any(|known| same_job(known, definition)) {
            self.definitions.push(*definition);
        }
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Definition> {
        self.by_name.get(name)
    }

    /// The names of a job's secret parameters.
    pub(crate) fn secrets(&self, name: &str) -> &'static [&'static str] {
        self.get(name).map_or(&[], |definition| definition.secrets)
    }

    pub(crate) fn definitions(&self) -> &[Definition] {
        &self.definitions
    }

    /// All names and aliases, in order.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.by_name.keys().copied().collect();
        names.sort_unstable();
        names
    }

    /// One line per definition, for the log at start-up.
    pub(crate) fn table(&self, default_queue: &str) -> String {
        self.definitions.iter().fold(String::new(), |mut table, definition| {
            let queue = definition.defaults.queue.unwrap_or(default_queue);
            // Writing to a String can't fail.
            let _ = write!(table, "\n  {definition:?} in queue `{queue}`");
            table
        })
    }
}

/// Whether both define the same type: one that is registered both at link time and by hand is a single definition.
fn same_job(one: &Definition, other: &Definition) -> bool {
    (one.job)() == (other.job)()
}

/// The linked definition with this name or alias. If there are two, a worker refuses to start; here, either will do.
pub(crate) fn find(name: &str) -> Option<&'static Definition> {
    inventory::iter::<Definition>.into_iter().find(|definition| definition.names().any(|known| known == name))
}

/// The names of a job's secret parameters, if its definition is linked.
pub(crate) fn secrets(name: &str) -> &'static [&'static str] {
    find(name).map_or(&[], |definition| definition.secrets)
}
