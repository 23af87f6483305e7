//! The dashboard alone, for the command `web`: a server of its own, which has to find out who comes.
//!
//! Whoever comes is let in by a link that is valid once, by a shared token, or because a proxy names them. The first two open a session,
//! which a cookie carries.

mod entrance;
mod hosts;
mod links;
mod login;
pub(super) mod secret;
mod sessions;
mod token;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use sea_orm::DatabaseConnection;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::assets::{ICON, STYLE};
use super::input::Asked;
use super::pages::files::Version;
use super::visitor::SignedIn;
use super::{LARGEST_FORM, api, changes, headers};
use entrance::Entrance;
pub use entrance::{Proxy, ShowLink, Ways};
pub use hosts::Hosts;
pub use links::LINK_VALID;
pub use token::{Token, TokenError};

/// How long requests may go on when the server is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// The dashboard with its ways in.
#[derive(Debug)]
pub struct Standalone {
    router: Router,
    entrance: Arc<Entrance>,
    /// Ends streams, and the server.
    stopping: CancellationToken,
}

impl Standalone {
    /// The dashboard at this address, which is known to browsers by these names.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the dashboard itself answers whatever is not open to everybody")]
    pub fn new(db: DatabaseConnection, address: SocketAddr, hosts: Hosts, ways: Ways) -> Self {
        let entrance = Arc::new(Entrance::new(ways, address));
        let (known, stopping) = (Arc::clone(&entrance), CancellationToken::new());
        let access =
            Access::by(move |request| known.principal(request).ok_or_else(|| login::ask(&known, request).into()));
        // The last layer is the first to see a request. What is added after a layer is not under it.
        let router = open_routes(Arc::clone(&entrance))
            .layer(DefaultBodyLimit::max(LARGEST_FORM))
            .layer(from_fn(super::in_time))
            .layer(from_fn_with_state(access.clone(), changes::only_from_here))
            .fallback_service(super::service_until(db, access, stopping.clone()))
            .layer(from_fn_with_state(Arc::clone(&entrance), mark_session))
            .layer(from_fn_with_state(hosts, hosts::only_known))
            .layer(from_fn(tell_failures))
            .layer(map_response(async |answer| headers::add(answer)));
        Self { router, entrance, stopping }
    }

    /// Shows a link, if that is a way in.
    pub fn show_link(&self) {
        self.entrance.show_link();
    }

    /// Returns the router that answers requests. They must have the address of their sender, as [`serve`](Self::serve) gives it to them.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Serves it until told to stop. Streams end then; requests that are open have 5 seconds to end.
    pub async fn serve(self, listener: TcpListener, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (stopping, told) = (self.stopping.clone(), self.stopping);
        let service = self.router.into_make_service_with_connect_info::<SocketAddr>();
        let served = axum::serve(listener, service).with_graceful_shutdown(async move {
            stop.await;
            told.cancel();
        });
        tokio::select! {
            served = served.into_future() => served,
            () = async { stopping.cancelled().await; tokio::time::sleep(GRACE).await } => Ok(()),
        }
    }
}

async fn tell_failures(request: Request, next: Next) -> Response {
    let is_api = api::is_asked_at(request.uri());
    super::tell(next.run(request).await, None, is_api)
}

/// Tells the pages whether whoever asks can sign out.
async fn mark_session(State(entrance): State<Arc<Entrance>>, mut request: Request, next: Next) -> Response {
    if entrance.has_session(request.headers()) {
        request.extensions_mut().insert(SignedIn);
    }
    next.run(request).await
}

/// What is answered to everybody: how to sign in and out, and what that page looks like.
#[expect(clippy::disallowed_methods, reason = "nobody has a session here yet")]
fn open_routes(entrance: Arc<Entrance>) -> Router {
    Router::new()
        .route("/login", get(login::show).post(login::enter))
        .route("/link", post(login::show_link))
        .route("/logout", post(login::leave))
        .route("/style.css", get(async |asked: Asked<Version>| STYLE.answer(&asked.0.v)))
        .route("/icon.svg", get(async |asked: Asked<Version>| ICON.answer(&asked.0.v)))
        .method_not_allowed_fallback(async || super::failure::Failure::NoSuchMethod)
        .with_state(entrance)
}
