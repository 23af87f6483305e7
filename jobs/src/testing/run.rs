//! Running one job as a worker would, without a worker.

use std::any::TypeId;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

use super::ran::{NO_ID, Ran};
use crate::JobOptions;
use crate::client::options::option_setters;
use crate::error::{Error, chain};
use crate::job::attempt::{Activity, AttemptEnv, RunningAttempt, States, StopSignal};
use crate::job::registry::Definition;
use crate::job::updates::Updates;
use crate::job::{Job, panics, parameters};
use crate::model::StopReason;
use crate::store::row::Claimed;
use crate::worker::{decode, outcome_of, supervise, wait_for_blocking_code};

/// The name of the worker in whose place the test runs the job.
const NO_WORKER: &str = "test";

/// The default lease and grace of a worker.
const LEASE: Duration = Duration::from_secs(30);
const CANCEL_GRACE: Duration = Duration::from_secs(5);

/// Executes a job once, without a database: the short form of [`Run`].
///
/// ```
/// # use jobs::prelude::*;
/// # #[derive(Job)] #[job_params] struct Halve { number: u32 }
/// # impl Execute for Halve { type Output = u32; async fn execute(&self, _: &JobContext) -> JobResult<u32> {
/// #     if self.number() % 2 == 0 { Ok(self.number() / 2) } else { Err(JobError::fail("it is odd")) } } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// assert_eq!(jobs::testing::run_now(Halve::new(8)).await.output()?, 4);
/// assert_eq!(jobs::testing::run_now(Halve::new(7)).await.error(), Some("it is odd"));
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// Like [`Run::run`].
#[track_caller]
pub fn run_now<J: Job>(job: J) -> impl Future<Output = Ran<J>> {
    Run::new(job).run()
}

/// One execution of a job, without a worker or a row in a database. Everything else works as in a worker: parameters and output go
/// through JSON and back, a panic or a timeout ends the attempt, and the limits of results and messages apply.
///
/// ```
/// # use jobs::prelude::*;
/// # #[derive(Job)] #[job_params] struct Greet {}
/// # impl Execute for Greet { type Output = String; async fn execute(&self, job: &JobContext) -> JobResult<String> {
/// #     Ok(format!("{} {}", job.state::<&str>(), job.user().unwrap_or("you"))) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// let ran = jobs::testing::Run::new(Greet::new()).state("hello").user("ada").attempt(2).run().await;
/// assert_eq!(ran.output()?, "hello ada");
/// # Ok(()) }
/// ```
#[must_use = "the job is executed only when `run()` is awaited"]
pub struct Run<J> {
    job: J,
    options: JobOptions,
    attempt: i32,
    nominal_time: Option<DateTime<Utc>>,
    states: States,
    db: DatabaseConnection,
    cancel: CancellationToken,
    cancel_grace: Duration,
}

impl<J: Job> Run<J> {
    /// The first attempt of this job, with its definition's options.
    pub fn new(job: J) -> Self {
        Self {
            job,
            options: JobOptions::new(),
            attempt: 1,
            nominal_time: None,
            states: States::new(),
            db: DatabaseConnection::default(),
            cancel: CancellationToken::new(),
            cancel_grace: CANCEL_GRACE,
        }
    }

    option_setters! {
        /// The queue, 1 to 200 characters.
        queue(queue: impl Into<String>),
        /// The maximum number of attempts, 1 to 32767.
        max_attempts(max_attempts: u32),
        /// How long the attempt may take, at least 1 millisecond.
        timeout(timeout: Duration),
        /// The user on whose behalf the job runs, 1 to 200 characters.
        user(user: impl Into<String>),
        /// The session that requested the job, 1 to 200 characters.
        session(session: impl Into<String>),
        /// The event that requested the job, 1 to 200 characters.
        event(event: impl Into<String>),
    }

    /// The number of the attempt. Default: 1.
    ///
    /// # Panics
    ///
    /// If it is 0: the first attempt is 1.
    #[track_caller]
    pub fn attempt(mut self, number: u32) -> Self {
        assert!(number > 0, "the first attempt is 1");
        self.attempt = i32::try_from(number).unwrap_or(i32::MAX);
        self
    }

