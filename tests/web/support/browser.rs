//! Asks the dashboard as a browser does, without a port.

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use axum::routing::RouterIntoService;
use jobs::web::{Access, service};
use jobs::{Principal, Role};
use jobs_tests::{Database, soon};
use sea_orm::DatabaseConnection;
use tower::ServiceExt as _;

use super::events::Events;

/// A browser, whose user the dashboard knows.
#[derive(Clone)]
pub(crate) struct Browser(RouterIntoService<Body>);

/// What the browser gets.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Browser {
    /// The browser of ada, who has this role.
    pub(crate) fn of(t: &Database, role: Role) -> Self {
        Self::of_principal(t, Principal::new("ada", role))
    }

    pub(crate) fn of_principal(t: &Database, principal: Principal) -> Self {
        Self::with(t.db().clone(), Access::by(move |_| Ok(principal.clone())))
    }

    pub(crate) fn with(db: DatabaseConnection, access: Access) -> Self {
        Self::serving(service(db, access))
    }

    pub(crate) const fn serving(dashboard: RouterIntoService<Body>) -> Self {
        Self(dashboard)
    }

    pub(crate) async fn get(&self, address: &str) -> Answer {
        self.send(request(Method::GET, address, &[]).body(Body::empty()).unwrap()).await
    }

    /// Asks for the content of a page, as its script does.
    pub(crate) async fn fragment(&self, address: &str) -> Answer {
        self.send(request(Method::GET, address, &[("jobs-fragment", "1")]).body(Body::empty()).unwrap()).await
    }

    /// Opens a stream of events.
    pub(crate) async fn follow(&self, address: &str, headers: &[(&str, &str)]) -> Events {
        let request = request(Method::GET, address, headers).body(Body::empty()).unwrap();
        Events::of(soon(self.0.clone().oneshot(request)).await.unwrap())
    }

    /// Sends a form, as one of the pages does.
    pub(crate) async fn post(&self, address: &str, form: &str) -> Answer {
        self.post_with(address, form, &[("sec-fetch-site", "same-origin")]).await
    }

    /// Sends a form with these headers.
    pub(crate) async fn post_with(&self, address: &str, form: &str, headers: &[(&str, &str)]) -> Answer {
        let request =
            request(Method::POST, address, headers).header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form.to_owned())).unwrap()).await
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        Answer::of(soon(self.0.clone().oneshot(request)).await.unwrap()).await
    }
}

pub(crate) fn request(method: Method, address: &str, headers: &[(&str, &str)]) -> axum::http::request::Builder {
    let request = Request::builder().method(method).uri(address);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Self { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    /// The page, which must have been found.
    #[track_caller]
    pub(crate) fn page(self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        self.body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where the answer leads, which must lead elsewhere.
    #[track_caller]
    pub(crate) fn leads_to(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.header("location")
    }
}
