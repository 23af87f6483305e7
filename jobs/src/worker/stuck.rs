//! Code of jobs that does not stop: it never gets to an `await`, so nothing can end it but its process.

use std::time::Duration;

use super::engine::{End, Engine};
use super::verdict;
use crate::job::attempt::RunningAttempt;
use crate::model::StopReason;
use crate::store::lock::lock;

/// For how long the writer or the claimer has shown no progress, where that is longer than either waits for the database or for work.
pub(super) fn standstill(engine: &Engine) -> Option<Duration> {
    let patience = engine.settings.lease * 3;
    let writer = Some(engine.writer.silence()).filter(|silence| *silence > patience);
    let claimer = Some(engine.claimer.silence())
        .filter(|silence| *silence > patience + engine.settings.poll_interval(true) && !engine.stopping.is_cancelled());
    writer.max(claimer)
}

/// How often the runtime is made to look around.
const POKE: Duration = Duration::from_millis(500);

/// A thread of the runtime that waits for the network and for time may find a job that keeps it, and leave nobody waiting in its place,
/// though others are free. Work from outside wakes one of them.
pub(super) async fn poke(engine: &Engine) {
    loop {
        tokio::time::sleep(POKE).await;
        engine.runtime.spawn(std::future::ready(()));
    }
}

/// The ends, for the tables, of what goes on although it was asked to stop. What is out of time is asked here too: its own time-out
/// may not be able to run.
pub(super) fn end_those_that_do_not_stop(engine: &Engine) -> Vec<End> {
    let patience = patience(engine);
    let mut ends = Vec::new();
    for owned in engine.owned() {
        let attempt = &owned.attempt;
        if !owned.has_started() || owned.has_ended() || attempt.notes.is_closed() {
            continue;
        }
        match attempt.stop.reason() {
            // The process ends, or others take the job: nothing of ours is to be written.
            Some((StopReason::Shutdown | StopReason::Lost, _)) => {}
            // One that only waits for a thread is not to blame.
            Some((_, since)) if since.elapsed() > patience && attempt.inside.has_thread() && owned.end() => {
                lock(&engine.unstopped).push(attempt.clone());
                ends.push(verdict::ending(engine, attempt, verdict::did_not_stop(attempt)));
            }
            None if attempt.job.timeout().is_some_and(|timeout| owned.started().elapsed() > timeout + patience) => {
                attempt.stop.trip(StopReason::TimedOut);
            }
            _ => {}
        }
    }
    ends
}

/// Whether code keeps a thread long after it was asked to stop, for whatever reason.
pub(super) fn goes_on(engine: &Engine) -> bool {
    let patience = patience(engine);
    let is_stuck = |attempt: &RunningAttempt| {
        attempt.inside.has_thread() && attempt.stop.reason().is_some_and(|(_, since)| since.elapsed() > patience)
    };
    let mut unstopped = lock(&engine.unstopped);
    unstopped.retain(|attempt| attempt.inside.has_thread());
    !unstopped.is_empty() || engine.owned().iter().any(|owned| is_stuck(&owned.attempt))
}

/// How long a job that was asked to stop may go on.
fn patience(engine: &Engine) -> Duration {
    engine.settings.cancel_grace() + Duration::from_secs(1)
}
