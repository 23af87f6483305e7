// The README links to files. These definitions come first, and lead to pages instead.
#![doc = include_str!("guide/links.md")]
#![doc = include_str!("../README.md")]

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("jobs needs a database: enable its feature `sqlite`, `postgres` or `mysql`");

#[cfg(feature = "cli")]
pub mod cli;
mod client;
pub mod cron;
mod error;
pub mod guide;
mod job;
mod model;
mod store;
pub mod testing;
#[cfg(feature = "web")]
pub mod web;
pub mod worker;

pub use client::{
    Attempt, AuditFilter, AuditPage, AuditRecord, BoundedCounts, Bulk, BulkAction, BulkSummary, Cancellation,
    FailureGroup, FailureGroups, JobCounts, JobEvent, JobEventId, JobEventKind, JobEvents, JobFilter, JobHandle,
    JobOptions, JobPage, JobRecord, JobState, Message, NamedJob, ParseFilterError, PauseOptions, QueueRecord,
    Schedulable, Schedule, ScheduleAll, Session, Stats, StatsFilter, StatsPeriod, StatsTimes, StatsTotals, WithOptions,
    WorkerRecord, acting_as, bounded_counts, bulk, cancel, connect, connect_with, counts, counts_by_queue,
    default_queue, delete, failed_attempts, failures, list, messages, metrics, migrate, output, pause, pause_with,
    progress, queues, record, result, results, resume, retry, reveal_parameter, run_now, schedule_all, set_parameter,
    stats, status, unserved, wait, wait_timeout, watch, why, workers,
};
pub use error::{BoxError, Error, JobError, JobResult};
pub use job::parameters::MAX_JSON_BYTES;
pub use job::{Execute, Job, JobContext, JobDefaults, JobParams, Limit, Unique};
pub use jobs_derive::{Job, job_fn, job_params};
pub use jobs_migrations::JobsMigrator;
pub use model::{
    Action, AttemptEnd, AuditAction, JobId, JobStatus, Level, OnConflict, ParseVariantError, Principal, RetryPolicy,
    Role, StatsRange, StopReason, UniqueWhile, WaitReason, Why,
};
pub use sea_orm;
pub use store::connection::{Connection, begin};
pub use store::unserved::Unserved;
pub use tokio_util::sync::CancellationToken;
pub use worker::Worker;

/// The items that a program needs to define, schedule and execute jobs: `use jobs::prelude::*;`.
pub mod prelude {
    pub use crate::{
        Execute, Job, JobContext, JobError, JobHandle, JobId, JobOptions, JobResult, JobStatus, Worker, job_fn,
        job_params,
    };
}

/// Queues as operators see them: what is in each, and pausing and resuming them.
///
/// Prefer these names in programs that also list or pause other things, such as [schedules](crate::cron). They are the functions of the
/// root: [`queues`], [`counts_by_queue`], [`pause`], [`pause_with`] and [`resume`].
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// jobs::queue::pause(&db, "mail").await?;
/// let mail = jobs::queue::list(&db).await?.remove(0);
/// assert!(mail.name == "mail" && mail.paused_at.is_some());
/// jobs::queue::resume(&db, "mail").await?;
/// # Ok(()) }
/// ```
pub mod queue {
    pub use crate::client::{
        PauseOptions, QueueRecord, counts_by_queue as counts, pause, pause_with, queues as list, resume,
    };
}

/// The items that generated code names, and the doors of this crate's own tests. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use inventory;
    pub use serde;
    pub use serde_json::Value;

    pub use crate::client::schedule::{Schedule, WithOptions, schedule, with_options};
    pub use crate::cron::Missed;
    pub use crate::job::description::{Description, Parameter};
    pub use crate::job::parameters::secrets::HIDDEN;
    pub use crate::job::parameters::to_value;
    pub use crate::job::registry::Definition;
    pub use crate::job::{Execute, IntoJobResult, Job, JobDefaults, JobParams};
    pub use crate::store::connection::Connection;
    pub use crate::store::testing::entity_columns;
    pub use crate::{
        Error, JobContext, JobError, JobOptions, JobResult, Limit, OnConflict, RetryPolicy, Unique, UniqueWhile,
    };

    /// The table of the dashboard's routes, and what serves it alone.
    #[cfg(feature = "web")]
    pub mod web {
        pub use crate::web::api::{Route as ApiRoute, routes as api_routes};
        pub use crate::web::authorized::{Authorized, Delete, Permission, View};
        pub use crate::web::failure::Failure;
        pub use crate::web::routes::{Route, guarded, routes};
        pub use crate::web::standalone::{Hosts, LINK_VALID, Proxy, ShowLink, Standalone, Token, TokenError, Ways};
    }
}
