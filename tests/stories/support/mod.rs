//! Processes that a case runs, and what it reads of them.

pub(crate) mod process;
pub(crate) mod setup;
pub(crate) mod tables;
