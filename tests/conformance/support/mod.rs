//! Steps that many cases share, and the jobs that they schedule.

pub(crate) mod common;
pub(crate) mod definitions;
pub(crate) mod unique;
