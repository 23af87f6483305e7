//! Giving up: if the code of jobs occupies all threads of the runtime, only the heartbeat still runs.

use std::collections::HashSet;

use sea_orm::DbErr;

use super::{Heartbeat, watchdog};
use crate::error::fault;
use crate::store::finish::Fence;
use crate::worker::finish::queue::PendingFinish;
use crate::worker::meter;

impl Heartbeat {
    /// If the worker has stalled and runaway jobs occupy its threads, nothing can help it: the ends of these jobs are written from here,
    /// and the worker's row is deleted, so that others take over the rest. Jobs that were not asked to stop may keep running.
    pub(super) fn check_progress(&mut self) {
        let Some(stalled) = watchdog::stalled_for(&self.session) else { return };
        self.runaways.extend(watchdog::fail_runaways(&self.session).into_iter().map(PendingFinish::into_finish));
        if !watchdog::has_runaways(&self.session) {
            tracing::warn!(
                "the worker has stood still for {stalled:?}: code of jobs that blocks belongs into `run_blocking`"
            );
        } else if !std::mem::replace(&mut self.giving_up, true) {
            tracing::error!(
                "the worker has stood still for {stalled:?}, its threads are kept by code of jobs that does not stop: it gives its \
                 other jobs up, and executes no more until that code ends; restart the process"
            );
        }
    }

    /// Ends the runaway jobs, and leaves the other jobs to other workers.
    pub(super) async fn give_up_jobs(&self) -> Result<(), DbErr> {
        let written =
            if self.runaways.is_empty() { Ok(HashSet::new()) } else { self.store.finish(&self.runaways).await };
        match written {
            Ok(written) => self.count(&written),
            Err(error) if fault::of(&error).is_passing() => return Err(error),
            Err(error) => {
                tracing::error!(%error, "the ends of jobs that do not stop can't be written: others will run them again");
            }
        }
        self.store.leave(self.session.identity.id).await
    }

    /// Counts the ends that were written from here.
    fn count(&self, written: &HashSet<Fence>) {
        let known = self.known();
        meter::finished(self.runaways.iter().filter(|end| written.contains(&(end.id, end.version))).filter_map(
            |end| {
                let job = &known.get(&(end.id, end.version))?.attempt.job;
                Some((&*job.queue, &*job.name, end))
            },
        ));
    }
}
