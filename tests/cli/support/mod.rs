//! Commands that a case runs.

pub(crate) mod command;
