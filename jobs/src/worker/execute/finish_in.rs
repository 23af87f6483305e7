//! Jobs that called `finish_in`: their own transaction writes their end, so only their row tells whether it was committed.

use std::time::Duration;

use sea_orm::DbErr;

use crate::client::wait;
use crate::error::chain;
use crate::job::attempt::RunningAttempt;
use crate::model::outcome::Outcome;
use crate::model::{AttemptEnd, JobStatus};
use crate::store::limited::UNLIMITED;
use crate::store::row::Claimed;
use crate::store::{Store, wake};
use crate::worker::finish::tell_of_room;
use crate::worker::meter;
use crate::worker::session::Session;
use crate::worker::stats::counters::End;

/// The pauses between two reads of the row while the transaction is open.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LAST_PAUSE: Duration = Duration::from_secs(1);

/// Waits until the transaction of a job that called `finish_in` is over. Returns the outcome that is still to be written: `None` if the row has
/// its end.
pub(super) async fn settle_finish_in(session: &Session, attempt: &RunningAttempt, outcome: Outcome) -> Option<Outcome> {
    let job = &attempt.job;
    let (mut client, mut pause) = (session.database.client(), FIRST_PAUSE);
    loop {
        let store = client.store();
        match client.with_timeout(finish_in(&store, job)).await {
            Ok(FinishIn::Open) => {}
            Ok(FinishIn::RolledBack) => {
                attempt.updates.reopen();
                return Some(rolled_back(outcome));
            }
            Ok(FinishIn::Committed { by }) => {
                if job.limit_key != UNLIMITED {
                    wake::limited_ended(&job.name, &job.limit_key);
                    tell_of_room(&mut client, std::iter::once(job)).await;
                }
                let released = session.in_flight.release((job.id, job.version));
                if by == Some(session.identity.id) {
                    meter::finished_in_transaction(job);
                    session.counters.count(released.iter().map(|job| End::in_transaction(job)));
                }
                wait::ended(std::iter::once(job.id));
                return None;
            }
            Err(error) => tracing::warn!(job = job.id, "can't see whether finish_in was committed: {}", chain(&error)),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

/// Success depends on the transaction; a failure stays what it is.
fn rolled_back(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Succeeded => Outcome::Errored {
            how: AttemptEnd::Error,
            reason: "finish_in was not committed: its transaction was rolled back or dropped".into(),
            delay: None,
        },
        other => other,
    }
}

/// The state of the transaction that is to finish a job.
enum FinishIn {
    Open,
    RolledBack,
    /// The row has another version: this attempt has ended, or another worker has the job. `by` is known if it has just ended.
    Committed {
        by: Option<i64>,
    },
}

async fn finish_in(store: &Store, job: &Claimed) -> Result<FinishIn, DbErr> {
    if store.is_locked(job.id).await? {
        return Ok(FinishIn::Open);
    }
    let states = store.row_states(&[job.id]).await?;
    Ok(match states.first() {
        Some(state) if state.version == job.version && state.status == JobStatus::Running => FinishIn::RolledBack,
        Some(state) if state.version == job.version + 1 => FinishIn::Committed { by: state.worker },
        _ => FinishIn::Committed { by: None },
    })
}
