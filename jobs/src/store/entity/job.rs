use sea_orm::entity::prelude::*;

use super::lenient_json::LenientJson;
use crate::model::JobStatus;

#[derive(Debug, Clone, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs_job")]
pub(crate) struct Model {
    #[sea_orm(primary_key)]
    pub id: i64,
    pub name: String,
    pub queue: String,
    pub priority: i16,
    pub status: JobStatus,
    pub version: i64,
    pub attempt: i32,
    pub max_attempts: i32,
    pub budget: i32,
    pub timeout_ms: Option<i64>,
    pub parameters: LenientJson,
    pub results: Option<LenientJson>,
    pub progress: i16,
    pub created_at: DateTimeUtc,
    pub scheduled_at: DateTimeUtc,
    pub started_at: Option<DateTimeUtc>,
    pub finished_at: Option<DateTimeUtc>,
    pub worker_id: Option<i64>,
    pub cancel_requested_at: Option<DateTimeUtc>,
    pub last_error: Option<String>,
    pub user_id: Option<String>,
    pub session_id: Option<String>,
    pub event_id: Option<String>,
    pub limit_key: String,
    pub unique_key: Option<String>,
    pub unique_while: Option<i16>,
    pub nominal_at: Option<DateTimeUtc>,
}

#[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
pub(crate) enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
