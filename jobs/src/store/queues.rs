//! Queues: which are paused, and which jobs are in them.

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, OnConflict, Query, SimpleExpr, UnionType};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};

use super::entity::job;
use super::entity::queue::{Column, Entity, Model};
use super::{Store, dialect};
use crate::model::JobStatus;

/// Pauses a queue. One that is already paused keeps its earlier time.
pub(crate) async fn pause<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), DbErr> {
    let clock = Expr::cust(dialect::of(db.get_database_backend())?.clock);
    let since = Func::coalesce([Expr::col((Entity, Column::PausedAt)), clock.clone()]);
    set(db, queue, clock, since.into()).await
}

pub(crate) async fn resume<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), DbErr> {
    set(db, queue, Expr::cust("NULL"), Expr::cust("NULL")).await
}

/// Sets since when a queue is paused, whether or not it has a row. On MariaDB and MySQL, an update alone of a missing row would lock the
/// gap.
async fn set<C: ConnectionTrait>(db: &C, queue: &str, new: SimpleExpr, since: SimpleExpr) -> Result<(), DbErr> {
    let mut insert = Query::insert();
    insert
        .into_table(Entity)
        .columns([Column::Name, Column::PausedAt])
        .values_panic([Expr::val(queue), new])
        .on_conflict(OnConflict::column(Column::Name).value(Column::PausedAt, since).to_owned());
    db.execute(&insert).await.map(|_| ())
}

/// Returns the paused queues.
pub(crate) async fn paused<C: ConnectionTrait>(db: &C) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::PausedAt.is_not_null()).all(db).await
}

impl Store {
    /// Returns the names of the paused queues.
    pub(crate) async fn paused(&self) -> Result<HashSet<String>, DbErr> {
        Ok(paused(&self.db).await?.into_iter().map(|queue| queue.name).collect())
    }
}

/// The open jobs of one queue and status.
#[derive(Debug)]
pub(crate) struct OpenJobs {
    pub(crate) queue: String,
    pub(crate) status: JobStatus,
    pub(crate) jobs: u64,
    /// How long the first waiting job has been due; `None` if none is.
    pub(crate) due_for: Option<Duration>,
}

/// The statuses of jobs that are not closed.
pub(crate) const OPEN: [JobStatus; 2] = [JobStatus::Scheduled, JobStatus::Running];

/// Counts waiting and running jobs in one statement, which reads no closed job.
pub(crate) async fn open_jobs<C: ConnectionTrait>(db: &C) -> Result<Vec<OpenJobs>, DbErr> {
    let clock = dialect::of(db.get_database_backend())?.clock;
    let [mut open, running] = OPEN.map(|status| count_of(status, clock));
    QueryTrait::query(&mut open).union(UnionType::All, running.into_query());
    let rows: Vec<(String, JobStatus, i64, DateTimeUtc, DateTimeUtc)> = open.into_tuple().all(db).await?;
    let read = |(queue, status, jobs, first, now): (_, _, i64, DateTimeUtc, DateTimeUtc)| OpenJobs {
        queue,
        status,
        jobs: u64::try_from(jobs).unwrap_or(0),
        due_for: (now - first).to_std().ok().filter(|_| status == JobStatus::Scheduled),
    };
    Ok(rows.into_iter().map(read).collect())
}

fn count_of(status: JobStatus, clock: &'static str) -> Select<job::Entity> {
    job::Entity::find()
        .select_only()
        .columns([job::Column::Queue, job::Column::Status])
        .column_as(job::Column::Id.count(), "jobs")
        .column_as(job::Column::ScheduledAt.min(), "first")
        .column_as(Expr::cust(clock), "now")
        // No bound value: a partial index is used only if the statement contains its condition.
        .filter(Expr::col(job::Column::Status).eq(Expr::Constant(status.code().into())))
        .group_by(job::Column::Queue)
        .group_by(job::Column::Status)
}

/// Counts all jobs, by queue and status.
pub(crate) async fn counts<C: ConnectionTrait>(db: &C) -> Result<Vec<(String, JobStatus, i64)>, DbErr> {
    job::Entity::find()
        .select_only()
        .columns([job::Column::Queue, job::Column::Status])
        .column_as(job::Column::Id.count(), "jobs")
        .group_by(job::Column::Queue)
        .group_by(job::Column::Status)
        .into_tuple()
        .all(db)
        .await
}
