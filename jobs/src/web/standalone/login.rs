//! Signing in and out: the page for whoever is not known, and what its forms send.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::entrance::Entrance;
use crate::web::api;
use crate::web::failure::Failure;
use crate::web::input::{Asked, Sent};
use crate::web::layout::{Layout, html_with};
use crate::web::location;

/// What a link says, and the forms.
#[derive(Debug, Deserialize)]
pub(super) struct Given {
    #[serde(default)]
    token: String,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'p> {
    layout: Layout,
    /// What did not work.
    problem: Option<&'p str>,
    /// The token of a link.
    token: &'p str,
    by_link: bool,
    by_token: bool,
    by_proxy: bool,
}

impl SignInPage<'_> {
    fn new(entrance: &Entrance, base: String) -> Self {
        let layout = Layout::new(None, None, "Sign in".to_owned()).with_base(base);
        let ways = &entrance.ways;
        let (by_link, by_token, by_proxy) = (ways.link.is_some(), ways.token.is_some(), ways.proxy.is_some());
        Self { layout, problem: None, token: "", by_link, by_token, by_proxy }
    }

    fn answer(&self, status: StatusCode) -> Response {
        html_with(status, self).unwrap_or_else(axum::response::IntoResponse::into_response)
    }
}

/// What is answered, at any address, if it is not known who asks.
pub(super) fn ask(entrance: &Entrance, request: &Parts) -> Response {
    if api::is_asked_at(&request.uri) {
        return ([(header::WWW_AUTHENTICATE, "Bearer")], Failure::NoToken).into_response();
    }
    SignInPage::new(entrance, location::base(request)).answer(StatusCode::UNAUTHORIZED)
}

/// Shows the form. With the token of a link it has a button: only that uses the link up, and not a program that looks at it in advance.
pub(super) async fn show(State(entrance): State<Arc<Entrance>>, asked: Asked<Given>) -> Response {
    let page = SignInPage::new(&entrance, String::new());
    let token = if page.by_link { &asked.0.token } else { "" };
    SignInPage { token, ..page }.answer(StatusCode::OK)
}

/// Exchanges a token for a session.
pub(super) async fn enter(
    State(entrance): State<Arc<Entrance>>,
    headers: HeaderMap,
    sent: Sent<Given>,
) -> Result<Response, Failure> {
    let Some(cookie) = entrance.sign_in(sent.0.token.trim(), &headers) else {
        let problem = match (&entrance.ways.link, &entrance.ways.token) {
            (Some(_), None) => "This link was used already, or is too old.",
            _ => "This is not the token.",
        };
        let page = SignInPage::new(&entrance, String::new());
        return Ok(SignInPage { problem: Some(problem), ..page }.answer(StatusCode::FORBIDDEN));
    };
    Ok((StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie.as_str()), (header::LOCATION, "overview")]).into_response())
}

/// Ends the session, and leads to where another one is opened.
pub(super) async fn leave(State(entrance): State<Arc<Entrance>>, headers: HeaderMap) -> Response {
    let cookie = entrance.sign_out(&headers);
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie.as_str()), (header::LOCATION, "login")]).into_response()
}

/// Shows a new link where the first one was shown.
pub(super) async fn show_link(State(entrance): State<Arc<Entrance>>) -> Response {
    entrance.show_link();
    let mut page = SignInPage::new(&entrance, String::new());
    if page.by_link {
        page.layout = page.layout.with_notice(Some("The newest link in the terminal is valid.".to_owned()));
    }
    page.answer(StatusCode::OK)
}
