use sea_orm::entity::prelude::*;

use super::lenient_json::LenientJson;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs_audit")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub at: DateTimeUtc,
    pub principal: String,
    pub origin: Option<String>,
    pub action: String,
    pub job_id: Option<i64>,
    pub subject: Option<String>,
    pub operation: Option<String>,
    pub changed: Option<LenientJson>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
