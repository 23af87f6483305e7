//! The API that programs call: connect, schedule, query, wait, operate.
//!
//! Imports `model`, `error`, `store` and `job`.

#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) mod answers;
pub(crate) mod bulk;
pub(crate) mod counts;
pub(crate) mod durations;
mod failures;
mod filter;
mod handle;
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) mod health;
pub(crate) mod list;
pub mod metrics;
mod operate;
pub(crate) mod options;
#[cfg(feature = "web")]
mod pages;
mod pause;
mod queue;
pub(crate) mod record;
#[cfg(feature = "web")]
pub(crate) mod running;
pub(crate) mod schedule;
pub(crate) mod search;
pub(crate) mod seconds;
pub(crate) mod session;
pub(crate) mod setup;
mod stats;
pub(crate) mod wait;
mod watch;
mod why;
mod workers;

pub use bulk::{Bulk, BulkAction, BulkSummary, bulk};
pub use counts::{BoundedCounts, JobCounts, bounded_counts, counts};
pub use failures::{FailureGroup, FailureGroups, failures};
pub use filter::{JobFilter, ParseFilterError};
pub use handle::JobHandle;
pub use list::{list, unserved};
pub use operate::{Cancellation, cancel, delete, retry, run_now, set_parameter};
pub use options::{JobOptions, default_queue};
pub use pause::{PauseOptions, pause, pause_with, resume};
pub use queue::{QueueRecord, counts_by_queue, queues};
pub use record::{
    Attempt, JobRecord, Message, failed_attempts, messages, output, progress, record, result, results,
    reveal_parameter, status,
};
pub use schedule::{NamedJob, Schedulable, Schedule, ScheduleAll, WithOptions, schedule_all};
pub use search::JobPage;
pub use session::{AuditFilter, AuditPage, AuditRecord, Session, acting_as};
pub use setup::{connect, connect_with, migrate};
pub use stats::{Stats, StatsFilter, StatsPeriod, StatsTimes, StatsTotals, stats};
pub use wait::{wait, wait_timeout};
pub use watch::{JobEvent, JobEventId, JobEventKind, JobEvents, JobState, watch};
pub use why::why;
pub use workers::{WorkerRecord, workers};
