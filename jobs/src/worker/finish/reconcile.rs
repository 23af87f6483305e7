//! Rows that a batch did not write: why, and when they are tried again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::Writer;
use crate::client::wait;
use crate::model::JobStatus;
use crate::store::finish::{Fence, FinishRow};
use crate::store::jobs::RowState;
use crate::worker::in_flight::InFlightJob;
use crate::worker::meter;

/// The pause before a row that another transaction has locked is tried again.
const LOCKED_PAUSE: Duration = Duration::from_millis(50);

/// The fate of the rows that a batch did not write.
#[derive(Default)]
pub(super) struct Fate {
    states: HashMap<i64, RowState>,
    /// Those that their owner has ended.
    ended: HashSet<Fence>,
}

impl Writer {
    pub(super) async fn fate_of(&mut self, ids: &[i64]) -> Result<Fate, DbErr> {
        let store = self.client.store();
        let states =
            self.client.with_timeout(store.row_states(ids)).await?.into_iter().map(|state| (state.id, state)).collect();
        Ok(Fate { states, ended: self.client.with_timeout(store.ended_by_owner(ids)).await? })
    }

    /// Finds out why a row was not written: another transaction has it locked, it was written before, or the job is no longer ours.
    pub(super) fn reconcile(&mut self, end: &FinishRow, fate: &Fate) -> Option<Arc<InFlightJob>> {
        match fate.states.get(&end.id) {
            Some(state) if state.version == end.version && state.status == JobStatus::Running => {
                self.locked.push((Instant::now() + LOCKED_PAUSE, end.clone()));
                None
            }
            // It was written before, by a statement whose answer was lost.
            Some(state) if state.version == end.version + 1 && state.worker == Some(self.session.identity.id) => {
                wait::ended(std::iter::once(end.id));
                self.acknowledge(end)
            }
            // It was written before, and the job has been claimed again since.
            Some(_) if fate.ended.contains(&(end.id, end.version)) => self.acknowledge(end),
            // It was given back untouched and claimed again. Who gave it back does not matter.
            Some(_) if end.never_started() => self.acknowledge(end),
            _ => {
                tracing::warn!(
                    job = end.id,
                    version = end.version,
                    "fenced out: another worker has taken the job over, its end is not written"
                );
                if let Some(job) = self.session.in_flight.release((end.id, end.version)) {
                    meter::fenced_out(&job.attempt.job);
                }
                None
            }
        }
    }

    /// When the next locked row is tried again.
    pub(super) fn locked_due(&self) -> Option<Instant> {
        self.locked.iter().map(|(when, _)| *when).min()
    }

    /// Tries those locked rows again whose pause is over.
    pub(super) fn enqueue_locked(&mut self) {
        let now = Instant::now();
        let due = self.locked.extract_if(.., |(when, _)| *when <= now);
        self.waiting.extend(due.map(|(_, finish)| finish));
    }
}
