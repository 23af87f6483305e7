//! Claiming: a worker becomes the owner of due jobs.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use super::dialect::{Claim, FromFront};
use super::front::{Front, Place};
use super::row::{Claimed, Columns};
use super::{Store, json, retry_contention, statement};

/// How many jobs a claim is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClaimLimit {
    pub(crate) total: usize,
    /// How many of them can start at once. Others are claimed only where nothing is lost but time if the worker dies before they
    /// start: not on their last attempt, nor after one in which a worker was lost.
    pub(crate) startable: usize,
}

/// What a look at the queues shows.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// How long until the first job is due, for each of the queues that is not paused and in which one waits; zero where one is due
    /// now.
    pub(crate) due: HashMap<String, Duration>,
    pub(crate) paused: HashSet<String>,
}

impl Store {
    /// Claims due jobs of a queue whose names are known here, best first. None where the worker's row is gone: others have its jobs.
    pub(crate) async fn claim(
        &self,
        worker: i64,
        queue: &str,
        names: &[&str],
        limit: ClaimLimit,
    ) -> Result<Vec<Claimed>, DbErr> {
        match &self.dialect.claim {
            Claim::Statement { all, .. } => self.claim_at_once(all, worker, queue, json(names)?, limit).await,
            Claim::Steps { places, .. } => {
                let mut places = self.places(places, queue, names).await?;
                self.claim_in_steps(worker, queue, &mut places, limit).await
            }
        }
    }

    /// The same in a queue where many come or wait. It knows nothing of jobs that have come since to another place, nor of those that
    /// are due before what was claimed there: they are found when the front is looked for anew.
    pub(crate) async fn claim_from_front(
        &self,
        worker: i64,
        queue: &str,
        names: &[&str],
        limit: ClaimLimit,
        front: &mut Front,
    ) -> Result<Vec<Claimed>, DbErr> {
        let places = match &self.dialect.claim {
            Claim::Statement { from_front: Some(FromFront { places, .. }), .. } | Claim::Steps { places, .. } => places,
            Claim::Statement { from_front: None, .. } => return self.claim(worker, queue, names, limit).await,
        };
        if !front.is_known() {
            let begun = Instant::now();
            let places = self.places(places, queue, names).await?;
            front.found(places, begun.elapsed());
        }
        front.look_behind();
        let claimed = match &self.dialect.claim {
            Claim::Statement { from_front: Some(FromFront { claim, .. }), .. } => {
                self.claim_at_once(claim, worker, queue, json(&front.places)?, limit).await?
            }
            _ => self.claim_in_steps(worker, queue, &mut front.places, limit).await?,
        };
        front.pass(&claimed);
        front.pass_over_empty(claimed.len() < limit.total);
        Ok(claimed)
    }

    /// Where jobs of these names wait.
    async fn places(&self, sql: &str, queue: &str, names: &[&str]) -> Result<Vec<Place>, DbErr> {
        let rows = self.db.query_all_raw(statement(self.dialect, sql, [queue.into(), json(names)?.into()])).await?;
        let place = |row: &QueryResult| Ok(Place::new(row.try_get_by_index(0)?, row.try_get_by_index(1)?));
        rows.iter().map(place).collect()
    }

    async fn claim_at_once(
        &self,
        sql: &str,
        worker: i64,
        queue: &str,
        which: String,
        limit: ClaimLimit,
    ) -> Result<Vec<Claimed>, DbErr> {
        let rows = retry_contention(|| async {
            let values = [queue.into(), worker.into(), which.clone().into(), int(limit.total), int(limit.startable)];
            let claim = statement(self.dialect, sql, values);
            if !self.needs_read_committed {
                return self.db.query_all_raw(claim).await;
            }
            let transaction = self.begin().await?;
            let rows = transaction.query_all_raw(claim).await?;
            transaction.commit().await?;
            Ok(rows)
        })
        .await?;
        let mut claimed =
            rows.iter().map(|row| Claimed::read(queue, &mut Columns::of(row))).collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by_key(|job| (job.priority, job.scheduled_at, job.id));
        Ok(claimed)
    }

    /// Looks when jobs of these names are due in these queues, and which queues are paused.
    pub(crate) async fn look(&self, queues: &[String], names: &[&str]) -> Result<Look, DbErr> {
        let values = [json(queues)?.into(), json(names)?.into()];
        let mut look = Look::default();
        for row in self.db.query_all_raw(statement(self.dialect, self.dialect.look, values)).await? {
            let (queue, wait_ms): (String, Option<i64>) = (row.try_get("", "queue")?, row.try_get("", "wait_ms")?);
            if let Some(wait_ms) = wait_ms {
                look.due.insert(queue, Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0)));
            } else {
                look.paused.insert(queue);
            }
        }
        look.due.retain(|queue, _| !look.paused.contains(queue));
        Ok(look)
    }
}

pub(super) fn int(number: usize) -> Value {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}
