//! Claiming: a worker becomes the owner of due jobs.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Statement};

use super::dialect::Claim;
use super::{Store, json, repeat, statement};

/// A job that was claimed, as its worker gets it.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) priority: i16,
    pub(crate) version: i64,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) budget: i32,
    pub(crate) timeout_ms: Option<i64>,
    /// JSON.
    pub(crate) parameters: String,
    pub(crate) created_at: DateTimeUtc,
    pub(crate) scheduled_at: DateTimeUtc,
    pub(crate) user_id: Option<String>,
    pub(crate) session_id: Option<String>,
    pub(crate) event_id: Option<String>,
}

impl Store {
    /// Claims up to `limit` due jobs of a queue whose names are known here, best first.
    pub(crate) async fn claim(
        &self,
        worker: i64,
        queue: &str,
        names: &[&str],
        limit: usize,
    ) -> Result<Vec<Claimed>, DbErr> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut claimed = repeat(|| async {
            match &self.dialect.claim {
                Claim::Statement(sql) => {
                    let values = [queue.into(), worker.into(), json(names)?.into(), limit.into()];
                    self.claim_at_once(statement(self.dialect, sql, values)).await
                }
                Claim::Steps { .. } => self.claim_in_steps(worker, queue, names, limit).await,
            }
        })
        .await?;
        claimed.sort_by_key(|job| (job.priority, job.scheduled_at, job.id));
        Ok(claimed)
    }

    async fn claim_at_once(&self, statement: Statement) -> Result<Vec<Claimed>, DbErr> {
        if !self.isolate {
            return Claimed::find_by_statement(statement).all(&self.db).await;
        }
        let transaction = self.begin().await?;
        let claimed = Claimed::find_by_statement(statement).all(&transaction).await?;
        transaction.commit().await?;
        Ok(claimed)
    }

    /// Priority by priority: the first jobs of each name are locked, and the best of them become ours.
    async fn claim_in_steps(
        &self,
        worker: i64,
        queue: &str,
        names: &[&str],
        limit: i64,
    ) -> Result<Vec<Claimed>, DbErr> {
        let Claim::Steps { groups, lock, own } = &self.dialect.claim else { return Ok(Vec::new()) };
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let transaction = self.begin().await?;
        let mut claimed: Vec<Claimed> = Vec::new();
        let rows = transaction.query_all_raw(statement(self.dialect, groups, [queue.into()])).await?;
        let mut last_priority = None;
        for row in rows {
            let (priority, name): (i16, String) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            // Names of one priority are merged by due time; a lower one is needed only while there is room.
            if last_priority != Some(priority) && claimed.len() >= wanted {
                break;
            }
            last_priority = Some(priority);
            if names.contains(&name.as_str()) {
                let values = [queue.into(), priority.into(), name.into(), limit.into()];
                let first = Claimed::find_by_statement(statement(self.dialect, lock, values)).all(&transaction).await?;
                claimed.extend(first);
            }
        }
        claimed.sort_by_key(|job| (job.priority, job.scheduled_at, job.id));
        claimed.truncate(wanted);
        if !claimed.is_empty() {
            let ids: Vec<_> = claimed.iter().map(|job| job.id).collect();
            transaction.execute_raw(statement(self.dialect, own, [json(&ids)?.into(), worker.into()])).await?;
        }
        transaction.commit().await?;
        for job in &mut claimed {
            job.version += 1;
            job.attempt += 1;
        }
        Ok(claimed)
    }

    /// How long until the first job is due, for each of the queues in which one waits; zero where one is due now.
    pub(crate) async fn due(&self, queues: &[String], names: &[&str]) -> Result<HashMap<String, Duration>, DbErr> {
        let values = [json(queues)?.into(), json(names)?.into()];
        let rows = self.db.query_all_raw(statement(self.dialect, self.dialect.due, values)).await?;
        rows.iter()
            .map(|row| {
                let wait_ms: i64 = row.try_get("", "wait_ms")?;
                Ok((row.try_get("", "queue")?, Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0))))
            })
            .collect()
    }
}
