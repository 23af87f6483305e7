//! Workers: they claim, execute and finish jobs, and fire schedules.
//!
//! A worker joins (it inserts a row with a lease), claims due jobs, executes each, and writes their ends, in batches. A heartbeat on a
//! separate thread keeps the lease. If the lease is lost, the worker stops its jobs and joins again under another id.
//!
//! [`list`] is [`jobs::workers`](crate::workers) under the name that `queue::list` and `cron::list` have, too.

// Imports all layers before it: `model`, `error`, `store`, `job`, `client` and `cron`.
//
// One session, from joining to leaving, is run by `lifecycle`. Its parts share a `Session`: `claim` → `execute` → `finish` handle the
// jobs; `heartbeat`, `maintain`, `stats`, `cron` and `listen` run beside them; `shutdown` ends it.

mod claim;
mod config;
mod cron;
mod database;
mod execute;
mod finish;
mod heartbeat;
mod in_flight;
mod lifecycle;
mod limits;
mod listen;
mod maintain;
mod meter;
mod session;
mod shutdown;
pub(crate) mod signals;
mod stats;

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
use config::WorkerConfig;
pub(crate) use execute::outcome::{outcome_of, transition_of};
pub(crate) use execute::{decode, supervise, wait_for_blocking_code};
use shutdown::Shutdown;

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
/// `queue`, `attempt` and `worker` (its id). Events of `execute` and of code in [`run_blocking`](crate::JobContext::run_blocking) are in
/// that span; events of tasks that `execute` spawns are, if the tasks are spawned `.in_current_span()`. [`metrics`] lists what is counted
/// and timed.
///
/// A worker also fires the [schedules](crate::cron) of the jobs that it knows, together with all other workers.
///
/// Without [`queue`](Self::queue), a worker serves the default queue and every queue that one of its definitions names.
#[must_use = "a worker does nothing until it is run"]
#[derive(Debug)]
pub struct Worker {
    db: DatabaseConnection,
    config: WorkerConfig,
    registered: Vec<Definition>,
}

impl Worker {
    /// Creates a worker on this database.
    pub fn new(db: DatabaseConnection) -> Self {
        Self { db, config: WorkerConfig::default(), registered: Vec::new() }
    }

    /// Serves this queue, with at most `concurrency` jobs at once (1 to 100,000). The worker then serves only the queues given this way.
    pub fn queue(mut self, name: impl Into<String>, concurrency: usize) -> Self {
        self.config.queues.push((name.into(), concurrency));
        self
    }

    /// Serves these queues instead of all that were named so far.
    #[cfg(feature = "cli")]
    pub(crate) fn only_queues(mut self, queues: Vec<(String, usize)>) -> Self {
        self.config.queues = queues;
        self
    }

    /// Sets the queue of jobs that name none. Default: `JOBS_QUEUE`, or `long-running`. Programs that schedule must know it too: through
    /// `JOBS_QUEUE`.
    pub fn jobs_queue(mut self, name: impl Into<String>) -> Self {
        self.config.default_queue = name.into();
        self
    }