    /// The time of its schedule for which the job is executed, as [`JobContext::nominal_time`](crate::JobContext::nominal_time) gives it.
    /// Default: none.
    pub fn nominal_time(mut self, time: DateTime<Utc>) -> Self {
        self.nominal_time = Some(time);
        self
    }

    /// Application state, one value of each type, as [`Worker::state`](crate::Worker::state) gives it.
    pub fn state<S: Send + Sync + 'static>(mut self, state: S) -> Self {
        self.states.insert(TypeId::of::<S>(), Arc::new(state));
        self
    }

    /// The database that [`JobContext::db`](crate::JobContext::db) returns. Without one, a job that calls it panics with a message
    /// that says so.
    ///
    /// The job has no row there: its end is not written, and [`finish_in`](crate::JobContext::finish_in) only keeps the output for
    /// [`Ran`]. Whether its transaction is committed is not checked: use [`drain`](super::drain) to test that.
    pub fn db(mut self, db: &DatabaseConnection) -> Self {
        self.db = db.clone();
        self
    }

    /// Cancels the job when this token is canceled. If it is canceled already, so is the job when it begins.
    pub fn cancel_on(mut self, token: CancellationToken) -> Self {
        self.cancel = token;
        self
    }

    /// How long the job may keep running after its cancellation or timeout before it is dropped at its next `await`. Default: 5
    /// seconds.
    pub fn cancel_grace(mut self, grace: Duration) -> Self {
        self.cancel_grace = grace;
        self
    }

    /// Executes the job. If the job panics, this does not: the panic is how the attempt [ended](Ran::failure).
    ///
    /// # Panics
    ///
    /// If the job could not be scheduled (a parameter that does not serialize, an option out of range), or no worker for it would
    /// start (without the state that its definition needs).
    #[track_caller]
    pub fn run(self) -> impl Future<Output = Ran<J>> {
        panics::remember_places();
        let (cancel, grace) = (self.cancel.clone(), self.cancel_grace);
        let attempt = match self.into_attempt() {
            Ok(attempt) => Arc::new(attempt),
            Err(error) => panic!("`{}` can't be run: {}", J::DEFAULTS.name, chain(&error)),
        };
        async move {
            let definition = Definition::of::<J>(file!(), line!());
            let mut performed = pin!(async {
                let outcome = match decode(&definition, &attempt) {
                    Ok(work) => outcome_of(&attempt, supervise(&attempt, grace, work).await),
                    Err(outcome) => outcome,
                };
                wait_for_blocking_code(&attempt, grace, outcome).await
            });
            let outcome = tokio::select! {
                biased;
                () = cancel.cancelled() => {
                    attempt.stop.request(StopReason::Canceled);
                    performed.await
                }
                outcome = &mut performed => outcome,
            };
            Ran::of(&attempt, outcome)
        }
    }

    fn into_attempt(self) -> Result<RunningAttempt, Error> {
        if let Some(state) = J::DEFAULTS.state
            && !self.states.contains_key(&(state.id)())
        {
            let name = (state.name)();
            return Err(Error::invalid(
                "state",
                format!("the job needs state of type `{name}`: give it with `.state(…)`"),
            ));
        }
        let parameters = parameters::encode(&self.job)?;
        let row = self.options.into_row(J::DEFAULTS.name, &J::DEFAULTS, parameters, |of| of.values(&self.job))?;
        Ok(RunningAttempt {
            parameters: parameters::parse(&row.parameters)?.into(),
            secrets: J::SECRETS,
            job: Claimed {
                nominal_at: self.nominal_time,
                ..Claimed::without_row(NO_ID.0, row, self.attempt, Utc::now())
            },
            updates: Updates::default(),
            stop: StopSignal::default(),
            activity: Activity::default(),
            env: Arc::new(AttemptEnv {
                db: self.db,
                states: Arc::new(self.states),
                worker: NO_WORKER.into(),
                worker_id: None,
                lease: LEASE,
                writing: tokio::sync::Mutex::default(),
            }),
        })
    }
}

impl<J> fmt::Debug for Run<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Run").field("options", &self.options).field("attempt", &self.attempt).finish_non_exhaustive()
    }
}
