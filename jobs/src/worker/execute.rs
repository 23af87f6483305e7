//! One attempt: decode → run (panic-safe, timed, stoppable) → outcome → finish.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

use super::engine::{End, Engine, Owned};
use crate::context::{JobContext, RunningAttempt, Stop, Stopper};
use crate::error::{Error, JobErrorKind, JobResult, chain};
use crate::outcome::{AttemptEnd, Attempts, Ending, Outcome};
use crate::parameters::{self, OUTPUT, without_nul};
use crate::report::Notes;
use crate::store::batch::Finish;
use crate::store::claim::Claimed;
use crate::{JobStatus, RetryPolicy};

/// Starts what was claimed, each job in a slot and a task of its own.
pub(super) fn start_all(engine: &Arc<Engine>, claimed: Vec<Claimed>, mut slots: OwnedSemaphorePermit) {
    for job in claimed {
        // As many slots were taken as jobs were asked for.
        let slot = slots.split(1);
        let owned = own(engine, job);
        let attempt = execute(engine.clone(), owned, slot);
        engine.tasks.spawn(engine.gone.clone().run_until_cancelled_owned(attempt));
    }
}

fn own(engine: &Engine, job: Claimed) -> Arc<Owned> {
    let parameters = parameters::parse(&job.parameters).unwrap_or(Value::Null);
    engine.own(Arc::new(RunningAttempt {
        job,
        parameters,
        notes: Notes::default(),
        stop: Stopper::default(),
        inside: crate::context::Inside::default(),
        setting: engine.setting.clone(),
    }))
}

async fn execute(engine: Arc<Engine>, owned: Arc<Owned>, slot: Option<OwnedSemaphorePermit>) {
    let outcome = run(&engine, &owned.attempt).await;
    if let Some(outcome) = finished_inside(&engine, &owned.attempt, outcome).await {
        end(&engine, &owned, outcome).await;
    }
    // Blocking code that did not stop keeps its slot.
    owned.attempt.inside.no_blocking().await;
    drop(slot);
    engine.sleeper.nudge();
}

/// Decodes and runs, to what it ends in.
async fn run(engine: &Engine, attempt: &Arc<RunningAttempt>) -> Outcome {
    if !engine.lease.holds() {
        return Outcome::NeverStarted;
    }
    let Some(definition) = engine.registry.get(&attempt.job.name) else {
        // Only known names are claimed.
        return Outcome::NeverStarted;
    };
    let job = match definition.decode(&attempt.parameters) {
        Ok(job) => job,
        Err(error) => {
            let reason = chain(&error);
            return Outcome::Errored { how: AttemptEnd::Undecodable, reason, delay: None };
        }
    };
    let context = JobContext { attempt: attempt.clone() };
    supervise(attempt, engine.settings.cancel_grace(), job.run(context)).await
}

/// Runs until the job ends, or has been asked to stop and the grace is over.
async fn supervise(attempt: &RunningAttempt, grace: Duration, work: impl Future<Output = JobResult<Value>>) -> Outcome {
    if let Some(outcome) = run_until_stopped(attempt, grace, work).await {
        return outcome;
    }
    // Its future is dropped now. Code that it left blocking a thread goes on.
    match attempt.stop.reason() {
        Some((Stop::Canceled | Stop::TimedOut, _)) if attempt.inside.is_blocking() => did_not_stop(attempt),
        _ => {
            // A job is given back only when its code has really ended.
            attempt.inside.no_blocking().await;
            stopped(attempt)
        }
    }
}

