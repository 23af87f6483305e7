//! Schedules. For which of their times they have fired, see [`super::firings`].
//!
//! Rows are locked in this order: whoever fires holds the schedule's row in `jobs_cron`, takes the time in `jobs_cron_firing`, and only then
//! whatever the scheduling of a job takes. No other transaction of ours locks a schedule's row after any of these; where one of the
//! caller's does, the database ends one of both, and ours is repeated.

use std::time::Duration;

use sea_orm::prelude::{DateTimeUtc, Json};
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, InsertStatement, LockBehavior, LockType, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult as _, QueryFilter, QueryOrder, QuerySelect,
    QueryTrait as _, Select,
};

use super::dialect;
pub(crate) use crate::entity::cron::Model as Row;
use crate::entity::cron::{Column, Entity};
use crate::entity::cron_firing;

/// A schedule to write.
#[derive(Debug, Clone)]
pub(crate) struct NewSchedule {
    pub(crate) name: String,
    pub(crate) job: String,
    pub(crate) expression: String,
    pub(crate) timezone: String,
    pub(crate) parameters: Json,
    pub(crate) options: Json,
    pub(crate) missed: String,
    pub(crate) source: &'static str,
}

impl NewSchedule {
    /// Whether this schedule has the same times.
    pub(crate) fn has_times_of(&self, row: &Row) -> bool {
        self.expression == row.expression && self.timezone == row.timezone && row.next_at.is_some()
    }
}

/// An instant as it is stored; none.
pub(super) fn time<C: ConnectionTrait>(db: &C, at: Option<DateTimeUtc>) -> Result<SimpleExpr, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    Ok(at.map_or_else(|| Expr::cust("NULL"), |at| Expr::val(dialect.time(at))))
}

pub(super) fn clock<C: ConnectionTrait>(db: &C) -> Result<SimpleExpr, DbErr> {
    Ok(Expr::cust(dialect::of(db.get_database_backend())?.clock))
}

pub(crate) async fn find<C: ConnectionTrait>(db: &C, name: &str) -> Result<Option<Row>, DbErr> {
    Entity::find_by_id(name).one(db).await
}

/// The schedule, locked for the rest of the transaction: meanwhile nobody fires, changes or removes it. Where there is one writer, to be
/// it: a transaction that reads before it writes may be refused.
pub(crate) async fn lock<C: ConnectionTrait>(db: &C, name: &str) -> Result<Option<Row>, DbErr> {
    if dialect::of(db.get_database_backend())?.row_locks {
        return Entity::find_by_id(name).lock_exclusive().one(db).await;
    }
    let unchanged = Entity::update_many().col_expr(Column::Source, Expr::col(Column::Source).into());
    unchanged.filter(Column::Name.eq(name)).exec(db).await?;
    find(db, name).await
}

/// All schedules, by name.
pub(crate) async fn all<C: ConnectionTrait>(db: &C) -> Result<Vec<Row>, DbErr> {
    Entity::find().order_by_asc(Column::Name).all(db).await
}

/// Those of these names, locked where rows can be.
pub(crate) async fn named<C: ConnectionTrait>(db: &C, names: &[&str], lock: bool) -> Result<Vec<Row>, DbErr> {
    let mut select = Entity::find().filter(Column::Name.is_in(names.iter().copied())).order_by_asc(Column::Name);
    if lock {
        select = select.lock_exclusive();
    }
    select.all(db).await
}

/// False: there is one of this name.
pub(crate) async fn insert<C: ConnectionTrait>(
    db: &C,
    new: &NewSchedule,
    next_at: Option<DateTimeUtc>,
) -> Result<bool, DbErr> {
    use Column::{CreatedAt, Expression, Job, Missed, Name, NextAt, Options, Parameters, Source, Timezone};
    let mut insert = Query::insert();
    insert
        .into_table(Entity)
        .columns([Name, Job, Expression, Timezone, Parameters, Options, Missed, Source, NextAt, CreatedAt])
        .values_panic([
            Expr::val(&new.name),
            Expr::val(&new.job),
            Expr::val(&new.expression),
            Expr::val(&new.timezone),
            Expr::val(new.parameters.clone()),
            Expr::val(new.options.clone()),
            Expr::val(&new.missed),
            Expr::val(new.source),
            time(db, next_at)?,
            clock(db)?,
        ]);
    insert_new(db, &insert).await
}

/// False: there is a row with this key.
pub(super) async fn insert_new<C: ConnectionTrait>(db: &C, insert: &InsertStatement) -> Result<bool, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let mut statement = dialect.backend.build(insert);
    statement.sql = (dialect.unless_there)(&statement.sql);
    Ok(db.execute_raw(statement).await?.rows_affected() == 1)
}

