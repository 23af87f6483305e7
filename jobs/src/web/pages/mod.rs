//! The pages: what each reads from the session, and how it is put in words. `templates/` has what they look like.

pub(super) mod audit;
pub(super) mod confirm;
pub(super) mod cron;
pub(super) mod definition;
pub(super) mod definitions;
mod failures;
pub(super) mod files;
mod findings;
pub(super) mod job;
pub(super) mod job_events;
pub(super) mod job_values;
pub(super) mod jobs;
mod jobs_filter;
pub(super) mod operations;
pub(super) mod overview;
pub(super) mod queues;
pub(super) mod rows;
pub(super) mod value;
pub(super) mod workers;
