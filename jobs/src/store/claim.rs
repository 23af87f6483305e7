//! Claiming: a worker becomes the owner of due jobs.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbErr, QueryResult, Value};

use super::cursor::{ClaimCursor, Group};
use super::dialect::{Claim, FromCursor};
use super::row::{Claimed, Columns};
use super::{Store, json, retry_contention, statement};

/// The maximum number of jobs that a claim takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClaimLimit {
    pub(crate) total: usize,
    /// How many of them can start at once. More are claimed only if nothing but time is lost should the worker die before they start:
    /// not on their last attempt, nor after an attempt in which a worker was lost.
    pub(crate) startable: usize,
}

/// The state of a worker's queues.
#[derive(Debug, Default)]
pub(crate) struct Look {
    /// How long until the first job is due, for each queue that is not paused and has waiting jobs; zero if one is due now.
    pub(crate) due: HashMap<String, Duration>,
    pub(crate) paused: HashSet<String>,
}

impl Store {
    /// Claims due jobs of a queue whose names are known here, best first. Returns none if the worker's row is gone: others have its jobs.
    pub(crate) async fn claim(
        &self,
        worker: i64,
        queue: &str,
        names: &[&str],
        limit: ClaimLimit,
    ) -> Result<Vec<Claimed>, DbErr> {
        match &self.dialect.claim {
            Claim::Statement { all, .. } => self.claim_at_once(all, worker, queue, json(names)?, limit).await,
            Claim::Steps { groups, .. } => {
                let mut groups = self.groups(groups, queue, names).await?;
                self.claim_in_steps(worker, queue, &mut groups, limit).await
            }
        }
    }

    /// Claims like [`claim`](Self::claim), but from the cursor. Until the cursor's groups are looked up again or it is rewound, it misses
    /// jobs in other groups and jobs that are due before those already claimed. `is_alone`: no other queue of the worker waits meanwhile.
    pub(crate) async fn claim_from_cursor(
        &self,
        worker: i64,
        queue: &str,
        names: &[&str],
        limit: ClaimLimit,
        cursor: &mut ClaimCursor,
        is_alone: bool,
    ) -> Result<Vec<Claimed>, DbErr> {
        let groups = match &self.dialect.claim {
            Claim::Statement { from_cursor: Some(FromCursor { groups, .. }), .. } | Claim::Steps { groups, .. } => {
                groups
            }
            Claim::Statement { from_cursor: None, .. } => return self.claim(worker, queue, names, limit).await,
        };
        let begun = Instant::now();
        if !cursor.is_current(begun) {
            let groups = self.groups(groups, queue, names).await?;
            let now = Instant::now();
            cursor.set_groups(groups, now, now.duration_since(begun));
        }
        cursor.rewind(Instant::now());
        let claimed = if let Claim::Statement { from_cursor: Some(FromCursor { claim, .. }), .. } = &self.dialect.claim
        {
            self.claim_at_once(claim, worker, queue, json(&cursor.groups)?, limit).await?
        } else {
            let waits = is_alone && cursor.takes_turns(limit.total > limit.startable, begun);
            if waits {
                cursor.waits_for_turn(begun);
            }
            let (claimed, had_turn) = self.claim_in_turn(worker, queue, &mut cursor.groups, limit, waits).await?;
            if had_turn {
                cursor.had_turn();
            }
            claimed
        };
        cursor.advance(&claimed, Instant::now());
        cursor.skip_empty(claimed.len() < limit.total);
        cursor.has_more = claimed.len() >= limit.total;
        Ok(claimed)
    }

    /// Returns the groups with these names in which jobs wait.
    async fn groups(&self, sql: &str, queue: &str, names: &[&str]) -> Result<Vec<Group>, DbErr> {
        let rows = self.db.query_all_raw(statement(self.dialect, sql, [queue.into(), json(names)?.into()])).await?;
        let group = |row: &QueryResult| Ok(Group::new(row.try_get("", "priority")?, row.try_get("", "name")?));
        rows.iter().map(group).collect()
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

    /// Looks up when jobs with these names are due in these queues, and which queues are paused.
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
