use sea_orm::entity::prelude::*;

use super::lenient_json::LenientJson;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs_cron")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    pub job: String,
    pub expression: String,
    pub timezone: String,
    pub parameters: LenientJson,
    pub options: LenientJson,
    pub missed: String,
    pub source: String,
    pub paused_at: Option<DateTimeUtc>,
    pub next_at: Option<DateTimeUtc>,
    pub created_at: DateTimeUtc,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
