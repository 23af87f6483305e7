//! Queries and changes that tests need.

use std::collections::HashMap;
use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, IdenStatic as _, Iterable as _, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::entity::job::{Column, Entity, Model};
use super::entity::{
    attempt, audit, cron, cron_firing, job, key, limit, limit_lock, limit_use, message, queue, stat, worker,
};
use super::{cron as schedules, dialect, firings, millis, statement};
use crate::model::JobStatus;

/// Makes all waiting jobs and all schedules due this much sooner.
pub(crate) async fn advance<C: ConnectionTrait>(db: &C, time: Duration) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    db.execute_raw(statement(dialect, dialect.advance, [millis(time).into()])).await?;
    advance_schedules(db, TimeDelta::milliseconds(millis(time))).await
}

/// Moves all next times, and all firings, of schedules back by this time.
async fn advance_schedules<C: ConnectionTrait>(db: &C, time_passed: TimeDelta) -> Result<(), DbErr> {
    for schedule in schedules::all(db).await? {
        if let Some(next_at) = schedule.next_at {
            schedules::set_next(db, &[(&schedule.name, Some(next_at - time_passed))]).await?;
        }
        // Oldest first, so that none moves onto one that has not moved yet.
        for firing in firings::of(db, &schedule.name).await?.iter().rev() {
            cron_firing::Entity::update_many()
                .col_expr(cron_firing::Column::NominalAt, schedules::time(db, Some(firing.nominal_at - time_passed))?)
                .col_expr(cron_firing::Column::FiredAt, schedules::time(db, Some(firing.fired_at - time_passed))?)
                .filter(cron_firing::Column::Schedule.eq(&schedule.name))
                .filter(Expr::col(cron_firing::Column::NominalAt).eq(schedules::time(db, Some(firing.nominal_at))?))
                .exec(db)
                .await?;
        }
    }
    Ok(())
}

/// Returns the waiting jobs with these names, oldest first.
pub(crate) async fn waiting<C: ConnectionTrait>(db: &C, names: &[&str]) -> Result<Vec<Model>, DbErr> {
    let of_names = Entity::find().filter(Column::Name.is_in(names.iter().copied()));
    of_names.filter(Column::Status.eq(JobStatus::Scheduled)).order_by_asc(Column::Id).all(db).await
}

/// Returns the queues in which jobs are due.
pub(crate) async fn due_queues<C: ConnectionTrait>(db: &C) -> Result<Vec<String>, DbErr> {
    let clock = dialect::of(db.get_database_backend())?.clock;
    Entity::find()
        .select_only()
        .column(Column::Queue)
        .distinct()
        .filter(Column::Status.eq(JobStatus::Scheduled))
        .filter(Expr::col(Column::ScheduledAt).lte(Expr::cust(clock)))
        .order_by_asc(Column::Queue)
        .into_tuple()
        .all(db)
        .await
}

/// Returns how many attempts of each job were started.
pub(crate) async fn attempts<C: ConnectionTrait>(db: &C) -> Result<HashMap<i64, i32>, DbErr> {
    let select = Entity::find().select_only().columns([Column::Id, Column::Attempt]);
    Ok(select.into_tuple::<(i64, i32)>().all(db).await?.into_iter().collect())
}

/// Returns the jobs that have started more attempts than these, oldest first.
pub(crate) async fn executed_since<C: ConnectionTrait>(
    db: &C,
    attempts: &HashMap<i64, i32>,
) -> Result<Vec<Model>, DbErr> {
    let mut jobs = Entity::find().order_by_asc(Column::Id).all(db).await?;
    jobs.retain(|job| job.attempt > attempts.get(&job.id).copied().unwrap_or(0));
    Ok(jobs)
}

/// Returns the tables' columns as their entities have them: the table, the column, and whether it may be `NULL`.
#[must_use]
pub fn entity_columns() -> Vec<(String, String, bool)> {
    [
        columns_of(job::Entity),
        columns_of(message::Entity),
        columns_of(attempt::Entity),
        columns_of(worker::Entity),
        columns_of(queue::Entity),
        columns_of(key::Entity),
        columns_of(cron::Entity),
        columns_of(cron_firing::Entity),
        columns_of(audit::Entity),
        columns_of(stat::Entity),
        columns_of(limit::Entity),
        columns_of(limit_use::Entity),
        columns_of(limit_lock::Entity),
    ]
    .concat()
}

fn columns_of<E: EntityTrait>(entity: E) -> Vec<(String, String, bool)> {
    let column =
        |column: E::Column| (entity.table_name().to_owned(), column.as_str().to_owned(), column.def().is_null());
    E::Column::iter().map(column).collect()
}
