//! Following a job: an event stream, which is read by `EventSource` in browsers, and line by line elsewhere.

use axum::extract::{FromRequest, Request};
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::Output;
use super::failure::ErrorAnswer;
use super::input::{Asks, Id, Input, Query, parameters};
use super::schema::{Schema as _, Schemas, object};
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::stream as event_stream;
use crate::{Error, JobEvent, JobEventId, JobEventKind, JobId, JobRecord, JobState, Message};

/// The job to follow, and the last event that is known.
pub(in crate::web::api) struct Follow {
    id: JobId,
    after: Option<JobEventId>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    after: Option<String>,
}

object! { read Known "Where to go on." {
    after: "The last event that is known, if the header `Last-Event-ID` does not say it.",
} }

impl<S: Send + Sync> FromRequest<S> for Follow {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (mut parts, _) = request.into_parts();
        let Id(id) = Id::of(&parts)?;
        let Query(Known { after }) = Query::of(&mut parts).await?;
        let after = after.map(|event| event.parse()).transpose()?;
        Ok(Self { id, after: event_stream::last_event(&parts.headers)?.or(after) })
    }
}

impl Input for Follow {
    fn describe(_: &mut Schemas) -> Asks {
        let last = json!({
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The last event that is known. Those after it are told, without a gap or a repeat.",
            "schema": { "type": "string" },
        });
        Asks { parameters: [vec![Id::parameter()], parameters::<Known>(), vec![last]].concat(), body: None }
    }
}

/// The events of a job, or none if all are known.
pub(in crate::web::api) struct Events(Response);

impl IntoResponse for Events {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Output for Events {
    fn describe(named: &mut Schemas) -> Value {
        let data =
            [JobState::schema(named), Message::schema(named), JobRecord::schema(named), ErrorAnswer::schema(named)];
        json!({
            "200": {
                "description": "An event stream: `state` (JobState), `message` (Message), and last `end` (JobRecord), each with an `id`; or \
                    `problem` (ErrorAnswer) if it can't go on. It ends after ten minutes at the latest: ask again, with the last `id`.",
                "content": { "text/event-stream": { "schema": { "type": "string" }, "x-data": { "anyOf": data } } },
            },
            "204": { "description": "The job has ended, and all its events are known." },
        })
    }
}

pub(in crate::web::api) async fn follow_job(view: Authorized<View>, follow: Follow) -> Result<Events, Failure> {
    let told = |event| Some(told(event));
    Ok(Events(event_stream::follow(&view, follow.id, follow.after, told).await?))
}

fn told(event: Result<JobEvent, Error>) -> Event {
    match event {
        Ok(JobEvent { id, kind }) => match kind {
            JobEventKind::State(state) => of("state", &state),
            JobEventKind::Message(message) => of("message", &message),
            JobEventKind::End(job) => of("end", &*job),
        }
        .id(id.to_string()),
        Err(error) => of("problem", &ErrorAnswer::from(Failure::from(error))),
    }
}

/// JSON is one line.
fn of(name: &str, data: &impl Serialize) -> Event {
    let data = serde_json::to_string(data).unwrap_or_else(|error| {
        tracing::error!("an event of a job can't be written: {error}");
        "null".to_owned()
    });
    Event::default().event(name).data(data)
}
