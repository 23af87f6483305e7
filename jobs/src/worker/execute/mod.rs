//! Executing one attempt: admit → decode → supervise → outcome → settle `finish_in` → finish.

pub(super) mod finish_in;
pub(super) mod outcome;
pub(super) mod supervise;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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
use crate::model::AttemptEnd;
use crate::model::StopReason;
use crate::model::outcome::Outcome;
use finish_in::settle_finish_in;
use outcome::{outcome_of, panicked, pending_finish, stopped};
use supervise::{supervise, wait_for_blocking_code};

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
        tokio::task::yield_now().await;
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

/// Waits for the job's blocking code and transactions to end, and hands the attempt's end to the writer.
async fn conclude(session: &Session, job: &InFlightJob, outcome: Outcome) {
    let (attempt, grace) = (&job.attempt, session.config.cancel_grace());
    let Some(outcome) = settle_finish_in(session, attempt, outcome).await else { return };
    let outcome = wait_for_blocking_code(attempt, grace, outcome).await;
    finish(session, job, outcome).await;
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

/// Hands the end of an attempt to the writer, unless the watchdog has ended it.
pub(super) async fn finish(session: &Session, job: &InFlightJob, outcome: Outcome) {
    if job.mark_ended() {
        session.finish_queue.push(pending_finish(session, &job.attempt, outcome)).await;
    }
}
