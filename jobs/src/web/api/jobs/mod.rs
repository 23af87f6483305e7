//! Listing jobs, and scheduling them.

mod list;
mod new;

pub(in crate::web::api) use list::list_jobs;
pub(in crate::web::api) use new::{NewJobOptions, named_job, refused, schedule_job};