    /// Sets how many jobs run at once in each queue, unless [`queue`](Self::queue) sets it. Default: 4 for each core, at least 10.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.config.concurrency = jobs;
        self
    }

    /// Sets how often to poll for due jobs and paused queues if no wake-up arrives: 10 milliseconds to 1 minute. Default: 5 seconds if the
    /// database wakes the worker, else 1 second.
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.config.poll_interval = Some(interval);
        self
    }

    /// Sets how long this worker may go without a heartbeat before others take over its jobs: 1 second to 1 day. Default: 30 seconds.
    pub fn lease(mut self, lease: Duration) -> Self {
        self.config.lease = lease;
        self
    }

    /// Sets how often to renew the lease. Default: a third of the lease.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.config.heartbeat = Some(interval);
        self
    }

    /// Sets how long jobs may keep running after the worker is told to stop, before they are asked to stop too. Default: 20 seconds.
    pub fn shutdown_grace(mut self, grace: Duration) -> Self {
        self.config.shutdown_grace = grace;
        self
    }

    /// Sets how long a job that is asked to stop may take before it is ended at its next `await`. Default: 5 seconds, or a third of the
    /// lease if that is less. The grace and the heartbeat together must fit into the lease.
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.config.cancel_grace = Some(grace);
        self
    }

    /// Adds application state for jobs, one value of each type: see [`JobContext::state`](crate::JobContext::state).
    pub fn state<S: Send + Sync + 'static>(mut self, state: S) -> Self {
        self.config.states.insert(std::any::TypeId::of::<S>(), Arc::new(state));
        self
    }

    /// Serves a definition that link-time registration can't reach.
    #[track_caller]
    pub fn register<J: Job>(mut self) -> Self {
        let here = std::panic::Location::caller();
        self.registered.push(Definition::of::<J>(here.file(), here.line()));
        self
    }

    /// Sets the name by which operators know this worker. Default: host and process id.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = Some(name.into());
        self
    }

    /// Sets whether the database wakes the worker, if it can (PostgreSQL's LISTEN). Otherwise the worker polls, as it must behind PgBouncer
    /// in transaction mode. Default: true, unless `JOBS_LISTEN` is `0`. That variable also applies to programs that wait for jobs.
    pub fn listen(mut self, listen: bool) -> Self {
        self.config.listen = listen;
        self
    }

    /// Sets how long jobs that ended with this status are kept; with `None`, forever. Default: 7 days, and 30 for `Failed`. The worker
    /// refuses to start with a status that is not closed.
    pub fn retention(mut self, status: JobStatus, age: Option<Duration>) -> Self {
        self.config.retention.insert(status, age);
        self
    }

    /// Sets how long rows of the [audit](crate::Session::audit) are kept; with `None`, forever. Default: 90 days; zero is refused. Every worker
    /// deletes rows that are older than its own setting, so set it alike in all of them.
    pub fn audit_retention(mut self, age: Option<Duration>) -> Self {
        self.config.audit_retention = age;
        self
    }

    /// Sets how often (1 second to 1 day) to sample the gauges of [`metrics`] that only the database knows: how many jobs wait and run in all
    /// queues, and how many workers there are. Each time takes two statements, which read the index of all waiting jobs. One worker of many
    /// is enough. Default: never.
    pub fn sample_queues(mut self, interval: Duration) -> Self {
        self.config.sample_queues = Some(interval);
        self
    }

    /// Stops the worker when this token is canceled; with [`run`](Self::run), SIGINT and SIGTERM stop it too.
    ///
    /// To leave signals to the program, see [`run_until`](Self::run_until).
    pub fn stop_on(mut self, token: CancellationToken) -> Self {
        self.config.stop = token;
        self
    }

    /// Runs until SIGINT or SIGTERM arrives, or the token of [`stop_on`](Self::stop_on) is canceled.
    ///
    /// Then the worker claims no more jobs, lets running ones finish within the [grace](Self::shutdown_grace), asks the rest to stop, and
    /// gives back what has not ended. A second signal makes it leave at once. One within 500 milliseconds of the first counts as the same.
    ///
    /// From this call on, SIGINT and SIGTERM no longer end the process by themselves, not even after `run` has returned: tokio keeps its
    /// handlers. If your program continues, handle them yourself, for example with `tokio::signal::ctrl_c()`, or use
    /// [`run_until`](Self::run_until), which leaves signals alone.
    ///
    /// # Errors
    ///
    /// - [`Error::InvalidValue`]: an option of the worker is out of its range.
    /// - [`Error::Setup`]: the worker can't start. There is no definition, two have the same name, state or the tables are missing, or a
    ///   setting of the database's sessions does not suit jobs, for example.
    /// - [`Error::Database`]: the database refused, or could not be reached, when the worker joined.
    /// - [`Error::WorkerFailed`]: the worker can't continue, because one of its own tasks or threads failed.
    /// - [`Error::Aborted`]: a second signal left jobs behind.
    /// - [`Error::StillRunning`]: blocking code of a job did not stop when it was asked to. It runs until the process ends.
    /// - [`Error::PoolClosed`]: the program closed the pool that it gave to the worker. Its jobs are stopped and given back.
    pub async fn run(self) -> Result<(), Error> {
        let shutdown = Shutdown::on_signals(&self.config.stop);
        self.run_with(shutdown).await
    }

    /// Runs until this token is canceled, and leaves signals to the program: for a program that has its own handlers, or that continues
    /// after the worker has stopped.
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

    /// Fires the schedules that are due, executes what is due in its queues, and returns when nothing is due or running. Jobs and
    /// schedules that are due later stay, and so do jobs that must wait for a limit because of what others run.
    ///
    /// Signals are not handled: they end the process as if there were no worker, and its jobs are taken over when the lease expires. To
    /// stop it cleanly, cancel the token of [`stop_on`](Self::stop_on).
    pub async fn run_until_idle(self) -> Result<(), Error> {
        let shutdown = Shutdown::when_idle(self.config.stop.clone());
        self.run_with(shutdown).await
    }

    async fn run_with(self, shutdown: Shutdown) -> Result<(), Error> {
        let registry = Arc::new(Registry::new(&self.registered)?);
        let config = Arc::new(self.config.validate(&registry)?);
        metrics::describe();
        lifecycle::run_sessions(&self.db, &config, &registry, &shutdown).await
    }
}
