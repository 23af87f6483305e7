//! Rescuing the jobs of dead workers.

use std::time::{Duration, Instant};

use sea_orm::DbErr;

use super::failure_detector::FailureDetector;
use crate::client::wait;
use crate::model::outcome::{Attempts, Outcome};
use crate::model::{AttemptEnd, RetryPolicy};
use crate::store::finish::FinishRow;
use crate::store::maintain::{MAINTENANCE_ROWS, Orphan};
use crate::store::{Store, wake};
use crate::worker::meter;
use crate::worker::session::Session;

pub(super) struct Rescuer<'s> {
    session: &'s Session,
    detector: FailureDetector,
}

impl<'s> Rescuer<'s> {
    pub(super) fn new(session: &'s Session) -> Self {
        Self { session, detector: FailureDetector::new() }
    }

    /// The time at which the next worker is dead, unless it beats.
    pub(super) fn next_expiry(&self) -> Option<tokio::time::Instant> {
        self.detector.next_expiry(Instant::now()).map(Into::into)
    }

    /// Takes the jobs of dead workers. Only a worker whose own beats have gone well for a whole lease does: one that was cut off itself
    /// can't tell who is dead.
    pub(super) async fn rescue(&mut self, store: &Store) -> Result<(), DbErr> {
        let sent = Instant::now();
        let seen = store.see_workers().await?;
        let answered = Instant::now();
        self.detector.observe(sent, answered, &seen);
        if !self.session.lease.is_trusted() {
            return Ok(());
        }
        let mut dead = self.detector.dead(answered);
        dead.retain(|(worker, _)| *worker != self.session.identity.id);
        let deleted = store.delete_dead_workers(&dead).await?;
        if deleted > 0 {
            tracing::warn!(workers = deleted, "workers have stopped responding; their jobs are taken over");
        }
        if deleted > 0 || seen.has_orphans {
            while self.rescue_some(store).await? {}
        }
        Ok(())
    }

    /// Ends the attempts of some orphans. True if there may be more.
    async fn rescue_some(&self, store: &Store) -> Result<bool, DbErr> {
        let orphans = store.orphans().await?;
        if orphans.is_empty() {
            return Ok(false);
        }
        let ends: Vec<_> = orphans.iter().map(|orphan| self.end_of(orphan)).collect();
        let written = store.finish(&ends).await?;
        let is_rescued = |(orphan, _): &(&Orphan, _)| written.contains(&(orphan.id, orphan.version));
        let rescued: Vec<_> = orphans.iter().zip(&ends).filter(is_rescued).collect();
        meter::finished(rescued.iter().map(|(orphan, end)| (&*orphan.queue, &*orphan.name, *end)));
        for (orphan, _) in rescued {
            tracing::warn!(job = orphan.id, name = orphan.name, attempt = orphan.attempt, "rescued from a lost worker");
            wake::scheduled(&orphan.queue);
        }
        wait::ended(written.iter().map(|(id, _)| *id));
        let was_all = u64::try_from(orphans.len()).is_ok_and(|rows| rows < MAINTENANCE_ROWS);
        Ok(!was_all && !written.is_empty())
    }

    fn end_of(&self, orphan: &Orphan) -> FinishRow {
        let worker = orphan.worker_id.map_or_else(|| "unknown".to_owned(), |id| format!("worker {id}"));
        let reason = if orphan.budget == 1 {
            format!("{worker} stopped responding; whether it had started the job can't be known, and max_attempts is 1")
        } else {
            format!("{worker} stopped responding")
        };
        let definition = self.session.registry.get(&orphan.name);
        let retry = definition.map_or(RetryPolicy::DEFAULT, |definition| definition.defaults.retry);
        let attempts =
            Attempts { attempt: orphan.attempt, max_attempts: orphan.max_attempts, budget: orphan.budget, retry };
        // Not the job's fault, as far as anyone knows: it runs again at once.
        let outcome = Outcome::Errored { how: AttemptEnd::Lost, reason, delay: Some(Duration::ZERO) };
        FinishRow::new(orphan.id, orphan.version, outcome.transition(attempts, fastrand::f64()), worker, None)
    }
}