/// Replaces all but when it was made and whether it is paused; the next time where another is given. False: no schedule of this name
/// comes from there.
pub(crate) async fn update<C: ConnectionTrait>(
    db: &C,
    new: &NewSchedule,
    next_at: Option<DateTimeUtc>,
) -> Result<bool, DbErr> {
    let mut update = Entity::update_many()
        .col_expr(Column::Job, Expr::val(&new.job))
        .col_expr(Column::Expression, Expr::val(&new.expression))
        .col_expr(Column::Timezone, Expr::val(&new.timezone))
        .col_expr(Column::Parameters, Expr::val(new.parameters.clone()))
        .col_expr(Column::Options, Expr::val(new.options.clone()))
        .col_expr(Column::Missed, Expr::val(&new.missed));
    if next_at.is_some() {
        update = update.col_expr(Column::NextAt, time(db, next_at)?);
    }
    let updated = update.filter(Column::Name.eq(&new.name)).filter(Column::Source.eq(new.source)).exec(db).await?;
    Ok(updated.rows_affected == 1)
}

/// Pauses it; one that is paused stays so since then. False: there is none of this name.
pub(crate) async fn pause<C: ConnectionTrait>(db: &C, name: &str) -> Result<bool, DbErr> {
    let since: SimpleExpr = Func::coalesce([Expr::col(Column::PausedAt), clock(db)?]).into();
    let pause = Entity::update_many().col_expr(Column::PausedAt, since).filter(Column::Name.eq(name));
    Ok(pause.exec(db).await?.rows_affected == 1)
}

/// Lets it fire again, from this time on. Changes nothing where it fires.
pub(crate) async fn resume<C: ConnectionTrait>(db: &C, name: &str, next_at: Option<DateTimeUtc>) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::NextAt, time(db, next_at)?)
        .col_expr(Column::PausedAt, Expr::cust("NULL"))
        .filter(Column::Name.eq(name))
        .filter(Column::PausedAt.is_not_null().or(Column::NextAt.is_null()))
        .exec(db)
        .await
        .map(drop)
}

/// Deletes it, with its history. False: there is none of this name.
pub(crate) async fn remove<C: ConnectionTrait>(db: &C, name: &str) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id(name).exec(db).await?;
    cron_firing::Entity::delete_many().filter(cron_firing::Column::Schedule.eq(name)).exec(db).await?;
    Ok(deleted.rows_affected == 1)
}

/// Which schedules a worker fires.
pub(crate) struct Which<'a> {
    /// Those of these jobs,
    pub(crate) jobs: &'a [&'static str],
    /// but for these.
    pub(crate) but: &'a [String],
}

impl Which<'_> {
    fn select(&self) -> Select<Entity> {
        let select = Entity::find().filter(Column::PausedAt.is_null());
        let select = select.filter(Column::Job.is_in(self.jobs.iter().copied()));
        if self.but.is_empty() { select } else { select.filter(Column::Name.is_not_in(self.but)) }
    }
}

/// How long it is until the first of these schedules is due, zero where one is; `None` where there is none.
pub(crate) async fn due_in<C: ConnectionTrait>(db: &C, which: &Which<'_>) -> Result<Option<Duration>, DbErr> {
    let select = which.select().select_only().column_as(Column::NextAt.min(), "next_at").column_as(clock(db)?, "now");
    let Some(row) = db.query_one(&select.into_query()).await? else { return Ok(None) };
    let next_at: Option<DateTimeUtc> = row.try_get("", "next_at")?;
    let now: DateTimeUtc = row.try_get("", "now")?;
    Ok(next_at.map(|next_at| (next_at - now).to_std().unwrap_or_default()))
}

/// The first of these schedules that is due, locked for the rest of the transaction, and the time now. One that somebody else has
/// locked is about to be fired by them.
pub(crate) async fn lock_due<C: ConnectionTrait>(
    db: &C,
    which: &Which<'_>,
) -> Result<Option<(Row, DateTimeUtc)>, DbErr> {
    let select = which
        .select()
        .expr_as(clock(db)?, "now")
        .filter(Expr::col(Column::NextAt).lte(clock(db)?))
        .order_by_asc(Column::NextAt)
        .limit(1)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    let row = db.query_one(&select.into_query()).await?;
    row.map(|row| Ok((Row::from_query_result(&row, "")?, row.try_get("", "now")?))).transpose()
}

/// When it fires next; `None`: not any more.
pub(crate) async fn set_next<C: ConnectionTrait>(
    db: &C,
    name: &str,
    next_at: Option<DateTimeUtc>,
) -> Result<(), DbErr> {
    let update = Entity::update_many().col_expr(Column::NextAt, time(db, next_at)?);
    update.filter(Column::Name.eq(name)).exec(db).await.map(drop)
}
