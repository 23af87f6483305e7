//! What many cases do, and the jobs that they schedule.

pub(crate) mod common;
pub(crate) mod definitions;
