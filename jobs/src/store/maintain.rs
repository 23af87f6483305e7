//! Maintenance that any worker does for all: rescuing jobs of dead workers, deleting old ones.

use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, PaginatorTrait as _, QueryFilter, QueryOrder,
    QueryResult, QuerySelect, TransactionSession as _,
};

use super::connection::Connection;
use super::entity::{job, worker};
use super::workers::WorkerProcess;
use super::{Store, dialect, jobs, json, millis, retry_contention, statement};
use crate::error::Error;
use crate::model::{JobId, JobStatus};

/// A job whose worker is gone.
#[derive(Debug, Clone, FromQueryResult)]
pub(crate) struct Orphan {
    pub(crate) id: i64,
    pub(crate) version: i64,
    pub(crate) name: String,
    pub(crate) queue: String,
    pub(crate) attempt: i32,
    pub(crate) max_attempts: i32,
    pub(crate) budget: i32,
    pub(crate) worker_id: Option<i64>,
    pub(crate) limit_key: String,
}

/// The rows of all workers at one moment.
#[derive(Debug)]
pub(crate) struct WorkersSeen {
    /// The database's clock at that moment.
    pub(crate) clock: DateTimeUtc,
    pub(crate) has_orphans: bool,
    pub(crate) heartbeats: Vec<Heartbeat>,
}

/// The last heartbeat of a worker, as its row shows it.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    pub(crate) worker: i64,
    pub(crate) process: WorkerProcess,
    pub(crate) seen_at: DateTimeUtc,
    pub(crate) expires_at: DateTimeUtc,
}

impl Heartbeat {
    /// Returns the length of the lease. Both times are from one statement, so their distance does not depend on the clock.
    pub(crate) fn lease(&self) -> Duration {
        (self.expires_at - self.seen_at).to_std().unwrap_or_default()
    }
}

fn heartbeat(row: &QueryResult) -> Result<Option<Heartbeat>, DbErr> {
    let Some(worker) = row.try_get("", "id")? else { return Ok(None) };
    Ok(Some(Heartbeat {
        worker,
        process: WorkerProcess {
            name: row.try_get("", "name")?,
            host: row.try_get("", "host")?,
            // We write it from a `u32`.
            pid: u32::try_from(row.try_get::<i64>("", "pid")?).unwrap_or(0),
        },
        seen_at: row.try_get("", "last_seen_at")?,
        expires_at: row.try_get("", "expires_at")?,
    }))
}

/// How many rows one statement rescues or deletes.
pub(crate) const MAINTENANCE_ROWS: u64 = 500;

impl Store {
    /// Returns the heartbeats of all workers, and whether a running job has no worker.
    pub(crate) async fn see_workers(&self) -> Result<WorkersSeen, DbErr> {
        let sql = format!(
            "SELECT {} AS clock,
                    {} AS has_orphans,
                    worker.id, worker.name, worker.host, worker.pid, worker.last_seen_at, worker.expires_at
             FROM (SELECT 1 AS one) AS always LEFT JOIN jobs_worker AS worker ON worker.id > 0",
            self.dialect.clock, self.dialect.has_orphans
        );
        let rows = self.db.query_all_raw(statement(self.dialect, &sql, [])).await?;
        let first = rows.first().ok_or_else(|| DbErr::RecordNotFound("the clock".into()))?;
        Ok(WorkersSeen {
            clock: first.try_get("", "clock")?,
            has_orphans: first.try_get("", "has_orphans")?,
            heartbeats: rows.iter().filter_map(|row| heartbeat(row).transpose()).collect::<Result<_, _>>()?,
        })
    }

