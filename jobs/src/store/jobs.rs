//! Operations of clients and operators on single jobs: look up, cancel, change, retry.

use std::collections::HashSet;

use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait as _, Func, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait as _, UpdateMany,
};
use serde_json::Value as Json;

use super::connection::is_plain;
use super::dialect::Dialect;
use super::entity::attempt;
use super::entity::job::{Column, Entity, Model};
use super::finish::Fence;
use super::{Store, dialect, json, statement};
use crate::error::Error;
use crate::model::{AttemptEnd, JobId, JobStatus};

pub(crate) async fn find<C: ConnectionTrait>(db: &C, id: JobId) -> Result<Model, Error> {
    Entity::find_by_id(id.0).one(db).await?.ok_or(Error::NotFound { id })
}

/// Returns a job's current row, even in a transaction that reads an older snapshot. Locks it if the database locks rows.
pub(crate) async fn find_to_change<C: ConnectionTrait>(db: &C, id: JobId) -> Result<Model, Error> {
    Entity::find_by_id(id.0).lock_exclusive().one(db).await?.ok_or(Error::NotFound { id })
}

pub(crate) async fn status<C: ConnectionTrait>(db: &C, id: JobId) -> Result<JobStatus, Error> {
    let status: Option<JobStatus> =
        Entity::find_by_id(id.0).select_only().column(Column::Status).into_tuple().one(db).await?;
    status.ok_or(Error::NotFound { id })
}

/// Returns a job's current status, even in a transaction that reads an older snapshot. Locks its row if the database locks rows.
pub(crate) async fn status_now<C: ConnectionTrait>(db: &C, id: JobId) -> Result<JobStatus, Error> {
    if is_plain(db) {
        return status(db, id).await;
    }
    let select = Entity::find_by_id(id.0).select_only().column(Column::Status).lock_exclusive();
    let status: Option<JobStatus> = select.into_tuple().one(db).await?;
    status.ok_or(Error::NotFound { id })
}

/// Checks that the job exists before an operation locks its row in the caller's transaction. On a connection, all locks end at once.
pub(crate) async fn check_before_lock<C: ConnectionTrait>(db: &C, id: JobId) -> Result<(), Error> {
    if keeps_gaps_locked(db)? {
        status(db, id).await?;
    }
    Ok(())
}

/// Whether a missing row must not be locked: until the caller's transaction ends, others could not insert it or its neighbors.
pub(crate) fn keeps_gaps_locked<C: ConnectionTrait>(db: &C) -> Result<bool, DbErr> {
    Ok(!is_plain(db) && dialect::of(db.get_database_backend())?.locks_gaps)
}

/// Cancels a waiting job or asks a running one to cancel, in one statement. Returns false if the job is closed or unknown.
pub(crate) async fn cancel<C: ConnectionTrait>(db: &C, id: JobId) -> Result<bool, DbErr> {
    let update = canceling(db)?.filter(Column::Id.eq(id.0)).filter(Column::Status.lte(JobStatus::Running));
    update_one(db, update).await
}

/// Cancels those of these jobs that wait, and asks those that run to cancel. The caller holds their rows, and none is closed.
pub(crate) async fn cancel_all<C: ConnectionTrait>(db: &C, ids: &[i64]) -> Result<(), DbErr> {
    update_all(db, canceling(db)?, ids).await
}

fn canceling<C: ConnectionTrait>(db: &C) -> Result<UpdateMany<Entity>, DbErr> {
    let now = dialect::of(db.get_database_backend())?.clock;
    let waits = || Expr::col(Column::Status).eq(JobStatus::Scheduled.code());
    let if_waiting = |then: SimpleExpr, column: Column| -> SimpleExpr {
        CaseStatement::new().case(waits(), then).finally(Expr::col(column)).into()
    };
    Ok(Entity::update_many()
        .col_expr(Column::Version, if_waiting(Expr::col(Column::Version).add(1), Column::Version))
        .col_expr(Column::FinishedAt, if_waiting(Expr::cust(now), Column::FinishedAt))
        .col_expr(
            Column::CancelRequestedAt,
            Func::coalesce([Expr::col(Column::CancelRequestedAt), Expr::cust(now)]).into(),
        )
        // Last, because MySQL's assignments see the ones before them.
        .col_expr(Column::Status, if_waiting(Expr::val(JobStatus::Canceled.code()), Column::Status)))
}

