//! The HTTP API: the same sessions as the pages, for programs, in JSON.
//!
//! The subject of a request is a job's number in its path (`/api/jobs/7/cancel`), or a name in its query or its body. Names of queues and
//! schedules have any characters, also `/`, which proxies do not let through in a path, and `..`, which clients resolve. Numbers are read
//! from the path as it is below the mount: axum's `Path` would also have the parameters of what the program mounts this in.

mod answer;
mod document;
mod events;
pub(super) mod failure;
mod input;
mod job;
mod jobs;
mod operate;
mod read;
mod route;
mod routes;
mod schedules;
mod schema;

use axum::http::Uri;

pub use route::Route;
pub(super) use routes::add_to;
pub use routes::routes;

/// Whether a request is one of a program. Whatever is answered to it is JSON.
pub(super) fn is_asked_at(below_mount: &Uri) -> bool {
    let path = below_mount.path();
    path == "/api" || path.starts_with("/api/")
}
