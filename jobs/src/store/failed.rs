//! Failed jobs in the order in which they have failed, the latest first: that of the index of closed jobs.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait, DbErr, EntityTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _,
};

use super::dialect::{self, Dialect};
use super::entity::job::{Column, Entity};
use super::search::{Place, is};
use crate::model::JobStatus;

/// When a job has failed.
pub(crate) fn failed_at() -> Expr {
    Column::FinishedAt.into_expr()
}

/// The same, to sort few jobs by it. If it were just the column, databases might look for these few among all failed jobs.
pub(crate) fn failed_at_without_index() -> Expr {
    Expr::cust("COALESCE(finished_at, created_at)")
}

/// The condition for jobs that have failed at this time or later.
pub(crate) fn is_since(failed_at: &Expr, dialect: &Dialect, time: DateTimeUtc) -> Expr {
    failed_at.clone().gte(dialect.time(time))
}

/// The condition for jobs that come after this place.
pub(crate) fn is_after(failed_at: &Expr, dialect: &Dialect, (id, time): Place) -> Condition {
    let earlier = failed_at.clone().lt(dialect.time(time));
    // First a range of the index.
    Condition::all()
        .add(failed_at.clone().lte(dialect.time(time)))
        .add(Condition::any().add(earlier).add(Column::Id.lt(id)))
}

/// When the last of this many jobs has failed, of those that have failed between these times. `None` if there are not so many.
pub(crate) async fn boundary<C: ConnectionTrait>(
    db: &C,
    since: Option<DateTimeUtc>,
    until: Option<DateTimeUtc>,
    rows: u64,
) -> Result<Option<DateTimeUtc>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let since = since.map(|time| failed_at().gte(dialect.time(time)));
    let until = until.map(|time| failed_at().lte(dialect.time(time)));
    Entity::find()
        .select_only()
        .column(Column::FinishedAt)
        .filter(is(JobStatus::Failed).add_option(since).add_option(until))
        .order_by_desc(Column::FinishedAt)
        .offset(rows - 1)
        .limit(1)
        .into_tuple()
        .one(db)
        .await
}
