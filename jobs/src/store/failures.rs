//! The jobs that have failed lately.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use super::dialect;
use super::entity::job::{Column, Entity};
use super::search::is;
use crate::model::JobStatus;

/// A job that has failed: its id, its name, when it failed, and the beginning of its error.
pub(crate) type Failed = (i64, String, DateTimeUtc, Option<String>);

/// Returns jobs that have failed at this time or later, latest first, at most so many; without their errors, if they are not asked for.
pub(crate) async fn failed_since<C: ConnectionTrait>(
    db: &C,
    time: DateTimeUtc,
    with_errors: bool,
    limit: u64,
) -> Result<Vec<Failed>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    // Errors may be long.
    let error = Expr::cust(if with_errors { "SUBSTR(last_error, 1, 500)" } else { "NULL" });
    Entity::find()
        .select_only()
        .columns([Column::Id, Column::Name, Column::FinishedAt])
        .column_as(error, "error")
        .filter(is(JobStatus::Failed))
        .filter(Expr::col(Column::FinishedAt).gte(dialect.time(time)))
        .order_by_desc(Column::FinishedAt)
        .limit(limit)
        .into_tuple()
        .all(db)
        .await
}
