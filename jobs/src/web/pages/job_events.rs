//! What happens to a job, as a stream: it tells the page when to ask for itself again.

use axum::http::HeaderMap;
use axum::response::Response;
use axum::response::sse::Event;
use serde::Deserialize;

use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::input::Asked;
use crate::web::stream as event_stream;
use crate::{Error, JobEvent, JobEventId, JobEventKind, JobId};

/// The job, and the event after which the page goes on.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    id: JobId,
    after: Option<JobEventId>,
}

/// Each event says what kind it is, and nothing else: what may be seen of it is on the page.
pub(in crate::web) async fn follow(
    view: Authorized<View>,
    (headers, Asked(which)): (HeaderMap, Asked<Which>),
) -> Result<Response, Failure> {
    let after = event_stream::last_event(&headers)?.or(which.after);
    event_stream::follow(&view, which.id, after, told).await
}

/// After an error the stream ends: the page asks for itself, and is told what is wrong.
fn told(event: Result<JobEvent, Error>) -> Option<Event> {
    let event = event.inspect_err(|error| tracing::debug!(%error, "a job is no longer followed")).ok()?;
    let kind = match event.kind {
        JobEventKind::State(_) => "state",
        JobEventKind::Message(_) => "message",
        JobEventKind::End(_) => "end",
    };
    Some(Event::default().id(event.id.to_string()).data(kind))
}
