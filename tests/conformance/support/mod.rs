//! Steps that many cases share, and the jobs that they schedule.

pub(crate) mod audit;
pub(crate) mod common;
pub(crate) mod definitions;
pub(crate) mod unique;
