//! The rows of workers: joining, heartbeats, sleep, leaving.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use sea_orm::prelude::{DateTimeUtc, Json};
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult as _, QueryFilter, QueryOrder as _, QueryResult,
    QuerySelect, QueryTrait as _,
};
use serde::{Deserialize, Serialize};

use super::dialect::Beat;
use super::entity::{job, worker};
use super::{Store, dialect, insert, json, millis, retry_contention, statement};
use crate::model::JobStatus;

/// The process of a worker, for people who read the table.
#[derive(Debug, Clone)]
pub(crate) struct WorkerProcess {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
}

impl fmt::Display for WorkerProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker `{}` (process {} on {})", self.name, self.pid, self.host)
    }
}

/// The queues and names of jobs that a worker serves.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Serves {
    pub(crate) queues: Vec<String>,
    pub(crate) names: Vec<String>,
}

/// A row that is `Running` under a worker, as its heartbeat sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) id: i64,
    pub(crate) version: i64,
    pub(crate) cancel_requested: bool,
}

impl Store {
    /// Inserts the row of a worker that starts; its id is never reused.
    pub(crate) async fn join(&self, process: &WorkerProcess, lease: Duration, serves: &Serves) -> Result<i64, DbErr> {
        let values = vec![
            process.name.clone().into(),
            process.host.clone().into(),
            i64::from(process.pid).into(),
            millis(lease).into(),
            json(serves)?.into(),
        ];
        insert::insert_one(&self.db, self.dialect, &self.dialect.join, values).await
    }

    /// Extends the lease, and returns what is running under this worker according to the database. `None` if the worker's row is gone, and
    /// its jobs with it.
    pub(crate) async fn beat(&self, worker: i64, lease: Duration) -> Result<Option<Vec<Owned>>, DbErr> {
        let values = [millis(lease).into(), worker.into()];
        match self.dialect.beat {
            Beat::Statement(sql) => {
                let rows = self.db.query_all_raw(statement(self.dialect, sql, values)).await?;
                let owned = rows.iter().map(owned).collect::<Result<Vec<_>, _>>()?;
                Ok(if owned.is_empty() { None } else { Some(owned.into_iter().flatten().collect()) })
            }
            Beat::Update(sql, owns) => {
                let beat = self.db.execute_raw(statement(self.dialect, sql, values)).await?;
                if beat.rows_affected() == 0 {
                    return Ok(None);
                }
                let rows = self.db.query_all_raw(statement(self.dialect, owns, [worker.into()])).await?;
                let owned = rows.iter().map(owned).collect::<Result<Vec<_>, _>>()?;
                Ok(Some(owned.into_iter().flatten().collect()))
            }
        }
    }

    /// Records the queues on which the worker sleeps, so that new jobs there wake it; none if it is awake.
    pub(crate) async fn sleep_on(&self, worker: i64, queues: &[String]) -> Result<(), DbErr> {
        let asleep = if queues.is_empty() { None } else { Some(serde_json::json!(queues)) };
        worker::Entity::update_many()
            .col_expr(worker::Column::Asleep, Expr::value(asleep))
            .filter(worker::Column::Id.eq(worker))
            .exec(&self.db)
            .await?;
        Ok(())
    }

    /// Removes the row of a worker that has given everything back.
    pub(crate) async fn leave(&self, worker: i64) -> Result<(), DbErr> {
        retry_contention(|| worker::Entity::delete_by_id(worker).exec(&self.db)).await?;
        Ok(())
    }
}

/// Returns the queues and names that each live worker serves.
pub(crate) async fn serving<C: ConnectionTrait>(db: &C) -> Result<Vec<Serves>, DbErr> {
    let clock = dialect::of(db.get_database_backend())?.clock;
    let live = Expr::col(worker::Column::ExpiresAt).gte(Expr::cust(clock));
    let serves: Vec<Json> =
        worker::Entity::find().select_only().column(worker::Column::Serves).filter(live).into_tuple().all(db).await?;
    Ok(serves.into_iter().filter_map(|serves| serde_json::from_value(serves).ok()).collect())
}

/// Returns since when each live worker has been present without a break longer than its lease, and what it serves.
pub(crate) async fn present<C: ConnectionTrait>(db: &C) -> Result<Vec<(DateTimeUtc, Serves)>, DbErr> {
    let clock = dialect::of(db.get_database_backend())?.clock;
    let rows: Vec<(DateTimeUtc, Option<DateTimeUtc>, Json)> = worker::Entity::find()
        .select_only()
        .columns([worker::Column::StartedAt, worker::Column::ResumedAt, worker::Column::Serves])
        .filter(Expr::col(worker::Column::ExpiresAt).gte(Expr::cust(clock)))
        .into_tuple()
        .all(db)
        .await?;
    let present = |(started_at, resumed_at, serves): (DateTimeUtc, Option<DateTimeUtc>, Json)| {
        Some((resumed_at.unwrap_or(started_at), serde_json::from_value(serves).ok()?))
    };
    Ok(rows.into_iter().filter_map(present).collect())
}

/// Returns all workers, oldest first, each with whether its lease still holds.
pub(crate) async fn all<C: ConnectionTrait>(db: &C) -> Result<Vec<(worker::Model, bool)>, DbErr> {
    let clock = dialect::of(db.get_database_backend())?.clock;
    let live = Expr::col(worker::Column::ExpiresAt).gte(Expr::cust(clock));
    let select = worker::Entity::find().expr_as(live, "is_live").order_by_asc(worker::Column::Id);
    let rows = db.query_all(&select.into_query()).await?;
    rows.iter().map(|row| Ok((worker::Model::from_query_result(row, "")?, row.try_get("", "is_live")?))).collect()
}

/// Returns the number of jobs of each worker that has any.
pub(crate) async fn loads<C: ConnectionTrait>(db: &C) -> Result<HashMap<i64, i64>, DbErr> {
    let rows: Vec<(i64, i64)> = job::Entity::find()
        .select_only()
        .column(job::Column::WorkerId)
        .column_as(job::Column::Id.count(), "jobs")
        .filter(job::Column::Status.eq(JobStatus::Running))
        .filter(job::Column::WorkerId.is_not_null())
        .group_by(job::Column::WorkerId)
        .into_tuple()
        .all(db)
        .await?;
    Ok(rows.into_iter().collect())
}

/// Reads a row of a heartbeat; `None` if nothing runs.
fn owned(row: &QueryResult) -> Result<Option<Owned>, DbErr> {
    let Some(id) = row.try_get("", "id")? else { return Ok(None) };
    let requested: Option<DateTimeUtc> = row.try_get("", "cancel_requested_at")?;
    Ok(Some(Owned { id, version: row.try_get("", "version")?, cancel_requested: requested.is_some() }))
}
