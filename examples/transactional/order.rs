//! The orders: a table of the application's own, and the job that packs one.

use std::time::Duration;

use jobs::prelude::*;
use jobs::sea_orm::Set;
use jobs::sea_orm::entity::prelude::*;

#[derive(Clone, Debug, DeriveEntityModel)]
#[sea_orm(table_name = "shop_order")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub(crate) id: i32,
    pub(crate) item: String,
    pub(crate) packed: bool,
}

#[derive(Clone, Copy, Debug, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Packs an order.
#[job_fn(queue = "packing")]
pub(crate) async fn pack(job: &JobContext, order: i32) -> JobResult {
    for step in 1..=20 {
        tokio::time::sleep(Duration::from_millis(100)).await; // in place of work
        job.set_progress_of(step, 20);
    }
    // That the order is packed and that its job has ended are committed together, too.
    let transaction = job.begin().await?;
    let Some(order) = Entity::find_by_id(order).one(&transaction).await? else {
        return Err(JobError::fail("the order is gone"));
    };
    ActiveModel { packed: Set(true), ..order.into() }.update(&transaction).await?;
    job.finish_in(&transaction, &()).await?;
    Ok(transaction.commit().await?)
}
