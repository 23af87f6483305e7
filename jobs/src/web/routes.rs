//! The table of routes: what is answered, and the action that it is for.

use axum::Router;
use axum::extract::FromRequest;
use axum::http::Method;
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, on};

use super::authorized::{
    Authorized, Cancel, Delete, Edit, ManageCron, PauseQueue, Permission, Retry, RunNow, Schedule, View, ViewAudit,
    ViewPayload,
};
use super::failure::Failure;
use super::pages::{
    audit, cron, definition, definitions, files, job, job_events, jobs, operations, overview, queues, value, workers,
};
use super::{actions::add_schedule, actions::bulk, actions::parameter, actions::schedule_job};
use super::{actions::job as change_job, actions::queue as change_queue, actions::schedule as change_schedule};
use crate::Action;

/// A line of the table.
pub struct Route {
    /// GET or POST.
    pub method: Method,
    /// The path below the mount, of one level.
    pub path: &'static str,
    /// What the principal must be allowed.
    pub action: Action,
    handler: fn() -> MethodRouter,
}

/// Makes the table. The permission is the type that each handler takes first: any other one, or none, does not compile.
macro_rules! routes {
    ($($method:ident $path:literal $permission:ident $handler:path;)+) => {
        /// All routes.
        #[must_use]
        pub fn routes() -> Vec<Route> {
            vec![$(Route {
                method: Method::$method,
                path: $path,
                action: <$permission as Permission>::ACTION,
                handler: || guarded::<$permission, _, _, _, _>(MethodFilter::$method, $handler),
            }),+]
        }
    };
}

routes! {
    GET  "/"                View        overview::root;
    GET  "/overview"        View        overview::show;
    GET  "/jobs"            View        jobs::show;
    GET  "/job"             View        job::show;
    GET  "/job-events"      View        job_events::follow;
    GET  "/value"           ViewPayload value::show;
    POST "/cancel"          Cancel      change_job::cancel;
    POST "/retry"           Retry       change_job::retry;
    POST "/run-now"         RunNow      change_job::run_now;
    GET  "/delete"          Delete      change_job::confirm_delete;
    POST "/delete"          Delete      change_job::delete;
    GET  "/parameter"       Edit        parameter::show;
    POST "/parameter"       Edit        parameter::change;
    GET  "/definitions"     View        definitions::show;
    GET  "/definition"      View        definition::show;
    GET  "/schedule-job"    Schedule    schedule_job::show;
    GET  "/schedule-again"  Schedule    schedule_job::show_again;
    POST "/schedule-job"    Schedule    schedule_job::schedule;
    GET  "/operations"      View        operations::show;
    GET  "/cancel-all"      Cancel      bulk::ask;
    POST "/cancel-all"      Cancel      bulk::start;
    GET  "/cancel-all-progress" Cancel  bulk::show;
    POST "/cancel-all-stop" Cancel      bulk::stop;
    GET  "/retry-all"       Retry       bulk::ask;
    POST "/retry-all"       Retry       bulk::start;
    GET  "/retry-all-progress" Retry    bulk::show;
    POST "/retry-all-stop"  Retry       bulk::stop;
    GET  "/run-all-now"     RunNow      bulk::ask;
    POST "/run-all-now"     RunNow      bulk::start;
    GET  "/run-all-now-progress" RunNow bulk::show;
    POST "/run-all-now-stop" RunNow     bulk::stop;
    GET  "/delete-all"      Delete      bulk::ask;
    POST "/delete-all"      Delete      bulk::start;
    GET  "/delete-all-progress" Delete  bulk::show;
    POST "/delete-all-stop" Delete      bulk::stop;
    GET  "/queues"          View        queues::show;
    GET  "/pause-queue"     PauseQueue  change_queue::ask;
    POST "/pause-queue"     PauseQueue  change_queue::pause;
    POST "/resume-queue"    PauseQueue  change_queue::resume;
    GET  "/workers"         View        workers::show;
    GET  "/cron"            View        cron::show;
    GET  "/schedule"        View        cron::history;
    GET  "/add-schedule"    ManageCron  add_schedule::show;
    POST "/add-schedule"    ManageCron  add_schedule::add;
    POST "/pause-schedule"  ManageCron  change_schedule::pause;
    POST "/resume-schedule" ManageCron  change_schedule::resume;
    POST "/run-schedule"    ManageCron  change_schedule::run_now;
    GET  "/remove-schedule" ManageCron  change_schedule::confirm_remove;
    POST "/remove-schedule" ManageCron  change_schedule::remove;
    GET  "/audit"           ViewAudit   audit::show;
    GET  "/style.css"       View        files::style;
    GET  "/icon.svg"        View        files::icon;
    GET  "/live.js"         View        files::script;
}

/// A handler whose session is of a principal that may do what the route is for.
///
/// It can't be without:
///
/// ```
/// use jobs::__private::web::{Authorized, Failure, View, guarded};
/// # use axum::{response::Response, routing::MethodFilter};
/// async fn page(_: Authorized<View>, _: ()) -> Result<Response, Failure> { Ok(Response::default()) }
/// guarded::<View, _, _, _, _>(MethodFilter::GET, page);
/// ```
///
/// Neither a handler that asks for no permission compiles, nor one that asks for another than the route's:
///
/// ```compile_fail
/// # use jobs::__private::web::{Authorized, Failure, View, guarded};
/// # use axum::{response::Response, routing::MethodFilter};
/// async fn page(_: (), _: ()) -> Result<Response, Failure> { Ok(Response::default()) }
/// guarded::<View, _, _, _, _>(MethodFilter::GET, page);
/// ```
///
/// ```compile_fail
/// # use jobs::__private::web::{Authorized, Delete, Failure, View, guarded};
/// # use axum::{response::Response, routing::MethodFilter};
/// async fn page(_: Authorized<Delete>, _: ()) -> Result<Response, Failure> { Ok(Response::default()) }
/// guarded::<View, _, _, _, _>(MethodFilter::GET, page);
/// ```
///
/// Nor does a handler make its own:
///
/// ```compile_fail
/// # use jobs::__private::web::{Authorized, View};
/// let free = Authorized::<View> { visitor: todo!(), permission: std::marker::PhantomData };
/// ```
pub fn guarded<P, I, M, F, H>(method: MethodFilter, handler: H) -> MethodRouter
where
    P: Permission,
    I: FromRequest<(), M> + Send + 'static,
    M: 'static,
    F: Future<Output = Result<Response, Failure>> + Send + 'static,
    H: Fn(Authorized<P>, I) -> F + Clone + Send + Sync + 'static,
{
    on(method, handler)
}

/// The router of the table.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(super) fn router() -> Router {
    let router = routes().iter().fold(Router::new(), |router, route| router.route(route.path, (route.handler)()));
    let router = super::api::add_to(router);
    router.fallback(async || Failure::NoSuchPage).method_not_allowed_fallback(async || Failure::NoSuchMethod)
}
