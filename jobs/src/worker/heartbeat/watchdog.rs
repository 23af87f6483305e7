//! The watchdog: code of jobs that never reaches an `await`, so that nothing can end it but its process.

use std::time::Duration;

use crate::job::attempt::RunningAttempt;
use crate::model::StopReason;
use crate::store::lock::lock;
use crate::worker::execute::outcome::{did_not_stop, pending_finish};
use crate::worker::finish::queue::PendingFinish;
use crate::worker::session::Session;

/// For how long the writer or the claimer has made no progress, if that is longer than either waits for the database or for work.
pub(super) fn stalled_for(session: &Session) -> Option<Duration> {
    let limit = session.config.lease * 3;
    let is_claiming = !session.phases.stop_claiming.is_cancelled();
    let writer = Some(session.vitals.writer.idle_for()).filter(|idle| *idle > limit);
    let claimer = Some(session.vitals.claimer.idle_for())
        .filter(|idle| *idle > limit + session.config.poll_interval(true) && is_claiming);
    writer.max(claimer)
}

/// How often an idle thread of the runtime is woken.
const UNPARK_INTERVAL: Duration = Duration::from_millis(500);

/// If the thread that drives I/O and timers starts polling a job that blocks, no idle thread takes over the driver. A task spawned from
/// outside wakes one.
pub(super) async fn unpark_runtime(runtime: tokio::runtime::Handle) {
    loop {
        tokio::time::sleep(UNPARK_INTERVAL).await;
        runtime.spawn(std::future::ready(()));
    }
}

/// Ends, in the tables, attempts that still run long after they were asked to stop. Attempts whose time is over are asked here too: their own
/// timeout may have no thread to run on.
pub(in crate::worker) fn fail_runaways(session: &Session) -> Vec<PendingFinish> {
    let patience = patience(session);
    let mut ends = Vec::new();
    for job in session.in_flight.all() {
        let attempt = &job.attempt;
        if !job.has_started() || job.has_ended() || attempt.updates.is_closed() {
            continue;
        }
        match attempt.stop.reason() {
            // The process ends, or others take the job: we write nothing.
            Some((StopReason::Shutdown | StopReason::Lost, _)) => {}
            // An attempt that only waits for a thread is not to blame.
            Some((_, since)) if since.elapsed() > patience && attempt.activity.has_thread() && job.mark_ended() => {
                lock(&session.vitals.runaways).push(attempt.clone());
                ends.push(pending_finish(session, attempt, did_not_stop(attempt)));
            }
            None if attempt.job.timeout().is_some_and(|timeout| job.started().elapsed() > timeout + patience) => {
                attempt.stop.request(StopReason::TimedOut);
            }
            _ => {}
        }
    }
    ends
}

/// Whether code keeps a thread long after it was asked to stop, for whatever reason.
pub(super) fn has_runaways(session: &Session) -> bool {
    let patience = patience(session);
    let is_runaway = |attempt: &RunningAttempt| {
        attempt.activity.has_thread() && attempt.stop.reason().is_some_and(|(_, since)| since.elapsed() > patience)
    };
    let mut runaways = lock(&session.vitals.runaways);
    runaways.retain(|attempt| attempt.activity.has_thread());
    !runaways.is_empty() || session.in_flight.all().iter().any(|job| is_runaway(&job.attempt))
}

/// How long an attempt may run after it was asked to stop.
fn patience(session: &Session) -> Duration {
    session.config.cancel_grace() + Duration::from_secs(1)
}
