//! The values that all other modules use: identifiers, statuses, levels, retry policies, how attempts end, how keys are held.
//!
//! No clock, and no access to a database: only derives say how a value is stored. Imports no other module of the crate.

mod id;
mod level;
pub(crate) mod outcome;
mod retry;
mod status;
mod stop;
pub(crate) mod texts;
mod unique;
mod why;

pub use id::JobId;
pub use level::Level;
pub use outcome::AttemptEnd;
pub use retry::RetryPolicy;
pub use status::JobStatus;
pub use stop::StopReason;
pub use texts::ParseVariantError;
pub use unique::{OnConflict, UniqueWhile};
pub use why::{WaitReason, Why};
