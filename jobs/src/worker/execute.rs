//! One attempt: decode → run (panic-safe, timed, stoppable) → outcome → finish.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use super::engine::{Engine, Owned};
use super::inside::finished_inside;
use super::lanes::Lane;
use super::meter::{Meter, Meters};
use super::verdict::{did_not_stop, ending, outcome, panicked, stopped};
use crate::error::{JobResult, chain};
use crate::job::attempt::{Inside, RunningAttempt, Stopper};
use crate::job::registry::Definition;
use crate::job::report::Notes;
use crate::job::{JobContext, parameters};
use crate::model::outcome::Outcome;
use crate::model::{AttemptEnd, StopReason};
use crate::store::claimed::Claimed;

/// What this worker owns from now on.
pub(super) fn own(engine: &Engine, claimed: Vec<Claimed>) -> impl Iterator<Item = Arc<Owned>> {
    let meters = Meters::of(&claimed);
    claimed.into_iter().map(move |job| {
        let meter = meters.get(&job);
        own_one(engine, job, meter)
    })
}

fn own_one(engine: &Engine, job: Claimed, meter: Arc<Meter>) -> Arc<Owned> {
    let parameters = parameters::parse(&job.parameters).unwrap_or(Value::Null).into();
    let attempt = RunningAttempt {
        secrets: engine.registry.secrets(&job.name),
        job,
        parameters,
        notes: Notes::default(),
        stop: Stopper::default(),
        inside: Inside::default(),
        setting: engine.setting.clone(),
    };
    engine.own(Arc::new(attempt), meter)
}

/// Executes in one slot what waits in its queue, one job after the other, without a pause in which the slot is free.
pub(super) async fn run_slot(engine: Arc<Engine>, lane: Arc<Lane>, slot: OwnedSemaphorePermit, first: Arc<Owned>) {
    let mut next = Some(first);
    while let Some(owned) = next {
        execute(&engine, &owned).await;
        lane.ended(owned.started());
        next = lane.next().map(|(owned, is_time_to_claim)| {
            if is_time_to_claim {
                engine.sleeper.nudge();
            }
            owned
        });
        // Jobs that never wait would keep the thread from those that claim and finish, and from the program's own tasks.
        tokio::task::yield_now().await;
    }
    drop(slot);
    engine.sleeper.nudge();
}

async fn execute(engine: &Engine, owned: &Owned) {
    owned.start();
    if let Err(panic) = AssertUnwindSafe(execute_in_span(engine, owned)).catch_unwind().await {
        // The code of jobs is caught before. What a program measures and traces with is its own too, and no job stays without an end.
        finish(engine, owned, panicked(panic)).await;
    }
    // Blocking code that did not stop keeps its slot.
    owned.attempt.inside.blocking.zero().await;
}

async fn execute_in_span(engine: &Engine, owned: &Owned) {
    let job = &owned.attempt.job;
    let span = tracing::info_span!(
        "jobs.execute",
        job = job.id,
        name = job.name,
        queue = job.queue,
        attempt = job.attempt,
        worker = engine.id
    );
    run_and_finish(engine, owned).instrument(span).await;
}

async fn run_and_finish(engine: &Engine, owned: &Owned) {
    let outcome = run(engine, owned).await;
    if outcome != Outcome::NeverStarted {
        owned.meter.ended(&owned.attempt.job, owned.started().elapsed());
    }
    finish(engine, owned, outcome).await;
}

async fn finish(engine: &Engine, owned: &Owned, outcome: Outcome) {
    if let Some(outcome) = finished_inside(engine, &owned.attempt, outcome).await {
        let outcome = let_code_end(&owned.attempt, engine.settings.cancel_grace(), outcome).await;
        end(engine, owned, outcome).await;
    }
}

/// Performs the attempt, unless it must not be started any more.
async fn run(engine: &Engine, owned: &Owned) -> Outcome {
    let attempt = &owned.attempt;
    if !engine.lease.holds() || engine.stopping.is_cancelled() {
        return Outcome::NeverStarted;
    }
    let asked = attempt.stop.reason().map(|(asked, _)| asked);
    if !matches!(asked, None | Some(StopReason::Canceled)) {
        return Outcome::NeverStarted;
    }
    owned.meter.started(owned.waited());
    if asked.is_some() {
        return stopped(attempt);
    }
    let Some(definition) = engine.registry.get(&attempt.job.name) else {
        // Only known names are claimed.
        return Outcome::NeverStarted;
    };
    perform(definition, attempt, engine.settings.cancel_grace()).await
}

