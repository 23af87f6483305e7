//! Rescuing the jobs of dead workers.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sea_orm::DbErr;

use super::failure_detector::FailureDetector;
use crate::client::wait;
use crate::model::outcome::{Attempts, Outcome};
use crate::model::{AttemptEnd, JobStatus, RetryPolicy};
use crate::store::finish::FinishRow;
use crate::store::limited::UNLIMITED;
use crate::store::maintain::{MAINTENANCE_ROWS, Orphan, WorkersSeen};
use crate::store::workers::WorkerProcess;
use crate::store::{Store, wake};
use crate::worker::meter;
use crate::worker::session::Session;
use crate::worker::stats::counters::End;

pub(super) struct Rescuer<'s> {
    session: &'s Session,
    detector: FailureDetector,
    /// The workers that were seen: those that are there, and those that have left jobs behind.
    known: HashMap<i64, WorkerProcess>,
}

impl<'s> Rescuer<'s> {
    pub(super) fn new(session: &'s Session) -> Self {
        Self { session, detector: FailureDetector::new(), known: HashMap::new() }
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
        self.remember(&seen);
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

    /// Remembers who the workers are: once another worker has deleted the row of a dead one, nobody could tell whose its jobs were.
    fn remember(&mut self, seen: &WorkersSeen) {
        if !seen.has_orphans {
            self.known.clear();
        }
        self.known.extend(seen.heartbeats.iter().map(|beat| (beat.worker, beat.process.clone())));
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
        self.session
            .counters
            .count(rescued.iter().map(|(orphan, end)| End::without_attempt(&orphan.queue, &orphan.name, end)));
        for (orphan, end) in rescued {
            trace(orphan, end);
            if orphan.limit_key != UNLIMITED {
                wake::limited_ended(&orphan.name, &orphan.limit_key);
                store.tell_of_room(&[(orphan.name.as_str(), orphan.limit_key.as_str())].into()).await?;
            }
            wake::scheduled(&orphan.queue);
        }
        wait::ended(written.iter().map(|(id, _)| *id));
        let was_all = u64::try_from(orphans.len()).is_ok_and(|rows| rows < MAINTENANCE_ROWS);
        Ok(!was_all && !written.is_empty())
    }

    fn end_of(&self, orphan: &Orphan) -> FinishRow {
        let known = orphan.worker_id.and_then(|id| self.known.get(&id));
        let id = || orphan.worker_id.map_or_else(|| "an unknown worker".to_owned(), |id| format!("worker {id}"));
        let who = known.map_or_else(id, ToString::to_string);
        let reason = if orphan.budget == 1 {
            format!("{who} stopped responding; whether it had started the job can't be known, and max_attempts is 1")
        } else {
            format!("{who} stopped responding")
        };
        let definition = self.session.registry.get(&orphan.name);
        let retry = definition.map_or(RetryPolicy::DEFAULT, |definition| definition.defaults.retry);
        let attempts =
            Attempts { attempt: orphan.attempt, max_attempts: orphan.max_attempts, budget: orphan.budget, retry };
        // Not the job's fault, as far as anyone knows: it runs again at once.
        let outcome = Outcome::Errored { how: AttemptEnd::Lost, reason, delay: Some(Duration::ZERO) };
        let worker = known.map_or_else(id, |known| known.name.clone());
        FinishRow::new(orphan.id, orphan.version, outcome.transition(attempts, fastrand::f64()), worker, None)
    }
}

fn trace(orphan: &Orphan, end: &FinishRow) {
    let Orphan { id: job, name, queue, attempt, .. } = orphan;
    let reason = end.error.as_deref().unwrap_or_default();
    if end.status == JobStatus::Failed {
        tracing::error!(job, name, queue, attempt, status = %end.status, "{reason}");
    } else {
        tracing::warn!(job, name, queue, attempt, "{reason}; its attempt is lost");
    }
}
