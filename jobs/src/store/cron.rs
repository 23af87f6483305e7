//! Schedules. See [`super::firings`] for the times for which they have fired.
//!
//! Rows are locked in this order: whoever fires a schedule holds its row in `jobs_cron`, takes the time in `jobs_cron_firing`, and only
//! then takes the locks that scheduling a job needs. No other transaction of ours locks a schedule's row after any of these; if one of the
//! caller's does, the database aborts one of the two, and ours is repeated.

use std::time::Duration;

use sea_orm::prelude::{DateTimeUtc, Json};
use sea_orm::sea_query::{Expr, ExprTrait as _, Func, Query, SimpleExpr};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult as _, QueryFilter, QueryOrder, QuerySelect,
};
use serde::Serialize;

pub(crate) use super::entity::cron::Model as Row;
use super::entity::cron::{Column, Entity};
use super::{dialect, json, statement};

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
    /// Whether the stored schedule has the same times.
    pub(crate) fn has_times_of(&self, row: &Row) -> bool {
        self.expression == row.expression && self.timezone == row.timezone && row.next_at.is_some()
    }
}

/// Returns an instant as it is stored, `NULL` for none.
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

/// Returns the schedule, locked for the rest of the transaction: until then, no one else fires, changes or removes it. If the database has
/// one writer, becomes that writer: a transaction that reads before it writes may be refused.
pub(crate) async fn lock<C: ConnectionTrait>(db: &C, name: &str) -> Result<Option<Row>, DbErr> {
    if dialect::of(db.get_database_backend())?.row_locks {
        return Entity::find_by_id(name).lock_exclusive().one(db).await;
    }
    let unchanged = Entity::update_many().col_expr(Column::Source, Expr::col(Column::Source));
    unchanged.filter(Column::Name.eq(name)).exec(db).await?;
    find(db, name).await
}

/// All schedules, by name.
pub(crate) async fn all<C: ConnectionTrait>(db: &C) -> Result<Vec<Row>, DbErr> {
    Entity::find().order_by_asc(Column::Name).all(db).await
}

/// The schedules of these names, locked if the database locks rows.
pub(crate) async fn named<C: ConnectionTrait>(db: &C, names: &[&str], lock: bool) -> Result<Vec<Row>, DbErr> {
    let mut select = Entity::find().filter(Column::Name.is_in(names.iter().copied())).order_by_asc(Column::Name);
    if lock {
        select = select.lock_exclusive();
    }
    select.all(db).await
}

/// Inserts a schedule. Returns false if one with this name exists.
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
    let dialect = dialect::of(db.get_database_backend())?;
    let mut statement = dialect.backend.build(&insert);
    statement.sql = (dialect.insert_or_ignore)(&statement.sql);
    Ok(db.execute_raw(statement).await?.rows_affected() == 1)
}

/// Replaces everything except the creation time and whether it is paused; the next time only if one is given. Returns false if this source
/// has no schedule with this name.
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

/// Pauses a schedule. One that is already paused keeps its earlier time. Returns false if none has this name.
pub(crate) async fn pause<C: ConnectionTrait>(db: &C, name: &str) -> Result<bool, DbErr> {
    let since: SimpleExpr = Func::coalesce([Expr::col(Column::PausedAt), clock(db)?]).into();
    let pause = Entity::update_many().col_expr(Column::PausedAt, since).filter(Column::Name.eq(name));
    Ok(pause.exec(db).await?.rows_affected == 1)
}

/// Lets a schedule fire again, from this time on. Changes nothing if it is not paused.
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

/// Deletes a schedule with its history. Returns false if none has this name.
pub(crate) async fn remove<C: ConnectionTrait>(db: &C, name: &str) -> Result<bool, DbErr> {
    let deleted = Entity::delete_by_id(name).exec(db).await?;
    let dialect = dialect::of(db.get_database_backend())?;
    db.execute_raw(statement(dialect, dialect.cron.forget_all, [name.into()])).await?;
    Ok(deleted.rows_affected == 1)
}

/// The schedules that a worker fires.
#[derive(Debug, Clone)]
pub(crate) struct DueFilter {
    /// The jobs whose schedules it fires, as JSON.
    jobs: String,
    /// The schedules that it does not fire, as JSON.
    except: String,
}

impl DueFilter {
    pub(crate) fn new<S: Serialize>(jobs: &[&str], except: &[S]) -> Result<Self, DbErr> {
        Ok(Self { jobs: json(jobs)?, except: json(except)? })
    }
}

/// Returns how long it is until the first of these schedules is due, zero if one is due, or `None` if there are none.
pub(crate) async fn due_in<C: ConnectionTrait>(db: &C, filter: &DueFilter) -> Result<Option<Duration>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let values = [filter.jobs.as_str().into(), filter.except.as_str().into()];
    let Some(row) = db.query_one_raw(statement(dialect, dialect.cron.due_in, values)).await? else { return Ok(None) };
    let wait_ms: i64 = row.try_get_by_index(0)?;
    Ok(Some(Duration::from_millis(u64::try_from(wait_ms).unwrap_or_default())))
}

/// Locks the first of these schedules that are due for the rest of the transaction, and returns them with the current time. Skips those
/// that others have locked, who are about to fire them.
pub(crate) async fn lock_due<C: ConnectionTrait>(
    db: &C,
    filter: &DueFilter,
    limit: usize,
) -> Result<Vec<(Row, DateTimeUtc)>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = [filter.jobs.as_str().into(), filter.except.as_str().into(), limit.into()];
    let rows = db.query_all_raw(statement(dialect, dialect.cron.due, values)).await?;
    rows.iter().map(|row| Ok((Row::from_query_result(row, "")?, row.try_get("", "now")?))).collect()
}

/// Sets when schedules fire next; `None` if never again.
pub(crate) async fn set_next<C: ConnectionTrait>(
    db: &C,
    schedules: &[(&str, Option<DateTimeUtc>)],
) -> Result<(), DbErr> {
    #[derive(Serialize)]
    struct Next<'a> {
        schedule: &'a str,
        next_at: Option<String>,
    }

    let dialect = dialect::of(db.get_database_backend())?;
    let mut rows = Vec::with_capacity(schedules.len());
    for (schedule, next_at) in schedules {
        rows.push(Next { schedule, next_at: next_at.map(|at| dialect.time_text(at)) });
    }
    db.execute_raw(statement(dialect, dialect.cron.set_next, [json(&rows)?.into()])).await.map(drop)
}