    /// Deletes the rows of dead workers, each given with its last heartbeat, and returns how many. The delete locks each row and checks it
    /// again, so a heartbeat that is about to commit is never overruled; only then can their jobs be taken.
    pub(crate) async fn delete_dead_workers(&self, dead: &[(i64, DateTimeUtc)]) -> Result<u64, DbErr> {
        let mut deleted = 0;
        for (worker, seen_at) in dead {
            let delete = worker::Entity::delete_many()
                .filter(worker::Column::Id.eq(*worker))
                .filter(Expr::col(worker::Column::LastSeenAt).eq(self.dialect.time(*seen_at)));
            deleted += retry_contention(|| async {
                let transaction = self.begin().await?;
                let result = delete.clone().exec(&transaction).await?;
                transaction.commit().await?;
                Ok(result.rows_affected)
            })
            .await?;
        }
        Ok(deleted)
    }

    /// Returns running jobs that no worker owns anymore, oldest first.
    pub(crate) async fn orphans(&self) -> Result<Vec<Orphan>, DbErr> {
        job::Entity::find()
            .select_only()
            .columns([
                job::Column::Id,
                job::Column::Version,
                job::Column::Name,
                job::Column::Queue,
                job::Column::Attempt,
                job::Column::MaxAttempts,
                job::Column::Budget,
                job::Column::WorkerId,
                job::Column::LimitKey,
            ])
            .filter(job::Column::Status.eq(JobStatus::Running))
            .filter(
                Expr::exists(
                    Query::select()
                        .expr(Expr::val(1))
                        .from(worker::Entity)
                        .and_where(
                            Expr::col((worker::Entity, worker::Column::Id))
                                .equals((job::Entity, job::Column::WorkerId)),
                        )
                        .to_owned(),
                )
                .not(),
            )
            .order_by_asc(job::Column::Id)
            .limit(MAINTENANCE_ROWS)
            .into_model()
            .all(&self.db)
            .await
    }

    /// Deletes up to a batch of jobs that have been closed with this status for longer than `age`; returns how many.
    pub(crate) async fn delete_expired(&self, status: JobStatus, age: Duration) -> Result<usize, DbErr> {
        retry_contention(|| async {
            let transaction = self.begin().await?;
            let limit = i64::try_from(MAINTENANCE_ROWS).unwrap_or(i64::MAX);
            let values = [status.code().into(), millis(age).into(), limit.into()];
            let rows = transaction.query_all_raw(statement(self.dialect, self.dialect.expired, values)).await?;
            let ids: Vec<i64> = rows.iter().map(|row| row.try_get_by_index(0)).collect::<Result<_, _>>()?;
            if !ids.is_empty() {
                delete_jobs(&transaction, &ids).await?;
            }
            transaction.commit().await?;
            Ok(ids.len())
        })
        .await
    }
}

impl Store {
    /// Returns the number of workers whose lease holds.
    pub(crate) async fn live_workers(&self) -> Result<u64, DbErr> {
        let holds = Expr::col(worker::Column::ExpiresAt).gte(Expr::cust(self.dialect.clock));
        worker::Entity::find().filter(holds).count(&self.db).await
    }
}

/// Deletes the jobs and everything that belongs to them. The caller provides a transaction and holds the jobs' rows.
pub(crate) async fn delete_jobs<C: ConnectionTrait>(db: &C, ids: &[i64]) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    for sql in dialect.delete.iter().chain([&dialect.delete_jobs]) {
        db.execute_raw(statement(dialect, sql, [json(ids)?.into()])).await?;
    }
    Ok(())
}

/// Deletes one job if it is closed; returns its status.
pub(crate) async fn delete_closed<C: Connection>(db: &C, id: JobId) -> Result<JobStatus, Error> {
    jobs::check_before_lock(db, id).await?;
    // No options: inside the caller's transaction this is a savepoint, which takes none.
    let transaction = db.begin().await?;
    jobs::lock(&transaction, dialect::of(transaction.get_database_backend())?, id).await?;
    let status = jobs::status_now(&transaction, id).await?;
    if status.is_closed() {
        delete_jobs(&transaction, &[id.0]).await?;
    }
    transaction.commit().await?;
    Ok(status)
}
