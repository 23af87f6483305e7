//! Bounded searches among jobs: by statuses, and by identifiers, which grow with time.

use chrono::TimeDelta;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DbErr, EntityTrait as _, Iterable as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, QueryTrait as _, Select,
};

use super::entity::job::{Column, Entity, Model};
use crate::model::JobStatus;

/// The condition for a status. No bound value: a partial index is used only if the statement contains its condition.
pub(crate) fn is(status: JobStatus) -> Condition {
    let code = |status: JobStatus| Expr::Constant(status.code().into());
    let is = Condition::all().add(Expr::col(Column::Status).eq(code(status)));
    if status.is_closed() { is.add(Expr::col(Column::Status).gte(code(JobStatus::Canceled))) } else { is }
}

/// The condition for one of several statuses.
pub(crate) fn is_any(statuses: &[JobStatus]) -> Condition {
    let none = Condition::any().add(Expr::Constant(1.into()).eq(Expr::Constant(0.into())));
    match statuses {
        [] => none,
        statuses => statuses.iter().fold(Condition::any(), |any, status| any.add(is(*status))),
    }
}

/// The identifier, to sort few jobs by it. If it were just the column, databases would look for these few among all jobs in its order.
pub(crate) fn id_without_index() -> Expr {
    Expr::col(Column::Id).add(Expr::Constant(0.into()))
}

/// A range of identifiers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ids {
    /// The first that is in it.
    pub(crate) from: Option<i64>,
    /// The first that is not.
    pub(crate) before: Option<i64>,
}

impl Ids {
    pub(crate) fn condition(self) -> Condition {
        let from = self.from.map(|from| Column::Id.gte(from));
        let before = self.before.map(|before| Column::Id.lt(before));
        Condition::all().add_option(from).add_option(before)
    }
}

/// The place of a job in a list: its id, and the time that belongs to the order, when it was scheduled or ended.
pub(crate) type Place = (i64, DateTimeUtc);

/// The oldest of this many newest jobs. `None` if there are not so many.
pub(crate) async fn boundary<C: ConnectionTrait>(db: &C, among: Condition, rows: u64) -> Result<Option<Place>, DbErr> {
    let id = Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(among)
        .order_by_desc(Column::Id)
        .offset(rows - 1)
        .limit(1)
        .into_tuple::<i64>()
        .one(db)
        .await?;
    match id {
        // By its id: an index may lead to the others without reading them.
        Some(id) => Ok(scheduled_from(db, id, 1).await?.pop()),
        None => Ok(None),
    }
}

