//! Workers' own rows: joining, heartbeats, sleep, leaving.

use std::time::Duration;

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect};
use serde::{Deserialize, Serialize};

use super::{Store, insert, json, millis, statement};
use crate::JobStatus;
use crate::entity::{job, worker};

/// Who a worker is, for those who look at the table.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) host: String,
    pub(crate) pid: u32,
}

/// What a worker serves.
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
    /// A row for a worker that starts; its id is new for ever.
    pub(crate) async fn join(&self, identity: &Identity, lease: Duration, serves: &Serves) -> Result<i64, DbErr> {
        let values = vec![
            identity.name.clone().into(),
            identity.host.clone().into(),
            i64::from(identity.pid).into(),
            millis(lease).into(),
            json(serves)?.into(),
        ];
        insert::insert_one(&self.db, self.dialect, &self.dialect.join, values).await
    }

    /// Extends the lease. False: the row is gone, and the worker's jobs with it.
    pub(crate) async fn beat(&self, worker: i64, lease: Duration) -> Result<bool, DbErr> {
        let values = [millis(lease).into(), worker.into()];
        let result = self.db.execute_raw(statement(self.dialect, self.dialect.beat, values)).await?;
        Ok(result.rows_affected() == 1)
    }

    /// What the database says is running under this worker.
    pub(crate) async fn owned(&self, worker: i64) -> Result<Vec<Owned>, DbErr> {
        use sea_orm::prelude::DateTimeUtc;
        let rows: Vec<(i64, i64, Option<DateTimeUtc>)> = job::Entity::find()
            .select_only()
            .columns([job::Column::Id, job::Column::Version, job::Column::CancelRequestedAt])
            .filter(job::Column::Status.eq(JobStatus::Running))
            .filter(job::Column::WorkerId.eq(worker))
            .into_tuple()
            .all(&self.db)
            .await?;
        Ok(rows
            .into_iter()
            .map(|(id, version, requested)| Owned { id, version, cancel_requested: requested.is_some() })
            .collect())
    }

    /// Says on which queues the worker sleeps, so that new jobs there wake it; on none where it is awake.
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
        worker::Entity::delete_by_id(worker).exec(&self.db).await?;
        Ok(())
    }
}