/// `None`: it went on after it was asked to stop.
async fn run_until_stopped(
    attempt: &RunningAttempt,
    grace: Duration,
    work: impl Future<Output = JobResult<Value>>,
) -> Option<Outcome> {
    let work = AssertUnwindSafe(work).catch_unwind();
    tokio::pin!(work);
    tokio::select! {
        ended = &mut work => return Some(outcome(attempt, ended)),
        () = attempt.stop.tripped() => {}
        () = timeout(&attempt.job) => attempt.stop.trip(Stop::TimedOut),
    }
    tokio::select! {
        ended = &mut work => return Some(outcome(attempt, ended)),
        () = tokio::time::sleep(grace) => {}
    }
    // A future is not dropped inside a database call of ours: the connection would go back in the middle of it.
    tokio::select! {
        biased;
        () = attempt.inside.no_calls() => None,
        ended = &mut work => Some(outcome(attempt, ended)),
    }
}

async fn timeout(job: &Claimed) {
    match timeout_of(job) {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

pub(super) fn timeout_of(job: &Claimed) -> Option<Duration> {
    job.timeout_ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis)
}

type Ended = Result<JobResult<Value>, Box<dyn Any + Send>>;

/// What a job that has ended by itself ended in.
fn outcome(attempt: &RunningAttempt, ended: Ended) -> Outcome {
    let error = match ended {
        Err(panic) => {
            return Outcome::Errored { how: AttemptEnd::Panic, reason: panic_message(&*panic), delay: None };
        }
        Ok(Ok(output)) => return succeeded(attempt, output),
        Ok(Err(error)) => error,
    };
    let reason = error.reason();
    match error.kind {
        // An error of a job that was asked to stop is how it stops.
        JobErrorKind::Retry if attempt.stop.reason().is_some() => stopped(attempt),
        JobErrorKind::Retry => Outcome::Errored { how: AttemptEnd::Error, reason, delay: None },
        JobErrorKind::RetryIn(delay) => Outcome::Errored { how: AttemptEnd::Error, reason, delay: Some(delay) },
        JobErrorKind::Snooze(delay) => Outcome::Snoozed { delay },
        JobErrorKind::Fail => Outcome::Failed { how: AttemptEnd::Error, reason },
        JobErrorKind::Cancel => Outcome::Canceled { reason },
    }
}

fn succeeded(attempt: &RunningAttempt, output: Value) -> Outcome {
    if attempt.notes.is_closed() {
        // What was finished inside a transaction has its output already.
        return Outcome::Succeeded;
    }
    match attempt.notes.set_result(attempt.job.id.into(), OUTPUT, output) {
        Ok(()) => Outcome::Succeeded,
        Err(error) => Outcome::Failed { how: AttemptEnd::Refused, reason: chain(&error) },
    }
}

/// What a job that was asked to stop, and has, ended in.
fn stopped(attempt: &RunningAttempt) -> Outcome {
    match attempt.stop.reason().map(|(reason, _)| reason) {
        Some(Stop::TimedOut) => Outcome::Errored {
            how: AttemptEnd::Timeout,
            reason: format!("timed out after {:?}", timeout_of(&attempt.job).unwrap_or_default()),
            delay: None,
        },
        Some(Stop::Shutdown) => Outcome::Stopped,
        Some(Stop::Lost) => Outcome::Errored {
            how: AttemptEnd::Lost,
            reason: "the worker could not reach the database for too long, and stopped the job".into(),
            delay: None,
        },
        Some(Stop::Canceled) | None => Outcome::Canceled { reason: "canceled".into() },
    }
}

/// What goes on where it was asked to stop and has not. It is not retried: it may still be running.
pub(super) fn did_not_stop(attempt: &RunningAttempt) -> Outcome {
    let asked = match attempt.stop.reason().map(|(reason, _)| reason) {
        Some(Stop::Canceled) => "it was canceled",
        Some(Stop::Shutdown) => "its worker was told to shut down",
        Some(Stop::Lost) => "its worker lost the database",
        Some(Stop::TimedOut) | None => "its time was over",
    };
    let reason = format!(
        "did not stop: {asked}, and its code went on (blocking code can't be ended from outside; it should look at \
         `is_canceled()` from time to time)"
    );
    Outcome::Failed { how: AttemptEnd::DidNotStop, reason }
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panicked: {}", text.unwrap_or("with a value that is no text"))
}

/// Hands the end of an attempt to the writer, unless someone else has ended it.
pub(super) async fn end(engine: &Engine, owned: &Owned, outcome: Outcome) {
    if !owned.end() {
        return;
    }
    // The writer outlives those that execute; where it is gone, so is everything.
    let _ = engine.ends.send(ending(engine, &owned.attempt, outcome)).await;
}

/// What the outcome of an attempt makes of its job.
pub(super) fn ending(engine: &Engine, attempt: &Arc<RunningAttempt>, outcome: Outcome) -> End {
    let job = &attempt.job;
    let retry = engine.registry.get(&job.name).map_or(RetryPolicy::DEFAULT, |definition| definition.defaults.retry);
    let attempts = Attempts { attempt: job.attempt, max_attempts: job.max_attempts, budget: job.budget, retry };
    let mut ending = outcome.ending(attempts, fastrand::f64());
    if let Some(status) = attempt.notes.forced() {
        ending = forced(status, ending);
    }
    ending.error = ending.error.map(without_nul);
    log(attempt, &ending);
    End::of(Finish::new(job.id, job.version, ending, engine.label.clone(), Some(engine.id)), attempt.clone())
}

/// The end that the job has chosen for itself.
fn forced(status: JobStatus, ending: Ending) -> Ending {
    match status {
        JobStatus::Failed => {
            let reason = ending.error.unwrap_or_else(|| "the job has set its status to FAILED".into());
            Ending::closed(status, Some(ending.how.unwrap_or(AttemptEnd::Error)), Some(reason))
        }
        JobStatus::Canceled => {
            let reason = ending.error.unwrap_or_else(|| "the job has set its status to CANCELED".into());
            Ending::closed(status, Some(AttemptEnd::Canceled), Some(reason))
        }
        _ => Ending::closed(status, ending.how, ending.error),
    }
}

fn log(attempt: &RunningAttempt, ending: &Ending) {
    let (id, name, number) = (attempt.job.id, &attempt.job.name, attempt.job.attempt);
    if let Some(error) = &ending.error {
        tracing::warn!(job = id, name, attempt = number, status = %ending.status, "{error}");
    } else {
        tracing::debug!(job = id, name, attempt = number, status = %ending.status, "ended");
    }
}

/// Where the job was finished inside a transaction of its own, the row tells how it ended. `None`: it has.
async fn finished_inside(engine: &Engine, attempt: &RunningAttempt, outcome: Outcome) -> Option<Outcome> {
    if !attempt.notes.is_closed() {
        return Some(outcome);
    }
    let job = &attempt.job;
    let mut pause = Duration::from_millis(10);
    loop {
        match inside(engine, job).await {
            Ok(Inside::Unknown) => {}
            Ok(Inside::NotCommitted) => {
                let reason = "finish_in was not committed: its transaction was rolled back or dropped".into();
                attempt.notes.close(false);
                return Some(match outcome {
                    Outcome::Succeeded => Outcome::Errored { how: AttemptEnd::Error, reason, delay: None },
                    other => other,
                });
            }
            Ok(Inside::Over) => {
                engine.disown(job.id, job.version);
                crate::wait::ended(std::iter::once(job.id));
                return None;
            }
            Err(error) => tracing::warn!(job = job.id, "can't see whether finish_in was committed: {}", chain(&error)),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

enum Inside {
    /// Its transaction is still open.
    Unknown,
    NotCommitted,
    /// The row is at another version: finished by us, or taken over.
    Over,
}

async fn inside(engine: &Engine, job: &Claimed) -> Result<Inside, Error> {
    if engine.store.is_locked(job.id).await? {
        return Ok(Inside::Unknown);
    }
    let marks = engine.store.marks(&[job.id]).await?;
    Ok(match marks.first() {
        Some(mark) if mark.version == job.version && mark.status == JobStatus::Running => Inside::NotCommitted,
        _ => Inside::Over,
    })
}
