//! Queries for `doctor`: clocks, late schedules, and attempts and transactions that take a long time.

use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

pub(crate) use super::clock;
#[cfg(feature = "cli")]
pub(crate) use super::dialect::health::missing_file;
pub(crate) use super::dialect::health::{OpenTransaction, OpenTransactions};
use super::dialect::{self, health};
use super::entity::{audit, cron, job, stat, worker};
use crate::error::fault;
use crate::model::{JobId, JobStatus};

/// Checks that the tables can be read, with the columns that are known here.
pub(crate) async fn tables<C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    worker::Entity::find().limit(1).all(db).await?;
    job::Entity::find().limit(1).all(db).await?;
    cron::Entity::find().limit(1).all(db).await?;
    may_be_denied(audit::Entity::find().limit(1).all(db).await)?;
    may_be_denied(stat::Entity::find().limit(1).all(db).await)
}

/// An account that only schedules needs no rights on some tables.
fn may_be_denied<T>(read: Result<T, DbErr>) -> Result<(), DbErr> {
    match read {
        Err(error) if !fault::is_denied(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Returns the jobs that were closed at this time or later, latest first; at most `limit`.
#[cfg(feature = "cli")]
pub(crate) async fn closed_since<C: ConnectionTrait>(
    db: &C,
    time: DateTimeUtc,
    limit: u64,
) -> Result<Vec<job::Model>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let closed = [JobStatus::Canceled, JobStatus::Failed, JobStatus::Terminated];
    job::Entity::find()
        .filter(job::Column::Status.is_in(closed))
        // No bound value: a partial index is used only if the statement contains its condition.
        .filter(Expr::col(job::Column::Status).gte(Expr::Constant(JobStatus::Canceled.code().into())))
        .filter(Expr::col(job::Column::FinishedAt).gte(dialect.time(time)))
        .order_by_desc(job::Column::FinishedAt)
        .order_by_desc(job::Column::Id)
        .limit(limit)
        .all(db)
        .await
}

/// A running attempt.
#[derive(Debug)]
pub(crate) struct LongAttempt {
    pub(crate) id: JobId,
    pub(crate) name: String,
    pub(crate) attempt: i32,
    pub(crate) started_at: DateTimeUtc,
}

/// Returns the attempts that started before this time, oldest first; at most `limit`.
pub(crate) async fn attempts_since_before<C: ConnectionTrait>(
    db: &C,
    time: DateTimeUtc,
    limit: u64,
) -> Result<Vec<LongAttempt>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let rows: Vec<(i64, String, i32, DateTimeUtc)> = job::Entity::find()
        .select_only()
        .columns([job::Column::Id, job::Column::Name, job::Column::Attempt, job::Column::StartedAt])
        // As above.
        .filter(Expr::col(job::Column::Status).eq(Expr::Constant(JobStatus::Running.code().into())))
        .filter(Expr::col(job::Column::StartedAt).lt(dialect.time(time)))
        .order_by_asc(job::Column::StartedAt)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await?;
    let attempt = |(id, name, attempt, started_at)| LongAttempt { id: JobId(id), name, attempt, started_at };
    Ok(rows.into_iter().map(attempt).collect())
}

/// A schedule that has not fired.
#[derive(Debug)]
pub(crate) struct LateSchedule {
    pub(crate) name: String,
    pub(crate) job: String,
    pub(crate) next_at: DateTimeUtc,
}

/// Returns the schedules that should have fired before this time, and are not paused, by name.
pub(crate) async fn schedules_due_before<C: ConnectionTrait>(
    db: &C,
    time: DateTimeUtc,
) -> Result<Vec<LateSchedule>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let rows: Vec<(String, String, DateTimeUtc)> = cron::Entity::find()
        .select_only()
        .columns([cron::Column::Name, cron::Column::Job, cron::Column::NextAt])
        .filter(cron::Column::PausedAt.is_null())
        .filter(Expr::col(cron::Column::NextAt).lt(dialect.time(time)))
        .order_by_asc(cron::Column::Name)
        .into_tuple()
        .all(db)
        .await?;
    let schedule = |(name, job, next_at)| LateSchedule { name, job, next_at };
    Ok(rows.into_iter().map(schedule).collect())
}

/// Returns the transactions that have been open for longer than `limit`. Fails if this user may not see them.
pub(crate) async fn open_transactions<C: ConnectionTrait>(db: &C, limit: Duration) -> Result<OpenTransactions, DbErr> {
    health::open_transactions(db, dialect::of(db.get_database_backend())?, limit).await
}
