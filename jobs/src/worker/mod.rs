//! The process that does the work: it claims, executes and finishes jobs, and fires schedules.
//!
//! A worker joins (a row with a lease), claims due jobs, executes each, and writes how they ended, in batches. A heartbeat on a
//! thread of its own keeps the lease; where it is lost, the worker stops its jobs and joins anew under another id.
//!
//! [`list`] is [`jobs::workers`](crate::workers), under the name that `queue::list` and `cron::list` have too.

// Imports all layers before it: `model`, `error`, `store`, `job`, `client` and `cron`.
mod aside;
mod claim;
mod claims;
mod connections;
mod cron;
mod engine;
mod execute;
mod failure_detector;
mod finish;
mod heartbeat;
mod inside;
mod lanes;
mod lease;
mod life;
mod line;
mod maintain;
mod meter;
mod notify;
mod pace;
mod pulse;
mod repeats;
mod report;
mod sample;
mod settings;
mod shutdown;
mod stuck;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

use crate::client::metrics;
pub use crate::client::{WorkerRecord, workers as list};
use crate::error::Error;
use crate::job::Job;
use crate::job::registry::{Definition, Registry};
use crate::model::JobStatus;
pub(crate) use execute::{let_code_end, perform};
use settings::Settings;
use shutdown::Shutdown;
pub(crate) use verdict::decided;

/// Claims and executes jobs. Everything but the database has a good default.
///
/// ```no_run
/// # use jobs::prelude::*;
/// # async fn run() -> Result<(), jobs::Error> {
/// let db = jobs::connect("sqlite:jobs.db").await?;
/// jobs::migrate(&db).await?;
/// Worker::new(db).run().await
/// # }
/// ```
///
/// Each attempt is in a [`tracing`](https://docs.rs/tracing) span `jobs.execute` (level INFO) with the fields `job` (its id), `name`,
/// `queue`, `attempt` and `worker` (its id): so are the events of `execute`, and of code in
/// [`run_blocking`](crate::JobContext::run_blocking). Tasks that `execute` spawns are in it when they are spawned
/// `.in_current_span()`. What can be counted and timed is listed in [`metrics`].
///
/// It fires the [schedules](crate::cron) of the jobs that it knows, together with all other workers.
///
/// Without [`queue`](Self::queue) it serves the default queue and every queue that one of its definitions names.
#[must_use = "a worker does nothing until it is run"]
#[derive(Debug)]
pub struct Worker {
    db: DatabaseConnection,
    settings: Settings,
    registered: Vec<Definition>,
}

impl Worker {
    /// A worker on this database.
    pub fn new(db: DatabaseConnection) -> Self {
        Self { db, settings: Settings::default(), registered: Vec::new() }
    }

    /// Serve this queue, with at most so many jobs at once (from 1); called more than once, exactly those queues.
    pub fn queue(mut self, name: impl Into<String>, concurrency: usize) -> Self {
        self.settings.queues.push((name.into(), concurrency));
        self
    }

    /// Serve these instead of all that were named so far.
    #[cfg(feature = "cli")]
    pub(crate) fn only_queues(mut self, queues: Vec<(String, usize)>) -> Self {
        self.settings.queues = queues;
        self
    }

    /// The queue of jobs that name none. Default: `JOBS_QUEUE`, or `long-running`. Programs that schedule have to know it too: by
    /// `JOBS_QUEUE`.
    pub fn jobs_queue(mut self, name: impl Into<String>) -> Self {
        self.settings.default_queue = name.into();
        self
    }

