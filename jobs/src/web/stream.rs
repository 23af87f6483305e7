//! Streams of events (`text/event-stream`): each ends after ten minutes, so that it is checked anew who may read it, and when the server
//! stops.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;

use super::authorized::{Authorized, View};
use super::failure::Failure;
use crate::{Error, JobEvent, JobEventId, JobId};

/// Proxies end what is silent for a minute, for example.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// Browsers connect again.
const LONGEST: Duration = Duration::from_mins(10);

/// The event after which a browser that was cut off goes on.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Where a browser goes on by itself.
pub(super) fn last_event(headers: &HeaderMap) -> Result<Option<JobEventId>, Error> {
    let last = headers.get(LAST_EVENT_ID).map(|id| String::from_utf8_lossy(id.as_bytes()));
    last.map(|id| id.parse()).transpose()
}

/// Answers with what follows this event of a job, as `told` tells it.
pub(super) async fn follow(
    view: &Authorized<View>,
    id: JobId,
    after: Option<JobEventId>,
    told: impl Fn(Result<JobEvent, Error>) -> Option<Event> + Send + 'static,
) -> Result<Response, Failure> {
    let job = view.session().record(id).await?;
    if after.is_some_and(|after| after.is_last_of(&job)) {
        // Otherwise browsers would ask forever.
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let events = view.session().watch(id)?;
    let events = match after {
        Some(after) => events.after(after),
        None => events,
    };
    Ok(answer(events.filter_map(move |event| ready(told(event))), view.stop()))
}

/// Answers with these events.
fn answer(events: impl Stream<Item = Event> + Send + 'static, stop: CancellationToken) -> Response {
    answer_within(LONGEST, COMMENT_EVERY, events, stop)
}

fn answer_within(
    longest: Duration,
    comment_every: Duration,
    events: impl Stream<Item = Event> + Send + 'static,
    stop: CancellationToken,
) -> Response {
    let end = Box::pin(async move { _ = tokio::time::timeout(longest, stop.cancelled_owned()).await });
    let events = events.take_until(end).map(Ok::<_, Infallible>);
    let headers = [
        (header::CACHE_CONTROL, "no-store"),
        // Proxies, nginx among them, would keep events until there are many.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Sse::new(events).keep_alive(KeepAlive::new().interval(comment_every))).into_response()
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_hours(1);

    /// An event, and then nothing for ever.
    fn one_event() -> impl Stream<Item = Event> {
        stream::once(async { Event::default().data("one") }).chain(stream::pending())
    }

    async fn read(answer: Response) -> String {
        let body = axum::body::to_bytes(answer.into_body(), usize::MAX).await.expect("it ends well");
        String::from_utf8(body.to_vec()).expect("text")
    }

    #[tokio::test]
    async fn a_stream_ends_after_its_time() {
        assert_eq!(read(answer_within(SHORT, LONG, one_event(), CancellationToken::new())).await, "data: one\n\n");
    }

    #[tokio::test]
    async fn a_stream_ends_when_the_server_stops() {
        let stop = CancellationToken::new();
        let reading = tokio::spawn(read(answer(one_event(), stop.clone())));
        tokio::time::sleep(SHORT).await;
        assert!(!reading.is_finished());
        stop.cancel();
        assert_eq!(reading.await.expect("no panic"), "data: one\n\n");
    }

    #[tokio::test]
    async fn a_silent_stream_has_comments() {
        let mut body = answer_within(LONG, SHORT, one_event(), CancellationToken::new()).into_body().into_data_stream();
        let mut text = String::new();
        while text.matches("\n:\n").count() + usize::from(text.starts_with(":\n")) < 2 {
            let chunk = body.next().await.expect("it goes on").expect("it is read");
            text.push_str(str::from_utf8(&chunk).expect("text"));
        }
        assert!(text.starts_with("data: one\n\n:\n"), "{text}");
    }
}
