//! The values that all other modules use: identifiers, statuses, levels, retry policies, how attempts end, how keys are held, who
//! may do what.
//!
//! No clock, and no access to a database: only derives say how a value is stored. Imports no other module of the crate.

mod action;
mod audit_action;
pub(crate) mod histogram;
mod id;
mod level;
pub(crate) mod outcome;
mod principal;
mod retry;
mod stats_range;
mod status;
mod stop;
pub(crate) mod tally;
pub(crate) mod texts;
mod unique;
mod why;

pub use action::{Action, Role};
pub use audit_action::AuditAction;
pub use id::JobId;
pub use level::Level;
pub use outcome::AttemptEnd;
pub use principal::Principal;
pub use retry::RetryPolicy;
pub use stats_range::StatsRange;
pub use status::JobStatus;
pub use stop::StopReason;
pub use texts::ParseVariantError;
pub use unique::{OnConflict, UniqueWhile};
pub use why::{WaitReason, Why};
