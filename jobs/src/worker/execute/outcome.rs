//! The outcome of an attempt, by how its code returned, and how it changes the job.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::Returned;
use crate::error::{JobError, JobErrorKind, chain};
use crate::job::attempt::RunningAttempt;
use crate::job::panics;
use crate::job::parameters::OUTPUT;
use crate::job::updates::text::storable;
use crate::model::StopReason;
use crate::model::outcome::{Attempts, Outcome, Transition};
use crate::model::{AttemptEnd, JobStatus, Level, RetryPolicy};
use crate::store::finish::FinishRow;
use crate::store::row::Claimed;
use crate::worker::finish::queue::PendingFinish;
use crate::worker::session::Session;

/// The outcome of an attempt whose code returned like this.
pub(crate) fn outcome_of(attempt: &RunningAttempt, returned: Returned) -> Outcome {
    let outcome = || match returned {
        Returned::Result(result) => {
            attempt.updates.returned();
            match result {
                Ok(output) => succeeded(attempt, output),
                Err(error) => errored(attempt, &error),
            }
        }
        Returned::Panicked(panic) => panicked(panic),
        Returned::Dropped => dropped(attempt),
    };
    // Printing an error, and dropping it, runs the job's own code.
    catch_unwind(AssertUnwindSafe(outcome)).unwrap_or_else(panicked)
}

fn succeeded(attempt: &RunningAttempt, output: Value) -> Outcome {
    if attempt.updates.is_closed() {
        // `finish_in` has written the output.
        return Outcome::Succeeded;
    }
    if output.is_null() && !attempt.updates.has_result(OUTPUT) {
        // A missing output is read as `null`.
        return Outcome::Succeeded;
    }
    match attempt.updates.set_result(attempt.job.id.into(), OUTPUT, output) {
        Ok(()) => Outcome::Succeeded,
        Err(error) => Outcome::Failed { how: AttemptEnd::Refused, reason: chain(&error) },
    }
}

fn errored(attempt: &RunningAttempt, error: &JobError) -> Outcome {
    let reason = error.reason();
    match error.kind {
        // If the job was asked to stop, an error is how it stops.
        JobErrorKind::Retry if attempt.stop.reason().is_some() => stopped(attempt),
        JobErrorKind::Retry => Outcome::Errored { how: AttemptEnd::Error, reason, delay: None },
        JobErrorKind::RetryIn(delay) => Outcome::Errored { how: AttemptEnd::Error, reason, delay: Some(delay) },
        JobErrorKind::Snooze(delay) => {
            if error.source.is_some() {
                // The history has no row for this attempt.
                attempt.updates.log(Level::Info, format!("snoozed for {delay:?}: {reason}"));
            }
            Outcome::Snoozed { delay }
        }
        JobErrorKind::Fail => Outcome::Failed { how: AttemptEnd::Error, reason },
        JobErrorKind::Cancel => Outcome::Canceled { reason },
    }
}

/// The outcome of an attempt that panicked.
pub(super) fn panicked(panic: Box<dyn Any + Send>) -> Outcome {
    let reason = panics::reason(&*panic);
    if let Err(value) = panic.downcast::<String>() {
        // Dropping a value of the job's own type may panic, too.
        std::mem::forget(value);
    }
    Outcome::Errored { how: AttemptEnd::Panic, reason, delay: None }
}

/// The future is gone; code that it left blocking a thread still runs.
fn dropped(attempt: &RunningAttempt) -> Outcome {
    match attempt.stop.reason() {
        Some((StopReason::Canceled, _)) if !attempt.activity.blocking.is_zero() => did_not_stop(attempt),
        _ => stopped(attempt),
    }
}

/// The outcome of an attempt that stopped when it was asked to.
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

/// The outcome of an attempt that was asked to stop and still runs. It is not retried: two attempts could run at once.
pub(in crate::worker) fn did_not_stop(attempt: &RunningAttempt) -> Outcome {
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

/// Logs the end of an attempt that is marked as ended, and returns it as the writer takes it.
pub(in crate::worker) fn pending_finish(
    session: &Session,
    attempt: &Arc<RunningAttempt>,
    outcome: Outcome,
) -> PendingFinish {
    let job = &attempt.job;
    let retry = session.registry.get(&job.name).map_or(RetryPolicy::DEFAULT, |definition| definition.defaults.retry);
    let transition = transition_of(attempt, outcome, retry, fastrand::f64());
    // A program's subscriber may panic. The attempt is marked as ended, so no one else would write its end.
    let _ = catch_unwind(AssertUnwindSafe(|| trace(job, transition.status, transition.error.as_deref())));
    let finish =
        FinishRow::new(job.id, job.version, transition, session.identity.name.clone(), Some(session.identity.id));
    PendingFinish::of(finish, attempt.clone())
}

/// The changes to the job's row, from the outcome and the status that the job has requested. `random` (0.0..=1.0) is the policy's jitter.
pub(crate) fn transition_of(attempt: &RunningAttempt, outcome: Outcome, retry: RetryPolicy, random: f64) -> Transition {
    let job = &attempt.job;
    let attempts = Attempts { attempt: job.attempt, max_attempts: job.max_attempts, budget: job.budget, retry };
    let mut transition = outcome.transition(attempts, random);
    if let Some(status) = attempt.updates.requested_status() {
        transition = requested(status, transition);
    }
    transition.error = transition.error.map(storable);
    transition
}

/// The end that the job has asked for.
fn requested(status: JobStatus, transition: Transition) -> Transition {
    match status {
        JobStatus::Failed => {
            let reason = transition.error.unwrap_or_else(|| "the job has set its status to FAILED".into());
            Transition::closed(status, Some(transition.how.unwrap_or(AttemptEnd::Error)), Some(reason))
        }
        JobStatus::Canceled => {
            let reason = transition.error.unwrap_or_else(|| "the job has set its status to CANCELED".into());
            Transition::closed(status, Some(AttemptEnd::Canceled), Some(reason))
        }
        _ => Transition::closed(status, transition.how, transition.error),
    }
}

/// Logs the end of an attempt, which leaves the job with this status.
pub(in crate::worker) fn trace(job: &Claimed, status: JobStatus, reason: Option<&str>) {
    let Claimed { id: job, name, queue, attempt, .. } = job;
    match reason {
        Some(reason) if status == JobStatus::Failed => {
            tracing::error!(job, name, queue, attempt, %status, "{reason}");
        }
        Some(reason) => tracing::warn!(job, name, queue, attempt, %status, "{reason}"),
        None => tracing::debug!(job, name, queue, attempt, %status, "ended"),
    }
}