    /// How many jobs run at once in each queue that has no number of its own. Default: 4 for each core, at least 10.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.settings.concurrency = jobs;
        self
    }

    /// How often to look for jobs, and for queues paused or resumed, that no wake-up told of, 10 milliseconds to 1 minute. Default: 5
    /// seconds where the database wakes, else 1 second.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.settings.poll_interval = Some(interval);
        self
    }

    /// After how long without a heartbeat another worker takes over this one's jobs, 1 second to 1 day. Default: 30 seconds.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.settings.lease = lease;
        self
    }

    /// How often to renew the lease. Default: a third of it.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.settings.heartbeat = Some(interval);
        self
    }

    /// How long jobs may go on when the worker is told to stop, before they are asked to stop too. Default: 20 seconds.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.settings.shutdown_grace = grace;
        self
    }

    /// How long a job that is asked to stop may take before it is ended at its next `await`. Default: 5 seconds, or a third of the
    /// lease where that is less. With the heartbeat it has to fit into the lease.
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.settings.cancel_grace = Some(grace);
        self
    }

    /// Application state for jobs, one value of each type: [`JobContext::state`](crate::JobContext::state).
    pub fn state<S: Send + Sync + 'static>(mut self, state: S) -> Self {
        self.settings.states.insert(std::any::TypeId::of::<S>(), Arc::new(state));
        self
    }

    /// Serve a definition that link-time registration can't reach.
    #[track_caller]
    pub fn register<J: Job>(mut self) -> Self {
        let here = std::panic::Location::caller();
        self.registered.push(Definition::of::<J>(here.file(), here.line()));
        self
    }

    /// A name by which operators know this worker. Default: host and process id.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.settings.name = Some(name.into());
        self
    }

    /// Whether to be woken by the database, where it can (PostgreSQL's LISTEN). Without, it polls: behind PgBouncer in transaction
    /// mode. Default: true, unless `JOBS_LISTEN` is `0`, which goes for those who wait for jobs too.
    pub fn listen(mut self, listen: bool) -> Self {
        self.settings.listen = listen;
        self
    }

    /// How long jobs that ended with this status are kept; `None`: for ever. Default: 7 days, `Failed` 30. A status that is no end is
    /// refused when the worker starts.
    pub fn retention(mut self, status: JobStatus, age: Option<Duration>) -> Self {
        self.settings.retention.insert(status, age);
        self
    }

    /// Ask the database so often (1 second to 1 day) how much waits and runs in all queues, and how many workers there are, for the
    /// gauges of [`metrics`] that tell it: two statements, which read the index of all jobs that wait. One worker of
    /// many is enough. Default: never.
    pub fn sample_queues(mut self, interval: Duration) -> Self {
        self.settings.sample_queues = Some(interval);
        self
    }

    /// Stop when this token is canceled; [`run`](Self::run) stops on SIGINT and SIGTERM too. To leave signals to the program, see
    /// [`run_until`](Self::run_until).
    pub fn stop_on(mut self, token: CancellationToken) -> Self {
        self.settings.stop = token;
        self
    }

    /// Runs until SIGINT, SIGTERM or the token of [`stop_on`](Self::stop_on): then it claims no more, lets running jobs finish
    /// within the grace, asks those that are left to stop, and gives back what has not ended. A second signal leaves at once:
    /// [`Error::Aborted`], where that leaves jobs behind. One within 500 milliseconds of the first is taken for the same one.
    ///
    /// Once this was called, SIGINT and SIGTERM no longer end the process by themselves, not even after it has returned: tokio keeps
    /// its handlers. A program that goes on then hears them itself, as with `tokio::signal::ctrl_c()`, or uses
    /// [`run_until`](Self::run_until), which does not touch signals.
    ///
    /// [`Error::StillRunning`] where code that blocks did not stop when it was asked to: it goes on until the process ends.
    ///
    /// [`Error::PoolClosed`] where the program closes the pool that it has given to the worker: its jobs are stopped and given back.
    ///
    /// [`Error::Setup`] where it can't start: no definition, two of one name, state that is missing, no tables, a setting of the database's
    /// sessions under which jobs don't work.
    pub async fn run(self) -> Result<(), Error> {
        let shutdown = Shutdown::on_signals(&self.settings.stop);
        self.run_with(shutdown).await
    }

    /// Runs until this token is canceled, and leaves signals to the program: for a program that has its own handlers, or that goes on when
    /// the worker has stopped.
    ///
    /// Otherwise as [`run`](Self::run), but nothing makes the worker leave at once. The token takes the place of that of
    /// [`stop_on`](Self::stop_on).
    ///
    /// ```standalone_crate
    /// # use jobs::CancellationToken;
    /// # use jobs::prelude::*;
    /// # #[job_fn] async fn ping() -> JobResult { Ok(()) }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
    /// # let db = jobs::testing::database().await?;
    /// let stop = CancellationToken::new();
    /// let worker = tokio::spawn(Worker::new(db).run_until(stop.clone()));
    /// // … until the program decides to end:
    /// stop.cancel();
    /// worker.await.expect("the worker does not panic")?;
    /// # Ok(()) }
    /// ```
    pub async fn run_until(self, token: CancellationToken) -> Result<(), Error> {
        self.run_with(Shutdown::on_token(token)).await
    }

    /// Fires the schedules that are due, executes what is due in its queues, and returns when nothing is due or running any more. Jobs and
    /// schedules that are due later stay.
    ///
    /// It hears no signals: they end the process as they do without a worker, and its jobs are taken over when the lease is over. To
    /// stop it well, cancel the token of [`stop_on`](Self::stop_on).
    pub async fn run_until_idle(self) -> Result<(), Error> {
        let shutdown = Shutdown::when_idle(self.settings.stop.clone());
        self.run_with(shutdown).await
    }

    async fn run_with(self, shutdown: Shutdown) -> Result<(), Error> {
        let registry = Arc::new(Registry::new(&self.registered)?);
        let settings = Arc::new(self.settings.checked(&registry)?);
        metrics::describe();
        life::live(&self.db, &settings, &registry, &shutdown).await
    }
}
