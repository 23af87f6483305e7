//! Reads a stream of events as a browser does.

use axum::body::BodyDataStream;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use futures_util::StreamExt as _;
use jobs_tests::soon;

/// A stream that has been opened.
pub(crate) struct Events {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    body: BodyDataStream,
    unread: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) id: String,
    pub(crate) data: String,
}

impl Events {
    pub(crate) fn of(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.into_data_stream();
        Self { status: parts.status, headers: parts.headers, body, unread: String::new() }
    }

    /// The next event; none at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(end) = self.unread.find("\n\n") {
                let event = Event::parse(&self.unread[..end]);
                self.unread.drain(..end + 2);
                if event.is_some() {
                    return event;
                }
                continue;
            }
            let chunk = soon(self.body.next()).await?.unwrap();
            self.unread.push_str(str::from_utf8(&chunk).unwrap());
        }
    }

    /// All events, to the end of the stream.
    pub(crate) async fn all(mut self) -> Vec<Event> {
        assert_eq!(self.status, StatusCode::OK);
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

impl Event {
    /// None if it is only a comment.
    fn parse(block: &str) -> Option<Self> {
        let mut event = Self { id: String::new(), data: String::new() };
        for line in block.lines().filter(|line| !line.starts_with(':')) {
            match line.split_once(": ").unwrap() {
                ("id", id) => event.id.push_str(id),
                ("data", data) => event.data.push_str(data),
                other => panic!("an unknown field: {other:?}"),
            }
        }
        (!event.data.is_empty()).then_some(event)
    }
}
