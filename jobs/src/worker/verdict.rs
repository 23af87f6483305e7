//! What the end of an attempt means, and what that makes of its job.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::engine::{End, Engine};
use crate::error::{JobErrorKind, JobResult, chain};
use crate::job::attempt::RunningAttempt;
use crate::job::parameters::OUTPUT;
use crate::job::report::storable;
use crate::model::outcome::{Attempts, Ending, Outcome};
use crate::model::{AttemptEnd, JobStatus, Level, RetryPolicy, StopReason};
use crate::store::batch::Finish;

pub(super) type Ended = Result<JobResult<Value>, Box<dyn Any + Send>>;

/// What a job that has ended by itself ended in.
pub(super) fn outcome(attempt: &RunningAttempt, ended: Ended) -> Outcome {
    let error = match ended {
        Err(panic) => return panicked(panic),
        Ok(returned) => {
            attempt.notes.returned();
            match returned {
                Ok(output) => return succeeded(attempt, output),
                Err(error) => error,
            }
        }
    };
    let reason = error.reason();
    match error.kind {
        // An error of a job that was asked to stop is how it stops.
        JobErrorKind::Retry if attempt.stop.reason().is_some() => stopped(attempt),
        JobErrorKind::Retry => Outcome::Errored { how: AttemptEnd::Error, reason, delay: None },
        JobErrorKind::RetryIn(delay) => Outcome::Errored { how: AttemptEnd::Error, reason, delay: Some(delay) },
        JobErrorKind::Snooze(delay) => {
            if error.source.is_some() {
                // It leaves no attempt in the history.
                attempt.notes.say(Level::Info, format!("snoozed for {delay:?}: {reason}"));
            }
            Outcome::Snoozed { delay }
        }
        JobErrorKind::Fail => Outcome::Failed { how: AttemptEnd::Error, reason },
        JobErrorKind::Cancel => Outcome::Canceled { reason },
    }
}

fn succeeded(attempt: &RunningAttempt, output: Value) -> Outcome {
    if attempt.notes.is_closed() {
        // What was finished inside a transaction has its output already.
        return Outcome::Succeeded;
    }
    if output.is_null() && !attempt.notes.has_result(OUTPUT) {
        // Nothing is what is read where nothing is kept.
        return Outcome::Succeeded;
    }
    match attempt.notes.set_result(attempt.job.id.into(), OUTPUT, output) {
        Ok(()) => Outcome::Succeeded,
        Err(error) => Outcome::Failed { how: AttemptEnd::Refused, reason: chain(&error) },
    }
}

/// What a job that was asked to stop, and has, ended in.
pub(super) fn stopped(attempt: &RunningAttempt) -> Outcome {
    match attempt.stop.reason().map(|(reason, _)| reason) {
        Some(StopReason::TimedOut) => Outcome::Errored {
            how: AttemptEnd::Timeout,
            reason: format!("timed out after {:?}", attempt.job.timeout().unwrap_or_default()),
            delay: None,
        },
        Some(StopReason::Shutdown) => Outcome::Stopped,
        Some(StopReason::Lost) => Outcome::Errored {
            how: AttemptEnd::Lost,
            reason: "the worker could not reach the database for too long, and stopped the job".into(),
            delay: Some(Duration::ZERO),
        },
        Some(StopReason::Canceled | StopReason::Returned) | None => Outcome::Canceled { reason: "canceled".into() },
    }
}

/// What goes on where it was asked to stop and has not. It is not retried: it may still be running.
pub(super) fn did_not_stop(attempt: &RunningAttempt) -> Outcome {
    let asked = match attempt.stop.reason().map(|(reason, _)| reason) {
        Some(StopReason::Canceled) => "it was canceled",
        Some(StopReason::Shutdown) => "its worker was told to shut down",
        Some(StopReason::Lost) => "its worker lost the database",
        Some(StopReason::Returned) => "its `execute` has returned",
        Some(StopReason::TimedOut) | None => "its time was over",
    };
    let reason = format!(
        "did not stop: {asked}, and its code went on (blocking code can't be ended from outside; it should look at \
         `stop_reason()` from time to time)"
    );
    Outcome::Failed { how: AttemptEnd::DidNotStop, reason }
}

/// What an attempt that panicked ended in.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Outcome {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let reason = format!("panicked: {}", text.unwrap_or("with a value that is no text"));
    if let Err(value) = panic.downcast::<String>() {
        // Dropping a value of the job's own type may panic, too.
        std::mem::forget(value);
    }
    Outcome::Errored { how: AttemptEnd::Panic, reason, delay: None }
}

/// What the outcome of an attempt makes of its job.
pub(super) fn ending(engine: &Engine, attempt: &Arc<RunningAttempt>, outcome: Outcome) -> End {
    let job = &attempt.job;
    let retry = engine.registry.get(&job.name).map_or(RetryPolicy::DEFAULT, |definition| definition.defaults.retry);
    let ending = decided(attempt, outcome, retry, fastrand::f64());
    log(attempt, &ending);
    End::of(Finish::new(job.id, job.version, ending, engine.label.clone(), Some(engine.id)), attempt.clone())
}

/// What the outcome of an attempt, and what the job has said of its end, change in its row. `random` (0.0..=1.0) is the retry policy's
/// jitter.
pub(crate) fn decided(attempt: &RunningAttempt, outcome: Outcome, retry: RetryPolicy, random: f64) -> Ending {
    let job = &attempt.job;
    let attempts = Attempts { attempt: job.attempt, max_attempts: job.max_attempts, budget: job.budget, retry };
    let mut ending = outcome.ending(attempts, random);
    if let Some(status) = attempt.notes.forced() {
        ending = forced(status, ending);
    }
    ending.error = ending.error.map(storable);
    ending
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
