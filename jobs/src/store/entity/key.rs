use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs_unique")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub unique_key: String,
    pub job_id: i64,
    pub version: Option<i64>,
    pub expires_at: Option<DateTimeUtc>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
