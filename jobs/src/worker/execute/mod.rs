//! Executing one attempt: admit → decode → supervise → outcome → settle `finish_in`, if it was called → finish.

pub(super) mod finish_in;
pub(super) mod outcome;
mod yielding;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument as _;

use super::claim::prefetch::PrefetchBuffer;
use super::in_flight::InFlightJob;
use super::session::Session;
use crate::error::{Error, JobResult, chain};
use crate::job::attempt::RunningAttempt;
use crate::job::registry::Definition;
use crate::job::{JobContext, parameters};
use crate::model::outcome::Outcome;
use crate::model::{AttemptEnd, StopReason};
use crate::store::row::Claimed;
use finish_in::settle_finish_in;
use outcome::{did_not_stop, outcome_of, panicked, pending_finish, stopped};
use yielding::yield_now;

/// Executes waiting jobs of a queue in one slot, one after the other, without freeing the slot in between.
pub(super) async fn run_slot(
    session: Arc<Session>,
    buffer: Arc<PrefetchBuffer<Arc<InFlightJob>>>,
    slot: OwnedSemaphorePermit,
    first: Arc<InFlightJob>,
) {
    let mut next = Some(first);
    while let Some(job) = next {
        run(&session, &job).await;
        buffer.ended(job.started());
        next = buffer.next().map(|(job, is_time_to_claim)| {
            if is_time_to_claim {
                session.wakeups.notify();
            }
            job
        });
        // Jobs that never wait would keep the thread from those that claim and finish, and from the program's own tasks.
        yield_now().await;
    }
    drop(slot);
    session.wakeups.notify();
}

/// Executes one job in its span, and keeps the slot until its code has ended.
async fn run(session: &Session, job: &InFlightJob) {
    job.start();
    let in_span = async { execute(session, job).instrument(span(session, job)).await };
    if let Err(panic) = AssertUnwindSafe(in_span).catch_unwind().await {
        // The steps catch what the job's code panics with. A program's metrics and traces may panic too, and no job is left without an end.
        conclude(session, job, panicked(panic)).await;
    }
    job.attempt.activity.blocking.drained().await;
}

fn span(session: &Session, InFlightJob { attempt, .. }: &InFlightJob) -> tracing::Span {
    let job = &attempt.job;
    tracing::info_span!(
        "jobs.execute",
        job = job.id,
        name = job.name,
        queue = job.queue,
        attempt = job.attempt,
        worker = session.identity.id
    )
}

/// All steps of an attempt, from the last check whether it may start to the hand-over of its end.
async fn execute(session: &Session, job: &InFlightJob) {
    let (attempt, grace) = (&job.attempt, session.config.cancel_grace());
    let outcome = match admit(session, job).and_then(|definition| decode(definition, attempt)) {
        Ok(work) => outcome_of(attempt, supervise(attempt, grace, work).await),
        Err(outcome) => outcome,
    };
    if outcome != Outcome::NeverStarted {
        job.meter.ended(&attempt.job, job.started().elapsed());
    }
    conclude(session, job, outcome).await;
}

/// The definition of a job that may start, or the outcome of one that may not.
fn admit<'s>(session: &'s Session, job: &InFlightJob) -> Result<&'s Definition, Outcome> {
    let attempt = &job.attempt;
    if !session.lease.holds() || session.phases.stop_claiming.is_cancelled() {
        return Err(Outcome::NeverStarted);
    }
    let is_canceled = match attempt.stop.reason() {
        None => false,
        Some((StopReason::Canceled, _)) => true,
        Some(_) => return Err(Outcome::NeverStarted),
    };
    job.meter.started(job.waited());
    if is_canceled {
        return Err(stopped(attempt));
    }
    // Only jobs with known names are claimed.
    session.registry.get(&attempt.job.name).ok_or(Outcome::NeverStarted)
}

/// The job's `execute`, ready to be polled.
pub(crate) fn decode(
    definition: &Definition,
    attempt: &Arc<RunningAttempt>,
) -> Result<BoxFuture<'static, JobResult<Value>>, Outcome> {
    let decode = || {
        if attempt.parameters.is_null() {
            // Perhaps they are not JSON: only the text says why.
            parameters::parse(&attempt.job.parameters)?;
        }
        let job = definition.decode(&attempt.parameters)?;
        Ok(job.run(JobContext { attempt: attempt.clone() }))
    };
    let undecodable = |error: Error| {
        let reason = chain(&error);
        Outcome::Errored { how: AttemptEnd::Undecodable, reason, delay: None }
    };
    // Decoding runs the job's own code.
    catch_unwind(AssertUnwindSafe(|| decode().map_err(undecodable))).unwrap_or_else(|panic| Err(panicked(panic)))
}

