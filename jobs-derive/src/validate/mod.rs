//! The second stage: refuses what was understood and cannot be a job.

pub(crate) mod derives;
pub(crate) mod reserved;
pub(crate) mod shape;
pub(crate) mod types;
