//! A worker's configuration, and whether a worker can start with it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

use crate::client::default_queue;
use crate::client::options::may_listen;
use crate::cron;
use crate::error::Error;
use crate::job::attempt::{AttemptEnv, States};
use crate::job::parameters::check_name;
use crate::job::registry::Registry;
use crate::model::JobStatus;
use crate::store::workers::WorkerProcess;

pub(super) struct WorkerConfig {
    pub(super) queues: Vec<(String, usize)>,
    pub(super) default_queue: String,
    pub(super) concurrency: usize,
    pub(super) poll_interval: Option<Duration>,
    pub(super) lease: Duration,
    pub(super) heartbeat: Option<Duration>,
    pub(super) shutdown_grace: Duration,
    pub(super) cancel_grace: Option<Duration>,
    pub(super) states: States,
    pub(super) name: Option<String>,
    pub(super) listen: bool,
    pub(super) retention: HashMap<JobStatus, Option<Duration>>,
    pub(super) audit_retention: Option<Duration>,
    pub(super) sample_queues: Option<Duration>,
    pub(super) stop: CancellationToken,
}

const DAY: Duration = Duration::from_hours(24);

/// The longest time to wait for an answer of the database, however long the lease is.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

impl Default for WorkerConfig {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            queues: Vec::new(),
            default_queue: default_queue(),
            concurrency: (4 * cores).max(10),
            poll_interval: None,
            lease: Duration::from_secs(30),
            heartbeat: None,
            shutdown_grace: Duration::from_secs(20),
            cancel_grace: None,
            states: States::new(),
            name: None,
            listen: may_listen(),
            retention: HashMap::from([
                (JobStatus::Canceled, Some(7 * DAY)),
                (JobStatus::Failed, Some(30 * DAY)),
                (JobStatus::Terminated, Some(7 * DAY)),
            ]),
            audit_retention: Some(90 * DAY),
            sample_queues: None,
            stop: CancellationToken::new(),
        }
    }
}

impl fmt::Debug for WorkerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WorkerConfig").field("queues", &self.queues).field("lease", &self.lease).finish_non_exhaustive()
    }
}

impl WorkerConfig {
    pub(super) fn heartbeat(&self) -> Duration {
        self.heartbeat.unwrap_or(self.lease / 3)
    }

    /// How long a job may take to stop. It must have ended before another worker may take it.
    pub(super) fn cancel_grace(&self) -> Duration {
        self.cancel_grace.unwrap_or_else(|| (self.lease / 3).min(Duration::from_secs(5)))
    }

    /// The time between the moment when our jobs must have ended and the first at which others may take them.
    pub(super) fn margin(&self) -> Duration {
        (self.lease / 10).min(Duration::from_secs(2))
    }

    /// How long to wait for an answer of the database before its connection counts as dead.
    pub(super) fn answer_timeout(&self) -> Duration {
        self.lease.min(ANSWER_TIMEOUT)
    }

    /// This process, as operators know it. Names are cut to the length of the column.
    pub(super) fn process(&self) -> WorkerProcess {
        let host = cut(gethostname::gethostname().to_string_lossy().into_owned());
        let pid = std::process::id();
        let name = cut(self.name.clone().unwrap_or_else(|| format!("{host}:{pid}")));
        WorkerProcess { name, host, pid }
    }