/// How the code of an attempt returned.
pub(crate) enum Returned {
    Result(JobResult<Value>),
    Panicked(Box<dyn Any + Send>),
    /// It was asked to stop and did not return within the grace. Its future was dropped.
    Dropped,
}

impl From<Result<JobResult<Value>, Box<dyn Any + Send>>> for Returned {
    fn from(caught: Result<JobResult<Value>, Box<dyn Any + Send>>) -> Self {
        caught.map_or_else(Self::Panicked, Self::Result)
    }
}

/// Runs `work` until it returns, or until it was asked to stop and `grace` is over.
pub(crate) async fn supervise(
    attempt: &RunningAttempt,
    grace: Duration,
    work: impl Future<Output = JobResult<Value>>,
) -> Returned {
    // Dropping the job's future may panic, too.
    let supervised = AssertUnwindSafe(run_until_stopped(attempt, grace, work)).catch_unwind();
    supervised.await.unwrap_or_else(Returned::Panicked)
}

async fn run_until_stopped(
    attempt: &RunningAttempt,
    grace: Duration,
    work: impl Future<Output = JobResult<Value>>,
) -> Returned {
    let work = attempt.activity.watch(AssertUnwindSafe(work).catch_unwind());
    tokio::pin!(work);
    tokio::select! {
        returned = &mut work => return returned.into(),
        () = attempt.stop.requested() => {}
        () = timeout(&attempt.job) => attempt.stop.request(StopReason::TimedOut),
    }
    tokio::select! {
        returned = &mut work => return returned.into(),
        () = tokio::time::sleep(grace) => {}
    }
    // A future is not dropped during one of our database calls: its connection would go back to the pool in the middle of it. A call that
    // gets no answer for as long as the lease is dead.
    let no_calls = tokio::time::timeout(attempt.env.lease, attempt.activity.calls.drained());
    tokio::select! {
        biased;
        _ = no_calls => Returned::Dropped,
        returned = &mut work => returned.into(),
    }
}

async fn timeout(job: &Claimed) {
    match job.timeout() {
        Some(timeout) => tokio::time::sleep(timeout).await,
        None => std::future::pending().await,
    }
}

/// Waits for the job's blocking code and transactions to end, and hands the attempt's end to the writer.
async fn conclude(session: &Session, job: &InFlightJob, mut outcome: Outcome) {
    let (attempt, grace) = (&job.attempt, session.config.cancel_grace());
    if attempt.updates.is_closed() {
        // It has called `finish_in`.
        let Some(unwritten) = settle_finish_in(session, attempt, outcome).await else { return };
        outcome = unwritten;
    }
    let outcome = wait_for_blocking_code(attempt, grace, outcome).await;
    finish(session, job, outcome).await;
}

/// Asks blocking code that `execute` has left behind to stop. If another attempt may follow, waits for it: two attempts must not run at once.
pub(crate) async fn wait_for_blocking_code(attempt: &RunningAttempt, grace: Duration, outcome: Outcome) -> Outcome {
    let blocking = &attempt.activity.blocking;
    if blocking.is_zero() {
        return outcome;
    }
    attempt.stop.request(StopReason::Returned);
    if !outcome.may_run_again() || attempt.updates.requested_status().is_some() {
        return outcome;
    }
    match attempt.stop.reason() {
        Some((StopReason::Canceled | StopReason::TimedOut | StopReason::Returned, since)) => {
            let ended = tokio::time::timeout_at((since + grace).into(), blocking.drained()).await;
            if ended.is_ok() { outcome } else { did_not_stop(attempt) }
        }
        // The worker's shutdown waits for it no longer than for other code, and leaves the job to the lease.
        Some((StopReason::Shutdown | StopReason::Lost, _)) | None => {
            blocking.drained().await;
            outcome
        }
    }
}

/// Hands the end of an attempt to the writer, unless the watchdog has ended it.
pub(super) async fn finish(session: &Session, job: &InFlightJob, outcome: Outcome) {
    if job.mark_ended() {
        session.finish_queue.push(pending_finish(session, &job.attempt, outcome)).await;
    }
}
