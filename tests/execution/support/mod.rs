//! Jobs, rows and telemetry that many cases need.

pub(crate) mod block;
pub(crate) mod definitions;
pub(crate) mod events;
pub(crate) mod rows;
pub(crate) mod telemetry;
