use sea_orm::entity::prelude::*;

use super::lenient_json::LenientJson;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs_stat")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub period: i16,
    #[sea_orm(primary_key, auto_increment = false)]
    pub starts_at: DateTimeUtc,
    #[sea_orm(primary_key, auto_increment = false)]
    pub worker_id: i64,
    pub total: LenientJson,
    pub by_job: LenientJson,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
