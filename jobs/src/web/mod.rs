//! The dashboard: pages for operators, which a program serves under any address of its own; and an HTTP API for other programs.
//!
//! ```
//! use axum::Router;
//! use axum::response::Redirect;
//! use jobs::web::{self, Access};
//! use jobs::{Principal, Role};
//!
//! # struct User { name: &'static str, is_admin: bool }
//! # fn user_of(_: &axum::http::request::Parts) -> Option<User> { None }
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
//! # let db = jobs::testing::database().await?;
//! let access = Access::by(|request| match user_of(request) {
//!     Some(user) if user.is_admin => Ok(Principal::new(user.name, Role::Admin)),
//!     Some(user) => Ok(Principal::new(user.name, Role::Viewer)),
//!     None => Err(Redirect::to("/login").into()),
//! });
//! let app: Router = Router::new().nest_service("/jobs", web::service(db, access));
//! # Ok(()) }
//! ```
//!
//! The guide [Dashboard and HTTP](crate::guide::dashboard) tells what it shows, how programs say who may do what, and what the API answers.

// Top layer: imports lib.rs's re-exports, and private items of the layers below. Only the command `web` imports it.
mod access;
mod actions;
pub(crate) mod api;
mod assets;
pub(crate) mod authorized;
mod changes;
mod charts;
pub(crate) mod failure;
mod form;
mod format;
mod headers;
mod input;
mod layout;
mod location;
mod operations;
mod origin;
mod pages;
pub(crate) mod routes;
mod shared;
pub(crate) mod standalone;
mod stream;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::HeaderName;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::RouterIntoService;
use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;

pub use access::{Access, Refusal};
use failure::Failure;
use operations::Operations;
use shared::Shared;
use visitor::{SignedIn, Visitor};

/// A page that takes longer is not waited for. The database may go on.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// With this header, the script asks for the content of a page without its frame.
const FRAGMENT: HeaderName = HeaderName::from_static("jobs-fragment");

/// A form is a few names.
const LARGEST_FORM: usize = 64 * 1024;

/// The dashboard with its HTTP API, as a service for [`nest_service`](axum::Router::nest_service).
///
/// Every request is first answered by `access`, also one for what does not exist. Whatever is shown or done is shown or done by the
/// [session](crate::acting_as) of that principal: what it may not do is not offered, and refused if it is tried. Changes are written in
/// the audit. The program sets the address: all links are relative.
///
/// It never blocks. An action on many jobs is a task, which ends with the service at the latest; [`watch`](crate::watch()) has one while
/// somebody looks at a job that has not ended; and so has what is read once for all who look, until it is read. What else takes longer than 5 seconds is answered with 503 (Service Unavailable); the
/// database may go on with it.
///
/// The page of a job that has not ended holds a stream of events open, for ten minutes at most. A server that waits for open requests
/// when it stops, as with axum's graceful shutdown, needs [`service_until`].
#[must_use]
pub fn service(db: DatabaseConnection, access: Access) -> RouterIntoService<Body> {
    service_until(db, access, CancellationToken::new())
}

/// The dashboard, as [`service`] makes it, whose streams of events end when the token is canceled.
///
/// ```no_run
/// # async fn run(db: jobs::sea_orm::DatabaseConnection, access: jobs::web::Access) -> std::io::Result<()> {
/// use axum::Router;
/// use jobs::{CancellationToken, web};
///
/// let stop = CancellationToken::new();
/// let app: Router = Router::new().nest_service("/jobs", web::service_until(db, access, stop.clone()));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// axum::serve(listener, app)
///     .with_graceful_shutdown(async move {
///         let _ = tokio::signal::ctrl_c().await;
///         stop.cancel();
///     })
///     .await
/// # }
/// ```
#[must_use]
pub fn service_until(db: DatabaseConnection, access: Access, stop: CancellationToken) -> RouterIntoService<Body> {
    let shared = Arc::new(Shared::new(&db));
    let gate = Gate { db, access: access.clone(), shared, operations: Arc::default(), stop };
    // The last layer is the first to see a request.
    routes::router()
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(from_fn(in_time))
        .layer(from_fn_with_state(access, changes::only_from_here))
        .layer(from_fn_with_state(gate, authenticate))
        .into_service()
}

/// What opens a session. Handlers do not have it.
#[derive(Clone)]
struct Gate {
    db: DatabaseConnection,
    access: Access,
    shared: Arc<Shared>,
    /// They end with the last clone of the service.
    operations: Arc<Operations>,
    stop: CancellationToken,
}

/// Asks the program who it is, and opens that one's session.
async fn authenticate(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let is_api = api::is_asked_at(&parts.uri);
    let principal = match gate.access.principal(&parts) {
        Ok(principal) => principal,
        Err(refusal) => return answer_refusal(refusal.into_answer(), is_api),
    };
    let visitor = Visitor {
        session: crate::acting_as(&gate.db, principal),
        shared: gate.shared,
        operations: Arc::clone(&gate.operations),
        base: location::base(&parts),
        changes: !parts.method.is_safe(),
        has_frame: parts.headers.contains_key(FRAGMENT),
        can_sign_out: parts.extensions.get::<SignedIn>().is_some(),
        stop: gate.stop,
    };
    parts.extensions.insert(visitor.clone());
    let response = next.run(Request::from_parts(parts, body)).await;
    // Programs do not look at what comes of a change, and may send many a second.
    if visitor.changes && !is_api {
        visitor.shared.forget();
    }
    headers::add(tell(response, Some(&visitor), is_api))
}

fn answer_refusal(answer: Response, is_api: bool) -> Response {
    // The program's own pages may need what ours do not.
    if Failure::is_told(&answer) { headers::add(tell(answer, None, is_api)) } else { answer }
}

/// Makes a page, or JSON, of a failure; other answers stay.
fn tell(answer: Response, visitor: Option<&Visitor>, is_api: bool) -> Response {
    if is_api {
        return api::failure::write(answer, visitor.is_some_and(|visitor| visitor.changes));
    }
    layout::draw(answer, visitor)
}

async fn in_time(request: Request, next: Next) -> Response {
    let answer = tokio::time::timeout(TIME_LIMIT, next.run(request)).await;
    answer.unwrap_or_else(|_| Failure::Slow.into_response())
}
