//! For which of their times schedules have fired. Whoever writes here holds the schedule's row, see [`super::cron`].

use std::collections::HashMap;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::cron::{clock, insert_new, time};
pub(crate) use crate::entity::cron_firing::Model as FiringRow;
use crate::entity::cron_firing::{Column, Entity};
use crate::entity::job;

/// How many firings of each schedule are kept.
const KEPT_FIRINGS: u64 = 100;

/// The latest firings of a schedule, newest first.
pub(crate) async fn of<C: ConnectionTrait>(db: &C, name: &str) -> Result<Vec<FiringRow>, DbErr> {
    Entity::find().filter(Column::Schedule.eq(name)).order_by_desc(Column::NominalAt).limit(KEPT_FIRINGS).all(db).await
}

/// The latest time for which each schedule has fired.
pub(crate) async fn latest<C: ConnectionTrait>(db: &C) -> Result<HashMap<String, DateTimeUtc>, DbErr> {
    let latest: Vec<(String, DateTimeUtc)> = Entity::find()
        .select_only()
        .column(Column::Schedule)
        .column_as(Column::NominalAt.max(), "latest")
        .group_by(Column::Schedule)
        .into_tuple()
        .all(db)
        .await?;
    Ok(latest.into_iter().collect())
}

/// Takes a time of a schedule, for which nobody has fired yet. False: somebody has.
pub(crate) async fn take<C: ConnectionTrait>(db: &C, name: &str, nominal_at: DateTimeUtc) -> Result<bool, DbErr> {
    use Column::{FiredAt, NominalAt, Schedule};
    let mut insert = Query::insert();
    insert.into_table(Entity).columns([Schedule, NominalAt, FiredAt]).values_panic([
        Expr::val(name),
        time(db, Some(nominal_at))?,
        clock(db)?,
    ]);
    insert_new(db, &insert).await
}

/// This job, which nobody else has seen yet, was scheduled for that time.
pub(crate) async fn set_nominal<C: ConnectionTrait>(db: &C, job: i64, nominal_at: DateTimeUtc) -> Result<(), DbErr> {
    let update = job::Entity::update_many().col_expr(job::Column::NominalAt, time(db, Some(nominal_at))?);
    update.filter(job::Column::Id.eq(job)).exec(db).await.map(drop)
}

/// For this time of a schedule there is this job.
pub(crate) async fn fired<C: ConnectionTrait>(
    db: &C,
    name: &str,
    nominal_at: DateTimeUtc,
    job: i64,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::JobId, Expr::val(job))
        .filter(Column::Schedule.eq(name))
        .filter(Expr::col(Column::NominalAt).eq(time(db, Some(nominal_at))?))
        .exec(db)
        .await
        .map(drop)
}

/// Forgets all but the latest firings.
pub(crate) async fn forget_old<C: ConnectionTrait>(db: &C, name: &str) -> Result<(), DbErr> {
    let oldest_kept: Option<DateTimeUtc> = Entity::find()
        .select_only()
        .column(Column::NominalAt)
        .filter(Column::Schedule.eq(name))
        .order_by_desc(Column::NominalAt)
        .offset(KEPT_FIRINGS - 1)
        .limit(1)
        .into_tuple()
        .one(db)
        .await?;
    let Some(oldest_kept) = oldest_kept else { return Ok(()) };
    Entity::delete_many()
        .filter(Column::Schedule.eq(name))
        .filter(Expr::col(Column::NominalAt).lt(time(db, Some(oldest_kept))?))
        .exec(db)
        .await
        .map(drop)
}