/// Makes a waiting job due now unless it already is. Returns false if it does not wait.
pub(crate) async fn make_due<C: ConnectionTrait>(db: &C, id: JobId) -> Result<bool, DbErr> {
    let update = making_due(db)?.filter(Column::Id.eq(id.0)).filter(Column::Status.eq(JobStatus::Scheduled));
    update_one(db, update).await
}

/// Makes those of these jobs due now that are not due yet. The caller holds their rows, and all of them wait.
pub(crate) async fn make_all_due<C: ConnectionTrait>(db: &C, ids: &[i64]) -> Result<(), DbErr> {
    update_all(db, making_due(db)?, ids).await
}

fn making_due<C: ConnectionTrait>(db: &C) -> Result<UpdateMany<Entity>, DbErr> {
    let now = dialect::of(db.get_database_backend())?.clock;
    let if_not_due = |then: SimpleExpr, column: Column| -> SimpleExpr {
        let is_not_due = Expr::col(Column::ScheduledAt).gt(Expr::cust(now));
        CaseStatement::new().case(is_not_due, then).finally(Expr::col(column)).into()
    };
    Ok(Entity::update_many()
        .col_expr(Column::Version, if_not_due(Expr::col(Column::Version).add(1), Column::Version))
        // Last, because MySQL's assignments see the ones before them.
        .col_expr(Column::ScheduledAt, if_not_due(Expr::cust(now), Column::ScheduledAt)))
}

/// Executes an update of one job by its id, and returns whether it has changed the job.
async fn update_one<C: ConnectionTrait>(db: &C, update: UpdateMany<Entity>) -> Result<bool, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let mut statement = dialect.backend.build(&update.into_query());
    statement.sql = (dialect.by_id)(&statement.sql);
    Ok(db.execute_raw(statement).await?.rows_affected() == 1)
}

/// Executes an update without conditions on these jobs. Its values are constants, and become part of its text, so that the text is constant
/// and the ids are its only parameter.
async fn update_all<C: ConnectionTrait>(db: &C, update: UpdateMany<Entity>, ids: &[i64]) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let update = dialect.backend.build(&update.into_query()).to_string();
    db.execute_raw(statement(dialect, &(dialect.by_ids)(&update), [json(ids)?.into()])).await.map(drop)
}

/// Replaces the parameters of a waiting job that is still at this version, and the key that they give.
pub(crate) async fn replace_parameters<C: ConnectionTrait>(
    db: &C,
    id: JobId,
    version: i64,
    parameters: Json,
    limit_key: &str,
) -> Result<bool, DbErr> {
    let update = Entity::update_many()
        .col_expr(Column::Parameters, Expr::value(parameters))
        .col_expr(Column::LimitKey, Expr::value(limit_key))
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .filter(Column::Id.eq(id.0))
        .filter(Column::Version.eq(version))
        .filter(Column::Status.eq(JobStatus::Scheduled));
    update_one(db, update).await
}

/// Schedules a closed job again, now, with a fresh budget of attempts. Returns false if it is not closed or does not exist.
pub(crate) async fn retry<C: ConnectionTrait>(db: &C, id: JobId) -> Result<bool, DbErr> {
    let update = retrying(db)?.filter(Column::Id.eq(id.0)).filter(Column::Status.gte(JobStatus::Canceled));
    update_one(db, update).await
}

/// Schedules these jobs again. The caller holds their rows, and all of them are closed.
pub(crate) async fn retry_all<C: ConnectionTrait>(db: &C, ids: &[i64]) -> Result<(), DbErr> {
    update_all(db, retrying(db)?, ids).await
}