/// Decodes and runs, to what it ends in; `grace` is how long it may go on after it was asked to stop.
pub(crate) async fn perform(definition: &Definition, attempt: &Arc<RunningAttempt>, grace: Duration) -> Outcome {
    // Not only `execute` is the user's code: also what decodes, what prints an error, and what drops the job.
    let performed = AssertUnwindSafe(decode_and_run(definition, attempt, grace)).catch_unwind();
    performed.await.unwrap_or_else(panicked)
}

/// Blocking code that `execute` has left behind is asked to stop. If another attempt may follow, it is waited for: two attempts are not to
/// run at once.
pub(crate) async fn let_code_end(attempt: &RunningAttempt, grace: Duration, outcome: Outcome) -> Outcome {
    let blocking = &attempt.inside.blocking;
    if blocking.is_zero() {
        return outcome;
    }
    attempt.stop.trip(StopReason::Returned);
    if !outcome.may_run_again() || attempt.notes.forced().is_some() {
        return outcome;
    }
    match attempt.stop.reason() {
        Some((StopReason::Canceled | StopReason::TimedOut | StopReason::Returned, since)) => {
            let ended = tokio::time::timeout_at((since + grace).into(), blocking.zero()).await;
            if ended.is_ok() { outcome } else { did_not_stop(attempt) }
        }
        // The worker's end does not wait for it longer than for other code, and leaves the job to the lease.
        Some((StopReason::Shutdown | StopReason::Lost, _)) | None => {
            blocking.zero().await;
            outcome
        }
    }
}

async fn decode_and_run(definition: &Definition, attempt: &Arc<RunningAttempt>, grace: Duration) -> Outcome {
    // Parameters that are no JSON have become `null`, which says why only when it is asked again.
    let readable =
        if attempt.parameters.is_null() { parameters::parse(&attempt.job.parameters).map(|_| ()) } else { Ok(()) };
    let job = match readable.and_then(|()| definition.decode(&attempt.parameters)) {
        Ok(job) => job,
        Err(error) => {
            let reason = chain(&error);
            return Outcome::Errored { how: AttemptEnd::Undecodable, reason, delay: None };
        }
    };
    let context = JobContext { attempt: attempt.clone() };
    supervise(attempt, grace, job.run(context)).await
}

/// Runs until the job ends, or has been asked to stop and the grace is over.
async fn supervise(attempt: &RunningAttempt, grace: Duration, work: impl Future<Output = JobResult<Value>>) -> Outcome {
    if let Some(outcome) = run_until_stopped(attempt, grace, work).await {
        return outcome;
    }
    // Its future is dropped now. Code that it left blocking a thread goes on.
    match attempt.stop.reason() {
        Some((StopReason::Canceled, _)) if !attempt.inside.blocking.is_zero() => did_not_stop(attempt),
        _ => stopped(attempt),
    }
}

/// `None`: it went on after it was asked to stop.
async fn run_until_stopped(
    attempt: &RunningAttempt,
    grace: Duration,
    work: impl Future<Output = JobResult<Value>>,
) -> Option<Outcome> {
    let work = attempt.inside.watch(AssertUnwindSafe(work).catch_unwind());
    tokio::pin!(work);
    tokio::select! {
        ended = &mut work => return Some(outcome(attempt, ended)),
        () = attempt.stop.tripped() => {}
        () = timeout(&attempt.job) => attempt.stop.trip(StopReason::TimedOut),
    }
    tokio::select! {
        ended = &mut work => return Some(outcome(attempt, ended)),
        () = tokio::time::sleep(grace) => {}
    }
    // A future is not dropped inside a database call of ours: the connection would go back in the middle of it. One that is silent for
    // as long as the lease is dead.
    let no_calls = tokio::time::timeout(attempt.setting.lease, attempt.inside.calls.zero());
    tokio::select! {
        biased;
        _ = no_calls => None,
        ended = &mut work => Some(outcome(attempt, ended)),
    }
}

async fn timeout(job: &Claimed) {
    match job.timeout() {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

/// Hands the end of an attempt to the writer, unless someone else has ended it.
pub(super) async fn end(engine: &Engine, owned: &Owned, outcome: Outcome) {
    if !owned.end() {
        return;
    }
    // The writer outlives those that execute; where it is gone, so is everything.
    let _ = engine.ends.send(ending(engine, &owned.attempt, outcome)).await;
}
