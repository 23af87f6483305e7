//! The table of routes of the HTTP API, which also makes its description.

use std::sync::LazyLock;

use axum::Router;
use axum::http::Method;
use axum::routing::MethodFilter;

use super::answer::Document;
use super::document::document;
use super::route::{Route, described, guarded};
use super::{events, job, jobs, operate, read, schedules};
use crate::web::authorized::{
    Authorized, Cancel, Delete, ManageCron, PauseQueue, Permission, Retry, RunNow, Schedule, View,
};
use crate::web::failure::Failure;

/// Makes the table. The permission is the type that each handler takes first: any other one, or none, does not compile.
macro_rules! routes {
    ($($method:ident $path:literal $permission:ident $handler:path: $about:literal;)+) => {
        /// All routes of the HTTP API.
        #[must_use]
        pub fn routes() -> Vec<Route> {
            vec![$(Route {
                method: Method::$method,
                path: $path,
                action: <$permission as Permission>::ACTION,
                id: stringify!($handler).rsplit("::").next().unwrap_or_default(),
                about: $about,
                handler: || guarded::<$permission, _, _, _, _, _>(MethodFilter::$method, $handler),
                describe: |named| described::<$permission, _, _, _, _>($handler, named),
            }),+]
        }
    };
}

routes! {
    GET    "/api/jobs"              View       jobs::list_jobs:           "List jobs, newest first.";
    POST   "/api/jobs"              Schedule   jobs::schedule_job:        "Schedule a job.";
    GET    "/api/jobs/{id}"         View       job::show_job:             "Show a job with its history.";
    DELETE "/api/jobs/{id}"         Delete     operate::delete_job:       "Delete a closed job.";
    GET    "/api/jobs/{id}/events"  View       events::follow_job:        "Follow a job until it has ended.";
    POST   "/api/jobs/{id}/cancel"  Cancel     operate::cancel_job:       "Cancel a job: a running one is asked to stop.";
    POST   "/api/jobs/{id}/retry"   Retry      operate::retry_job:        "Schedule a closed job again.";
    POST   "/api/jobs/{id}/run-now" RunNow     operate::run_job_now:      "Make a waiting job due now.";
    GET    "/api/queues"            View       read::list_queues:         "List the queues.";
    POST   "/api/queues/pause"      PauseQueue operate::pause_queue:      "Pause a queue, for a while or until it is resumed: its jobs wait.";
    POST   "/api/queues/resume"     PauseQueue operate::resume_queue:     "Resume a queue.";
    GET    "/api/workers"           View       read::list_workers:        "List the workers.";
    GET    "/api/doctor"          View       read::examine:             "Check whether anything is wrong.";
    GET    "/api/cron"              View       read::list_schedules:      "List the schedules, each with its next times.";
    POST   "/api/cron"              ManageCron schedules::add_schedule:   "Add a schedule. Also takes what it takes to schedule its job.";
    POST   "/api/cron/pause"        ManageCron operate::pause_schedule:   "Pause a schedule.";
    POST   "/api/cron/resume"       ManageCron operate::resume_schedule:  "Resume a schedule.";
    POST   "/api/cron/run-now"      ManageCron operate::run_schedule_now: "Schedule a job of a schedule now.";
    POST   "/api/cron/remove"       ManageCron operate::remove_schedule:  "Remove a schedule with its history; the jobs that it has scheduled stay.";
    GET    "/api/openapi.json"      View       show_document:             "Show this document.";
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| document(&routes()).to_string());

async fn show_document(_: Authorized<View>, (): ()) -> Result<Document, Failure> {
    Ok(Document(&DOCUMENT))
}

/// Adds the routes of the table.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(in crate::web) fn add_to(router: Router) -> Router {
    routes().iter().fold(router, |router, route| router.route(route.path, (route.handler)()))
}