fn retrying<C: ConnectionTrait>(db: &C) -> Result<UpdateMany<Entity>, DbErr> {
    let now = dialect::of(db.get_database_backend())?.clock;
    Ok(Entity::update_many()
        .col_expr(Column::Version, Expr::col(Column::Version).add(1))
        .col_expr(Column::MaxAttempts, Expr::col(Column::Attempt).add(Expr::col(Column::Budget)))
        .col_expr(Column::ScheduledAt, Expr::cust(now))
        .col_expr(Column::Results, Expr::cust("NULL"))
        .col_expr(Column::Progress, Expr::value(0_i16))
        .col_expr(Column::StartedAt, Expr::cust("NULL"))
        .col_expr(Column::FinishedAt, Expr::cust("NULL"))
        .col_expr(Column::CancelRequestedAt, Expr::cust("NULL"))
        .col_expr(Column::LastError, Expr::cust("NULL"))
        .col_expr(Column::Status, Expr::value(JobStatus::Scheduled.code())))
}

/// Locks the job's row in the caller's transaction, waiting for whoever has locked it. If the database has one writer, becomes that
/// writer: a transaction that reads before it writes may be refused.
pub(crate) async fn lock<C: ConnectionTrait>(db: &C, dialect: &Dialect, id: JobId) -> Result<(), DbErr> {
    if dialect.row_locks {
        let select = Entity::find_by_id(id.0).select_only().column(Column::Id).lock_exclusive();
        return select.into_tuple::<i64>().one(db).await.map(|_| ());
    }
    let unchanged = Entity::update_many().col_expr(Column::Version, Expr::col(Column::Version));
    unchanged.filter(Column::Id.eq(id.0)).exec(db).await.map(|_| ())
}

/// Returns the status of each of these jobs that exists.
pub(crate) async fn statuses<C: ConnectionTrait>(db: &C, ids: &[i64]) -> Result<Vec<(i64, JobStatus)>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let rows = db.query_all_raw(statement(dialect, dialect.statuses, [json(ids)?.into()])).await?;
    rows.iter().map(|row| Ok((row.try_get("", "id")?, row.try_get("", "status")?))).collect()
}

/// The state of a job's row, and who wrote it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowState {
    pub(crate) id: i64,
    pub(crate) version: i64,
    pub(crate) status: JobStatus,
    pub(crate) worker: Option<i64>,
}

impl Store {
    /// Returns the states of these jobs' rows, which show whether a write took effect.
    pub(crate) async fn row_states(&self, ids: &[i64]) -> Result<Vec<RowState>, DbErr> {
        let mut states = Vec::with_capacity(ids.len());
        // Usually just a few: those that a batch could not write.
        for chunk in ids.chunks(100) {
            let rows: Vec<(i64, i64, JobStatus, Option<i64>)> = Entity::find()
                .select_only()
                .columns([Column::Id, Column::Version, Column::Status, Column::WorkerId])
                .filter(Column::Id.is_in(chunk.iter().copied()))
                .into_tuple()
                .all(&self.db)
                .await?;
            states.extend(rows.into_iter().map(|(id, version, status, worker)| RowState {
                id,
                version,
                status,
                worker,
            }));
        }
        Ok(states)
    }

    /// Returns the versions of these jobs that their owner ended, as far as the history shows: a lost attempt was ended by another worker.
    pub(crate) async fn ended_by_owner(&self, ids: &[i64]) -> Result<HashSet<Fence>, DbErr> {
        let mut ended = HashSet::new();
        for chunk in ids.chunks(100) {
            let rows: Vec<Fence> = attempt::Entity::find()
                .select_only()
                .columns([attempt::Column::JobId, attempt::Column::Version])
                .filter(attempt::Column::JobId.is_in(chunk.iter().copied()))
                .filter(attempt::Column::How.ne(AttemptEnd::Lost.as_str()))
                .into_tuple()
                .all(&self.db)
                .await?;
            ended.extend(rows);
        }
        Ok(ended)
    }

    /// Whether another open transaction has locked the job's row.
    pub(crate) async fn is_locked(&self, id: i64) -> Result<bool, DbErr> {
        if !self.dialect.row_locks {
            return Ok(false);
        }
        let transaction = self.begin().await?;
        let row = transaction.query_one_raw(statement(self.dialect, self.dialect.lock_one, [id.into()])).await?;
        transaction.rollback().await?;
        Ok(row.is_none())
    }
}
