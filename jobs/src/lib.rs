// The README links to files; here these links, which stand before it, lead to pages.
#![doc = include_str!("guide/links.md")]
#![doc = include_str!("../README.md")]

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
compile_error!("jobs needs a database: enable its feature `sqlite`, `postgres` or `mysql`");

mod attempt;
#[cfg(feature = "cli")]
pub mod cli;
mod connection;
mod context;
pub mod cron;
mod entity;
mod error;
mod finite;
pub mod guide;
mod handle;
mod id;
mod job;
mod list;
pub mod metrics;
mod operate;
mod options;
mod outcome;
mod parameters;
pub mod prelude;
mod queue;
mod record;
mod registry;
mod report;
mod retry;
mod schedule;
mod secrets;
mod setup;
mod status;
mod store;
pub mod testing;
mod unique;
mod wait;
mod wake;
mod worker;
mod workers;

pub use connection::{Connection, begin};
pub use context::JobContext;
pub use error::{BoxError, Error, JobError, JobResult};
pub use handle::JobHandle;
pub use id::JobId;
pub use job::{Defaults, Execute, Job, JobParams};
pub use jobs_derive::{Job, job_fn, job_params};
pub use jobs_migrations::JobsMigrator;
pub use list::{JobCounts, JobFilter, counts, list, unserved};
pub use operate::{Cancellation, cancel, delete, retry, set_parameter};
pub use options::{JobOptions, default_queue};
pub use outcome::AttemptEnd;
pub use parameters::MAX_JSON_BYTES;
pub use queue::{QueueRecord, counts_by_queue, pause, queues, resume};
pub use record::{
    Attempt, JobRecord, Level, Message, attempts, messages, output, progress, record, result, results,
    reveal_parameter, status,
};
pub use retry::RetryPolicy;
pub use schedule::{
    Schedulable, Schedule, ScheduleAll, WithOptions, schedule_all, schedule_by_name, schedule_by_name_with,
};
pub use sea_orm;
pub use setup::{connect, connect_with, migrate};
pub use status::JobStatus;
pub use store::unserved::Unserved;
pub use tokio_util::sync::CancellationToken;
pub use unique::{OnConflict, Unique, UniqueWhile};
pub use wait::{wait, wait_for};
pub use worker::Worker;
pub use workers::{WorkerRecord, workers};

/// What generated code names. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::connection::Connection;
    pub use crate::cron::Missed;
    pub use crate::job::{Defaults, Execute, Job, JobParams};
    pub use crate::parameters::to_value;
    pub use crate::registry::Definition;
    pub use crate::schedule::{Schedule, WithOptions, schedule, with_options};
    pub use crate::secrets::HIDDEN;
    pub use crate::{Error, JobContext, JobError, JobOptions, JobResult, OnConflict, RetryPolicy, Unique, UniqueWhile};
    pub use inventory;
    pub use serde;
    pub use serde_json::Value;

    /// What a job's function may return.
    #[diagnostic::on_unimplemented(
        message = "a job's function can't return `{Self}`",
        label = "return `JobResult<…>`, another `Result`, or nothing"
    )]
    pub trait IntoJobResult {
        /// The output of the job.
        type Output;

        /// The result of its `execute`.
        fn into_job_result(self) -> JobResult<Self::Output>;
    }

    impl<T, E: Into<JobError>> IntoJobResult for Result<T, E> {
        type Output = T;

        fn into_job_result(self) -> JobResult<T> {
            self.map_err(Into::into)
        }
    }

    impl IntoJobResult for () {
        type Output = ();

        fn into_job_result(self) -> JobResult {
            Ok(())
        }
    }
}
