use sea_orm::entity::prelude::*;

#[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs_message")]
pub(crate) struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub job_id: i64,
    pub attempt: i32,
    #[sea_orm(primary_key, auto_increment = false)]
    pub version: i64,
    /// Its number among the messages of its attempt.
    #[sea_orm(primary_key, auto_increment = false)]
    pub number: i64,
    pub level: i16,
    pub created_at: DateTimeUtc,
    pub text: String,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
