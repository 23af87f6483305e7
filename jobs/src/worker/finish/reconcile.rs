//! Finding out why a row was not written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::{LOCKED_PAUSE, Writer};
use crate::client::wait;
use crate::model::JobStatus;
use crate::store::finish::{Fence, FinishRow};
use crate::store::jobs::RowState;
use crate::worker::in_flight::InFlightJob;
use crate::worker::meter;

/// The fate of the rows that a batch did not write.
#[derive(Default)]
pub(super) struct Fate {
    marks: HashMap<i64, RowState>,
    /// Those that their owner has ended.
    ended: HashSet<Fence>,
}

impl Writer {
    pub(super) async fn fate_of(&mut self, ids: &[i64]) -> Result<Fate, DbErr> {
        let store = self.client.store();
        let marks =
            self.client.with_timeout(store.row_states(ids)).await?.into_iter().map(|mark| (mark.id, mark)).collect();
        Ok(Fate { marks, ended: self.client.with_timeout(store.ended_by_owner(ids)).await? })
    }

    /// Finds out why a row was not written: another transaction has it locked, it was written before, or the job is no longer ours.
    pub(super) fn reconcile(&mut self, end: &FinishRow, fate: &Fate) -> Option<Arc<InFlightJob>> {
        match fate.marks.get(&end.id) {
            Some(mark) if mark.version == end.version && mark.status == JobStatus::Running => {
                self.locked.push((Instant::now() + LOCKED_PAUSE, end.clone()));
                None
            }
            // It was written before, by a statement whose answer was lost.
            Some(mark) if mark.version == end.version + 1 && mark.worker == Some(self.session.identity.id) => {
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
}
