//! What was done on somebody's behalf. Rows are written in the transaction that does it, and never changed.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};

pub(crate) use super::entity::audit::Model as AuditRow;
use super::entity::audit::{Column, Entity};
use super::maintain::MAINTENANCE_ROWS;
use super::{Store, clock, dialect, json, millis, retry_contention, statement};
use crate::model::AuditAction;

/// The most rows that one search examines if no index leads to those that it wants.
const EXAMINED: u64 = 20_000;

/// What all rows of one action have in common.
#[derive(Debug, Clone)]
pub(crate) struct NewEntry {
    pub(crate) principal: String,
    pub(crate) origin: Option<String>,
    pub(crate) action: &'static str,
    pub(crate) subject: Option<String>,
    pub(crate) operation: Option<String>,
    /// The names of what is changed.
    pub(crate) changed: Vec<String>,
}

/// Inserts a row for each of these jobs; for `None`, one without a job.
pub(crate) async fn record<C: ConnectionTrait>(db: &C, entry: &NewEntry, jobs: &[Option<i64>]) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    if jobs.is_empty() {
        return Ok(());
    }
    let NewEntry { principal, origin, action, subject, operation, changed } = entry;
    let changed = if changed.is_empty() { None } else { Some(json(changed)?) };
    let values = [
        principal.as_str().into(),
        origin.clone().into(),
        (*action).into(),
        subject.clone().into(),
        operation.clone().into(),
        changed.into(),
        json(jobs)?.into(),
    ];
    db.execute_raw(statement(dialect, dialect.audit, values)).await.map(drop)
}

/// Which rows to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'w> {
    pub(crate) job: Option<i64>,
    pub(crate) principal: Option<&'w str>,
    pub(crate) action: Option<AuditAction>,
    /// Only rows that were written before the one with this id.
    pub(crate) before: Option<i64>,
    pub(crate) limit: u64,
}

/// The rows of a page, newest first.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rows: Vec<AuditRow>,
    /// The row after which older ones may match.
    pub(crate) next: Option<i64>,
    /// When the oldest row was written that was examined, if the page is not full because of that.
    pub(crate) searched_back_to: Option<DateTimeUtc>,
}

/// Finds the newest rows. Without a job no index leads to them: a piece of the table is searched.
pub(crate) async fn list<C: ConnectionTrait>(db: &C, wanted: Wanted<'_>) -> Result<Found, DbErr> {
    let Wanted { job, principal, action, before, limit } = wanted;
    let mut select = Entity::find();
    if let Some(before) = before {
        select = select.filter(Column::Id.lt(before));
    }
    let is_piece = job.is_none() && (principal.is_some() || action.is_some());
    let end = if is_piece { boundary(db, select.clone()).await? } else { None };
    if let Some((end, _)) = end {
        select = select.filter(Column::Id.gte(end));
    }
    if let Some(job) = job {
        select = select.filter(Column::JobId.eq(job));
    }
    if let Some(principal) = principal {
        select = select.filter(Column::Principal.eq(principal));
    }
    if let Some(action) = action {
        select = select.filter(is(action));
    }
    // One more shows whether there is a next page.
    let mut rows = select.order_by_desc(Column::Id).limit(limit + 1).all(db).await?;
    let is_full = rows.len() as u64 > limit;
    if is_full {
        rows.pop();
        return Ok(Found { next: rows.last().map(|row| row.id), rows, searched_back_to: None });
    }
    Ok(Found { rows, next: end.map(|(id, _)| id), searched_back_to: end.map(|(_, at)| at) })
}

/// The last of the newest rows that one search may examine, and when it was written. `None` if there are not so many.
async fn boundary<C: ConnectionTrait>(db: &C, among: Select<Entity>) -> Result<Option<(i64, DateTimeUtc)>, DbErr> {
    let ids = among.select_only().column(Column::Id).order_by_desc(Column::Id).offset(EXAMINED - 1).limit(1);
    let Some(id) = ids.into_tuple::<i64>().one(db).await? else { return Ok(None) };
    Ok(Entity::find_by_id(id).one(db).await?.map(|row| (id, row.at)))
}

fn is(action: AuditAction) -> Expr {
    if action != AuditAction::Unknown {
        return Column::Action.eq(action.as_str());
    }
    Column::Action.is_not_in(AuditAction::ALL.iter().map(|known| known.as_str()))
}

/// Rows of the audit that were examined, to delete those that are old.
#[derive(Debug)]
pub(crate) struct Expired {
    pub(crate) deleted: u64,
    pub(crate) examined: u64,
    /// The last that was examined.
    pub(crate) last: i64,
}

impl Store {
    /// Examines a batch of the rows after this one, in the order of their ids, and deletes those that were written longer ago than `age`.
    /// `None` if there is no such row.
    pub(crate) async fn delete_expired_audit(&self, age: Duration, after: i64) -> Result<Option<Expired>, DbErr> {
        let batch = Entity::find().select_only().column(Column::Id).filter(Column::Id.gt(after));
        let batch = batch.order_by_asc(Column::Id).limit(MAINTENANCE_ROWS);
        retry_contention(|| async {
            let transaction = self.begin().await?;
            let ids: Vec<i64> = batch.clone().into_tuple().all(&transaction).await?;
            let Some(&last) = ids.last() else { return Ok(None) };
            let Some(until) = clock(&transaction).await?.checked_sub_signed(TimeDelta::milliseconds(millis(age)))
            else {
                return Ok(None);
            };
            let delete = Entity::delete_many()
                .filter(Column::Id.gt(after))
                .filter(Column::Id.lte(last))
                .filter(Expr::col(Column::At).lt(self.dialect.time(until)));
            let deleted = delete.exec(&transaction).await?.rows_affected;
            transaction.commit().await?;
            Ok(Some(Expired { deleted, examined: ids.len() as u64, last }))
        })
        .await
    }
}
