//! Running the code of an attempt: panic-safe, timed, and stoppable.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::Value;

use super::outcome::{Returned, did_not_stop};
use crate::error::JobResult;
use crate::job::attempt::RunningAttempt;
use crate::model::StopReason;
use crate::model::outcome::Outcome;
use crate::store::row::Claimed;

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