/// Counts the jobs that fulfill a condition, but no more than this many. The order in which they are examined is the database's choice.
pub(crate) async fn count_up_to<C: ConnectionTrait>(db: &C, among: Condition, most: u64) -> Result<u64, DbErr> {
    let row = db.query_one(&count_of(among, most)).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

/// Counts the jobs in each of these statuses, but no more than this many, with one statement.
pub(crate) async fn counts_up_to<C: ConnectionTrait>(
    db: &C,
    statuses: &[JobStatus],
    most: u64,
) -> Result<Vec<(JobStatus, u64)>, DbErr> {
    let counts = counts_of_each(db, statuses.iter().copied().map(is), most).await?;
    Ok(statuses.iter().copied().zip(counts).collect())
}

/// Counts the jobs that fulfill each of these conditions, but no more than this many, with one statement.
pub(crate) async fn counts_of_each<C: ConnectionTrait>(
    db: &C,
    conditions: impl ExactSizeIterator<Item = Condition>,
    most: u64,
) -> Result<Vec<u64>, DbErr> {
    let number = conditions.len();
    if number == 0 {
        return Ok(Vec::new());
    }
    let count = |condition| Expr::from(count_of(condition, most));
    let row = db.query_one(Query::select().exprs(conditions.map(count))).await?;
    let count = |index| row.as_ref().map_or(Ok(0), |row| row.try_get_by_index::<i64>(index));
    (0..number).map(|index| Ok(u64::try_from(count(index)?).unwrap_or(0))).collect()
}

/// Selects the number of the jobs that fulfill a condition, but no more than this many.
fn count_of(among: Condition, most: u64) -> SelectStatement {
    let jobs = Entity::find().select_only().column(Column::Id).filter(among).limit(most).into_query();
    Query::select().expr(Expr::cust("COUNT(*)")).from_subquery(jobs, "jobs").take()
}

/// Returns the first rows of these jobs that come after this one, in the order of their ids.
pub(crate) async fn rows_after<C: ConnectionTrait>(
    db: &C,
    jobs: Select<Entity>,
    id: i64,
    limit: u64,
) -> Result<Vec<Model>, DbErr> {
    jobs.filter(Column::Id.gt(id)).order_by_asc(Column::Id).limit(limit).all(db).await
}

/// Selects the rows of these jobs without their parameters and results, which read as an empty object and none.
pub(crate) fn without_values(jobs: Select<Entity>) -> Select<Entity> {
    let are_values = |column: &Column| matches!(column, Column::Parameters | Column::Results);
    jobs.select_only()
        .columns(Column::iter().filter(|column| !are_values(column)))
        .column_as(Expr::cust("'{}'"), "parameters")
        .column_as(Expr::cust("NULL"), "results")
}

/// How much later a job of a smaller id may be scheduled: a statement takes its ids one by one, and may wait for a lock in between.
const DISORDER: TimeDelta = TimeDelta::minutes(1);

/// How many jobs show whether a place among the ids is before a time. A lock of the whole table, for example by a migration, leaves many
/// beside each other in disorder.
const SHOWN: u64 = 20;

/// A time that is earlier by as much as jobs may be in disorder.
pub(crate) fn somewhat_before(time: DateTimeUtc) -> DateTimeUtc {
    time.checked_sub_signed(DISORDER).unwrap_or(time)
}

/// An id such that no job before it was scheduled at this time or later.
pub(crate) async fn first_since<C: ConnectionTrait>(db: &C, time: DateTimeUtc) -> Result<i64, DbErr> {
    let time = somewhat_before(time);
    bisect(db, |shown| shown.last().filter(|_| shown.iter().all(|(_, created_at)| *created_at < time))).await
}

/// An id such that neither its job nor a later one was scheduled before this time.
pub(crate) async fn first_after<C: ConnectionTrait>(db: &C, time: DateTimeUtc) -> Result<i64, DbErr> {
    let time = time.checked_add_signed(DISORDER).unwrap_or(time);
    bisect(db, |shown| shown.iter().rfind(|(_, created_at)| *created_at < time)).await
}

/// Finds the first id, in about 25 steps, at which `before` finds none of the next jobs to be before what is looked for.
async fn bisect<C: ConnectionTrait>(db: &C, before: impl Fn(&[Place]) -> Option<&Place>) -> Result<i64, DbErr> {
    let last = Entity::find().select_only().column(Column::Id).order_by_desc(Column::Id).limit(1);
    let Some(last) = last.into_tuple::<i64>().one(db).await? else { return Ok(0) };
    let (mut from, mut to) = (0, last + 1);
    while from < to {
        let middle = from + (to - from) / 2;
        match before(&scheduled_from(db, middle, SHOWN).await?) {
            Some((id, _)) => from = id + 1,
            None => to = middle,
        }
    }
    // What is before it may reach beyond a place that was found not to be before.
    Ok(from)
}

/// The first jobs of this id or later ones, and when they were scheduled.
async fn scheduled_from<C: ConnectionTrait>(db: &C, id: i64, most: u64) -> Result<Vec<Place>, DbErr> {
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::CreatedAt])
        .filter(Column::Id.gte(id))
        .order_by_asc(Column::Id)
        .limit(most)
        .into_tuple()
        .all(db)
        .await
}
