//! Queues: which are paused, and what is in them.

use std::collections::HashSet;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{CaseStatement, Expr, ExprTrait as _, Func, OnConflict, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, QueryFilter, QuerySelect};

use super::{Store, dialect};
use crate::JobStatus;
use crate::entity::job;
use crate::entity::queue::{Column, Entity, Model};

/// Pauses a queue. One that is paused already stays so since then.
pub(crate) async fn pause<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), DbErr> {
    let clock = Expr::cust(dialect::of(db.get_database_backend())?.clock);
    let since = Func::coalesce([Expr::col((Entity, Column::PausedAt)), clock.clone()]);
    let mut insert = Query::insert();
    insert
        .into_table(Entity)
        .columns([Column::Name, Column::PausedAt])
        .values_panic([Expr::val(queue), clock])
        .on_conflict(OnConflict::column(Column::Name).value(Column::PausedAt, since).to_owned());
    db.execute(&insert).await.map(|_| ())
}

pub(crate) async fn resume<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), DbErr> {
    let resume = Entity::update_many().col_expr(Column::PausedAt, Expr::cust("NULL"));
    resume.filter(Column::Name.eq(queue)).exec(db).await.map(|_| ())
}

/// The paused queues.
pub(crate) async fn paused<C: ConnectionTrait>(db: &C) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(Column::PausedAt.is_not_null()).all(db).await
}

impl Store {
    /// The names of the paused queues.
    pub(crate) async fn paused(&self) -> Result<HashSet<String>, DbErr> {
        Ok(paused(&self.db).await?.into_iter().map(|queue| queue.name).collect())
    }
}

/// The jobs of one queue and status.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Contents {
    pub(crate) queue: String,
    pub(crate) status: JobStatus,
    pub(crate) jobs: i64,
    /// When the first of those was due that are waiting and due.
    pub(crate) first_due: Option<DateTimeUtc>,
    /// The statement's time.
    pub(crate) now: DateTimeUtc,
}

/// What is in the queues. Reads all jobs.
pub(crate) async fn contents<C: ConnectionTrait>(db: &C) -> Result<Vec<Contents>, DbErr> {
    let clock = dialect::of(db.get_database_backend())?.clock;
    let due_at = Expr::col(job::Column::ScheduledAt);
    let is_due = job::Column::Status.eq(JobStatus::Scheduled).and(due_at.clone().lte(Expr::cust(clock)));
    let first_due = Func::min(CaseStatement::new().case(is_due, due_at));
    job::Entity::find()
        .select_only()
        .columns([job::Column::Queue, job::Column::Status])
        .column_as(job::Column::Id.count(), "jobs")
        .expr_as(first_due, "first_due")
        .expr_as(Expr::cust(clock), "now")
        .group_by(job::Column::Queue)
        .group_by(job::Column::Status)
        .into_model()
        .all(db)
        .await
}
