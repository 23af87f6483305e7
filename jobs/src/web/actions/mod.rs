//! The changes: each does one thing, and leads back to the page of what it has changed.

pub(super) mod add_schedule;
pub(super) mod bulk;
pub(super) mod job;
pub(super) mod parameter;
pub(super) mod queue;
mod redirect;
pub(super) mod schedule;
pub(super) mod schedule_job;
