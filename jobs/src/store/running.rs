//! The running jobs, as they are shown with their workers.

use sea_orm::prelude::DateTimeUtc;
use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Order, Query, SelectStatement};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult, QueryFilter as _, QuerySelect as _,
    QueryTrait as _,
};

use super::entity::job::{Column, Entity};
use super::search::is;
use crate::model::JobStatus;

/// A running job of a worker, and how many run there in all.
#[derive(Debug, FromQueryResult)]
pub(crate) struct Running {
    pub(crate) worker_id: i64,
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) started_at: Option<DateTimeUtc>,
    pub(crate) jobs: i64,
}

/// Returns the jobs of each worker that have been running longest, up to this many of each, in this order. Reads all running jobs, and no
/// others.
pub(crate) async fn longest<C: ConnectionTrait>(db: &C, most: u64) -> Result<Vec<Running>, DbErr> {
    let rows = db.query_all(&longest_of_each(most)).await?;
    rows.iter().map(|row| Running::from_query_result(row, "")).collect()
}

fn longest_of_each(most: u64) -> SelectStatement {
    let (place, jobs) = (Alias::new("place"), Alias::new("jobs"));
    let columns = [Column::WorkerId, Column::Id, Column::Name, Column::StartedAt];
    let ranked = Entity::find()
        .select_only()
        .columns(columns)
        // The id tells apart what was claimed together.
        .expr_as(Expr::cust("ROW_NUMBER() OVER (PARTITION BY worker_id ORDER BY started_at, id)"), "place")
        .expr_as(Expr::cust("COUNT(*) OVER (PARTITION BY worker_id)"), "jobs")
        .filter(is(JobStatus::Running))
        .filter(Column::WorkerId.is_not_null())
        .into_query();
    Query::select()
        .columns(columns)
        .column(jobs)
        .from_subquery(ranked, "ranked")
        .and_where(Expr::col(place.clone()).lte(most))
        .order_by(Column::WorkerId, Order::Asc)
        .order_by(place, Order::Asc)
        .take()
}
