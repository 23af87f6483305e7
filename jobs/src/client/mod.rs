//! The API that programs call: connect, schedule, query, wait, operate.
//!
//! Imports `model`, `error`, `store` and `job`.

pub(crate) mod bulk;
mod handle;
pub(crate) mod list;
pub mod metrics;
mod operate;
pub(crate) mod options;
mod queue;
pub(crate) mod record;
pub(crate) mod schedule;
mod seconds;
pub(crate) mod setup;
pub(crate) mod wait;
mod watch;
mod why;
mod workers;

pub use bulk::{Bulk, BulkAction, BulkSummary, bulk};
pub use handle::JobHandle;
pub use list::{JobCounts, JobFilter, counts, list, unserved};
pub use operate::{Cancellation, cancel, delete, retry, run_now, set_parameter};
pub use options::{JobOptions, default_queue};
pub use queue::{QueueRecord, counts_by_queue, pause, queues, resume};
pub use record::{
    Attempt, JobRecord, Message, failed_attempts, messages, output, progress, record, result, results,
    reveal_parameter, status,
};
pub use schedule::{NamedJob, Schedulable, Schedule, ScheduleAll, WithOptions, schedule_all};
pub use setup::{connect, connect_with, migrate};
pub use wait::{wait, wait_timeout};
pub use watch::{JobEvent, JobEventId, JobEventKind, JobEvents, JobState, watch};
pub use why::why;
pub use workers::{WorkerRecord, workers};
