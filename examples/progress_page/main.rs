//! A page on which a program's own users follow their import: `cargo run --example progress_page`, and open the address that it prints.
//!
//! Whoever starts an import is led to a page with a signed token in its address. Whoever has the address can follow the import, without an
//! account: after a reload, on another device, several at once. It names one job, and it expires.
//!
//! ```sh
//! cargo test --test progress_page   # clients follow imports, in `tests.rs`
//! ```

mod import;
pub(crate) mod token;

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Form, Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, serve};
use futures_util::{Stream, StreamExt};
use import::ImportOrders;
use jobs::prelude::*;
use jobs::sea_orm::DatabaseConnection;
use jobs::{BoxError, JobEvent, JobEventKind};
use serde::Deserialize;
use serde_json::json;
use token::{Refused, Signer};

/// How long a page can be followed after the import was started.
pub(crate) const VALID: Duration = Duration::from_hours(1);

/// The page loads its own script and style, and connects to its own server; nothing else is executed, loaded or embedded.
const HEADERS: [(HeaderName, &str); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; \
         base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The address is a secret: other sites are not told where their visitors come from.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

#[derive(Clone)]
pub(crate) struct App {
    pub(crate) db: DatabaseConnection,
    pub(crate) signer: Signer,
}

#[derive(Deserialize)]
struct NewImport {
    file: String,
}

#[derive(Deserialize)]
struct Followed {
    token: String,
}

/// Anyone may start an import here. A real program asks who it is first.
async fn start(State(app): State<App>, Form(new): Form<NewImport>) -> Result<Redirect, StatusCode> {
    let job = ImportOrders::new(new.file).schedule(&app.db).await.map_err(|error| {
        tracing::error!(%error, "an import is not scheduled");
        StatusCode::INTERNAL_SERVER_ERROR
    })?;
    Ok(Redirect::to(&format!("progress?token={}", app.signer.sign(job.id(), VALID))))
}

async fn page(State(app): State<App>, Query(followed): Query<Followed>) -> Result<Html<&'static str>, Refused> {
    app.signer.check(&followed.token)?;
    Ok(Html(include_str!("page.html")))
}

/// Streams what happens to the import. A browser that has lost the connection names the last event that it knows.
async fn events(
    State(app): State<App>,
    Query(followed): Query<Followed>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refused> {
    let pass = app.signer.check(&followed.token)?;
    let events = jobs::watch(&app.db, pass.job);
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse().ok());
    let events = match last {
        Some(last) => events.after(last),
        None => events,
    };
    // Whoever stays does not see more than whoever comes back.
    let events = told(events).take_until(tokio::time::sleep(pass.valid_for));
    // A proxy must not keep events until there are many.
    Ok(([("x-accel-buffering", "no")], Sse::new(events).keep_alive(KeepAlive::new())))
}

/// What users are told: not the errors, which are for operators.
fn told(events: impl Stream<Item = Result<JobEvent, jobs::Error>>) -> impl Stream<Item = Result<Event, Infallible>> {
    events.filter_map(async |event| {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::warn!(%error, "an import can't be followed");
                return Some(Ok(Event::default().event("gone").data("{}")));
            }
        };
        let (name, data) = match event.kind {
            JobEventKind::State(state) => ("state", json!({ "status": state.status, "progress": state.progress })),
            JobEventKind::Message(message) => ("note", json!({ "text": message.text })),
            JobEventKind::End(job) => ("end", json!({ "status": job.status, "orders": job.output::<u64>().ok() })),
            _ => return None,
        };
        Some(Ok(Event::default().id(event.id.to_string()).event(name).data(data.to_string())))
    })
}

async fn protect(mut response: Response) -> Response {
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

pub(crate) fn router(app: App) -> Router {
    let file = |media_type: &'static str, content: &'static str| get(([(header::CONTENT_TYPE, media_type)], content));
    Router::new()
        .route("/", get(Html(include_str!("start.html"))))
        .route("/imports", post(start))
        .route("/progress", get(page))
        .route("/events", get(events))
        .route("/progress.js", file("text/javascript; charset=utf-8", include_str!("progress.js")))
        .route("/style.css", file("text/css; charset=utf-8", include_str!("style.css")))
        .layer(map_response(protect))
        .with_state(app)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}/", listener.local_addr()?);
    let app = App { db: db.clone(), signer: Signer::random()? };
    tokio::select! {
        served = async { serve(listener, router(app)).await } => served?,
        // It ends at Ctrl-C, when its jobs have ended.
        worked = Worker::new(db).run() => worked?,
    }
    Ok(())
}
