//! Queues: which are paused, and which jobs are in them.

use std::collections::HashSet;
use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query, SimpleExpr, UnionType};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Select};

use super::Store;
use super::dialect::{self, Dialect};
use super::entity::job;
use super::entity::queue::{Column, Entity, Model};
use crate::model::JobStatus;

/// What is said of a pause.
#[derive(Debug, Default)]
pub(crate) struct NewPause<'p> {
    pub(crate) until: Option<DateTimeUtc>,
    pub(crate) by: Option<&'p str>,
    pub(crate) reason: Option<&'p str>,
}

/// Pauses a queue. One that is already paused keeps its earlier time.
pub(crate) async fn pause<C: ConnectionTrait>(db: &C, queue: &str, new: &NewPause<'_>) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let clock = Expr::cust(dialect.clock);
    let since = Expr::case(is_paused(dialect), Expr::col((Entity, Column::PausedAt))).finally(clock.clone());
    let until = new.until.map_or_else(null, |until| Expr::val(dialect.time(until)));
    set(db, queue, [clock, until, Expr::val(new.by), Expr::val(new.reason)], since.into()).await
}

pub(crate) async fn resume<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), DbErr> {
    set(db, queue, [null(), null(), null(), null()], null()).await
}

fn null() -> SimpleExpr {
    Expr::cust("NULL")
}

/// Sets since when a queue is paused, until when, by whom, and why, whether or not it has a row: `since` if it has one. On MariaDB and
/// MySQL, an update alone of a missing row would lock the gap.
async fn set<C: ConnectionTrait>(db: &C, queue: &str, new: [SimpleExpr; 4], since: SimpleExpr) -> Result<(), DbErr> {
    let [at, until, by, reason] = new;
    // `since` reads what the row has, and MariaDB and MySQL assign in this order.
    let existing = OnConflict::column(Column::Name)
        .value(Column::PausedAt, since)
        .value(Column::PausedUntil, until.clone())
        .value(Column::PausedBy, by.clone())
        .value(Column::PauseReason, reason.clone())
        .to_owned();
    let mut insert = Query::insert();
    insert
        .into_table(Entity)
        .columns([Column::Name, Column::PausedAt, Column::PausedUntil, Column::PausedBy, Column::PauseReason])
        .values_panic([Expr::val(queue), at, until, by, reason])
        .on_conflict(existing);
    db.execute(&insert).await.map(|_| ())
}

/// A pause that has not ended by itself. The statements by which workers look for work spell this, too.
fn is_paused(dialect: &Dialect) -> SimpleExpr {
    let until = || Expr::col((Entity, Column::PausedUntil));
    let goes_on = until().is_null().or(until().gt(Expr::cust(dialect.clock)));
    Expr::col((Entity, Column::PausedAt)).is_not_null().and(goes_on)
}

/// Returns the paused queues.
pub(crate) async fn paused<C: ConnectionTrait>(db: &C) -> Result<Vec<Model>, DbErr> {
    Entity::find().filter(is_paused(dialect::of(db.get_database_backend())?)).all(db).await
}

/// Returns the queue if it is paused.
pub(crate) async fn find_paused<C: ConnectionTrait>(db: &C, queue: &str) -> Result<Option<Model>, DbErr> {
    Entity::find_by_id(queue).filter(is_paused(dialect::of(db.get_database_backend())?)).one(db).await
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
    let rows: Vec<(String, JobStatus, DateTimeUtc, DateTimeUtc, i64)> = open.into_tuple().all(db).await?;
    Ok(rows
        .into_iter()
        .map(|(queue, status, first, now, jobs)| OpenJobs::of(queue, status, first, now, jobs))
        .collect())
}

impl OpenJobs {
    pub(super) fn of(queue: String, status: JobStatus, first: DateTimeUtc, now: DateTimeUtc, jobs: i64) -> Self {
        let due_for = (now - first).to_std().ok().filter(|_| status == JobStatus::Scheduled);
        Self { queue, status, jobs: u64::try_from(jobs).unwrap_or(0), due_for }
    }
}

fn count_of(status: JobStatus, clock: &'static str) -> Select<job::Entity> {
    job::Entity::find()
        .select_only()
        .columns([job::Column::Queue, job::Column::Status])
        .column_as(job::Column::ScheduledAt.min(), "first")
        .column_as(Expr::cust(clock), "now")
        .column_as(job::Column::Id.count(), "jobs")
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