    /// The environment of all attempts of the worker with this id.
    pub(super) fn attempt_env(&self, db: &DatabaseConnection, worker_id: i64, worker: &str) -> AttemptEnv {
        AttemptEnv {
            db: db.clone(),
            states: Arc::new(self.states.clone()),
            worker: worker.to_owned(),
            worker_id: Some(worker_id),
            lease: self.lease,
            writing: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn poll_interval(&self, woken_by_database: bool) -> Duration {
        self.poll_interval.unwrap_or(Duration::from_secs(if woken_by_database { 5 } else { 1 }))
    }

    /// Fills in the queues to serve. Fails if a worker can't work with this configuration.
    pub(super) fn validate(mut self, registry: &Registry) -> Result<Self, Error> {
        self.check_definitions(registry)?;
        self.check_times()?;
        check_name("jobs_queue", &self.default_queue)?;
        if self.queues.is_empty() {
            self.queues = self.queues_of(registry);
        } else {
            self.warn_of_queues_not_served(registry);
        }
        for (name, concurrency) in &self.queues {
            check_name("queue", name)?;
            if !(1..=100_000).contains(concurrency) {
                return Err(Error::invalid(
                    "concurrency",
                    format!("{concurrency} jobs at once in `{name}`: from 1 to 100000"),
                ));
            }
        }
        if let Some(open) = self.retention.keys().find(|status| !status.is_closed()) {
            return Err(Error::invalid(
                "retention",
                format!("jobs that are {open} are never deleted: only closed ones are"),
            ));
        }
        let mut names: Vec<_> = self.queues.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        if let Some([twice, _]) = names.array_windows().find(|[one, next]| one == next) {
            return Err(Error::invalid("queue", format!("`{twice}` is given twice")));
        }
        Ok(self)
    }

    fn check_definitions(&self, registry: &Registry) -> Result<(), Error> {
        if registry.definitions().is_empty() {
            return Err(Error::Setup(
                "no definition is linked into this program. A crate that nobody names is not linked: write `use my_jobs as _;` \
                 for the crate that has them, or give them by hand with `Worker::register`"
                    .into(),
            ));
        }
        for definition in registry.definitions() {
            cron::declare::check(definition)?;
            if let Some(state) = definition.defaults.state
                && !self.states.contains_key(&(state.id)())
            {
                let name = (state.name)();
                return Err(Error::Setup(format!(
                    "{definition:?} needs state of type `{name}`: give it with `Worker::new(db).state(…)`"
                )));
            }
        }
        Ok(())
    }

    fn check_times(&self) -> Result<(), Error> {
        if !(Duration::from_secs(1)..=DAY).contains(&self.lease) {
            return Err(Error::invalid("lease", format!("{:?} is not between 1 second and 1 day", self.lease)));
        }
        let (heartbeat, grace) = (self.heartbeat(), self.cancel_grace());
        let needed = heartbeat.saturating_add(grace).saturating_add(self.margin());
        if heartbeat.is_zero() || needed >= self.lease {
            return Err(Error::invalid(
                "heartbeat",
                format!(
                    "a heartbeat every {heartbeat:?} and {grace:?} for jobs to stop don't fit into a lease of {:?}: lengthen the \
                     lease, or shorten them",
                    self.lease
                ),
            ));
        }
        if let Some(interval) = self.sample_queues
            && !(Duration::from_secs(1)..=DAY).contains(&interval)
        {
            return Err(Error::invalid("sample_queues", format!("{interval:?} is not between 1 second and 1 day")));
        }
        if self.audit_retention == Some(Duration::ZERO) {
            return Err(Error::invalid("audit_retention", "it is zero: every row would be deleted at once"));
        }
        match self.poll_interval {
            Some(interval) if !(Duration::from_millis(10)..=Duration::from_mins(1)).contains(&interval) => Err(
                Error::invalid("poll_interval", format!("{interval:?} is not between 10 milliseconds and 1 minute")),
            ),
            _ => Ok(()),
        }
    }

    fn queues_of(&self, registry: &Registry) -> Vec<(String, usize)> {
        let named = registry.definitions().iter().filter_map(|definition| definition.defaults.queue);
        let mut queues: Vec<_> = named.map(str::to_owned).chain([self.default_queue.clone()]).collect();
        queues.sort_unstable();
        queues.dedup();
        queues.into_iter().map(|queue| (queue, self.concurrency)).collect()
    }

    fn warn_of_queues_not_served(&self, registry: &Registry) {
        for definition in registry.definitions() {
            let queue = definition.defaults.queue.unwrap_or(&self.default_queue);
            if !self.queues.iter().any(|(served, _)| served == queue) {
                tracing::warn!("this worker does not serve the queue `{queue}` of {definition:?}");
            }
        }
    }
}

/// The first 200 bytes, up to a character boundary.
fn cut(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(200));
    name
}
