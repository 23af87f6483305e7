//! The stream that tells the page of a job when to ask for itself again.

use axum::http::StatusCode;
use jobs::web::{Access, service_until};
use jobs::{CancellationToken, JobId, Principal, Role, Worker};
use jobs_tests::{Database, cases, soon};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::browser::Browser;
use crate::support::definitions::{ended, later};
use crate::support::events::Event;
use crate::support::server::{Server, TOKEN};

cases![
    a_stream_tells_what_happens_to_a_job_and_ends_with_it,
    a_stream_goes_on_after_the_last_event_that_is_known,
    a_page_is_followed_from_what_it_shows,
    a_page_is_followed_until_the_job_has_ended,
    a_viewer_is_told_that_something_happens_and_not_what,
    a_stream_has_the_headers_that_browsers_and_proxies_need,
    what_can_not_be_followed_is_told,
    a_stream_ends_if_the_job_is_deleted,
    a_stream_ends_when_the_program_says_so,
    a_server_with_an_open_stream_stops,
];

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.data.as_str()).collect()
}

async fn a_stream_tells_what_happens_to_a_job_and_ends_with_it(t: Database) {
    let id = later(&t).await;
    let mut stream = Browser::of(&t, Role::Operator).follow(&format!("/job-events?id={id}"), &[]).await;
    let first = stream.next().await.unwrap();
    assert_eq!(first.data, "state");
    jobs::run_now(t.db(), id).await.unwrap();
    soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap();
    let rest = stream.all().await;
    // Of states in quick succession, the last is told.
    let kinds: Vec<_> = kinds(&rest).into_iter().filter(|kind| *kind != "state").collect();
    assert_eq!(kinds, ["message", "message", "end"]);
    assert_eq!(rest.last().unwrap().data, "end");
}

async fn a_stream_goes_on_after_the_last_event_that_is_known(t: Database) {
    let id = ended(&t, "well").await;
    let browser = Browser::of(&t, Role::Viewer);
    let address = format!("/job-events?id={id}");
    let all = browser.follow(&address, &[]).await.all().await;
    assert_eq!(kinds(&all), ["message", "message", "end"]);
    for (index, event) in all.iter().enumerate().take(2) {
        let known = [("last-event-id", event.id.as_str())];
        assert_eq!(browser.follow(&address, &known).await.all().await, all[index + 1..]);
        let after = format!("{address}&after={}", event.id);
        assert_eq!(browser.follow(&after, &[]).await.all().await, all[index + 1..]);
        // What a browser knows is newer than what its page has shown.
        let after = format!("{address}&after={}", all[0].id);
        assert_eq!(browser.follow(&after, &known).await.all().await, all[index + 1..]);
    }
    // After the end, a browser is told not to ask again.
    let over = browser.follow(&address, &[("last-event-id", &all[2].id)]).await;
    assert_eq!(over.status, StatusCode::NO_CONTENT);
}

/// Logs a message as an attempt would.
async fn say(t: &Database, id: JobId, version: i64, number: u32) {
    let now = t.seconds_from_now(0);
    t.execute(&format!(
        "INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text)
         VALUES ({id}, 1, {version}, {number}, 2, {now}, 'message {number};')"
    ))
    .await;
}

/// The address of the stream that a page names.
fn stream_of(page: &str) -> Option<String> {
    let (_, rest) = page.split_once(" data-events=\"")?;
    Some(format!("/{}", rest.split_once('"').unwrap().0.replace("&amp;", "&")))
}

async fn a_page_is_followed_from_what_it_shows(t: Database) {
    let id = later(&t).await;
    let version = jobs::record(t.db(), id).await.unwrap().version;
    for number in 1..=3 {
        say(&t, id, version, number).await;
    }
    let browser = Browser::of(&t, Role::Viewer);
    let address = stream_of(&browser.get(&format!("/job?id={id}")).await.page()).unwrap();
    let mut stream = browser.follow(&address, &[]).await;
    say(&t, id, version, 4).await;
    let event = stream.next().await.unwrap();
    assert_eq!((event.data.as_str(), event.id), ("message", format!("{version}-4-0")));
}

async fn a_page_is_followed_until_the_job_has_ended(t: Database) {
    let browser = Browser::of(&t, Role::Viewer);
    let (waits, over) = (later(&t).await, ended(&t, "well").await);
    assert!(stream_of(&browser.fragment(&format!("/job?id={waits}")).await.page()).is_some());
    let page = browser.fragment(&format!("/job?id={over}")).await.page();
    assert!(stream_of(&page).is_none() && !page.contains("data-refresh"), "{page}");
}

async fn a_viewer_is_told_that_something_happens_and_not_what(t: Database) {
    let id = ended(&t, "it went wrong").await;
    let answer = Browser::of(&t, Role::Viewer).get(&format!("/job-events?id={id}")).await.page();
    for hidden in ["it went wrong", "it begins", "open sesame", "half"] {
        assert!(!answer.contains(hidden), "{answer}");
    }
    assert_eq!(answer.matches("data: ").count(), 3, "{answer}");
}

async fn a_stream_has_the_headers_that_browsers_and_proxies_need(t: Database) {
    let id = ended(&t, "well").await;
    let stream = Browser::of(&t, Role::Viewer).follow(&format!("/job-events?id={id}"), &[]).await;
    for (name, value) in [
        ("content-type", "text/event-stream"),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(stream.headers.get(name).unwrap(), value, "{name}");
    }
    assert!(stream.headers.contains_key("content-security-policy"));
}

async fn what_can_not_be_followed_is_told(t: Database) {
    let browser = Browser::of(&t, Role::Viewer);
    let id = later(&t).await;
    for (address, known, status) in [
        ("/job-events?id=0".to_owned(), "", StatusCode::NOT_FOUND),
        ("/job-events".to_owned(), "", StatusCode::BAD_REQUEST),
        (format!("/job-events?id={id}&after=7"), "", StatusCode::BAD_REQUEST),
        (format!("/job-events?id={id}"), "7", StatusCode::BAD_REQUEST),
        (format!("/job-events?id={id}"), "x", StatusCode::BAD_REQUEST),
    ] {
        let headers = [("last-event-id", known)];
        let headers = if known.is_empty() { &[][..] } else { &headers };
        assert_eq!(browser.follow(&address, headers).await.status, status, "{address} {known}");
    }
}

async fn a_stream_ends_if_the_job_is_deleted(t: Database) {
    let id = later(&t).await;
    let mut stream = Browser::of(&t, Role::Viewer).follow(&format!("/job-events?id={id}"), &[]).await;
    stream.next().await.unwrap();
    t.execute(&format!("DELETE FROM jobs_job WHERE id = {id}")).await;
    assert_eq!(stream.next().await, None);
}

async fn a_stream_ends_when_the_program_says_so(t: Database) {
    let (id, stop) = (later(&t).await, CancellationToken::new());
    let access = Access::by(|_| Ok(Principal::new("ada", Role::Viewer)));
    let browser = Browser::serving(service_until(t.db().clone(), access, stop.clone()));
    let mut stream = browser.follow(&format!("/job-events?id={id}"), &[]).await;
    stream.next().await.unwrap();
    stop.cancel();
    assert_eq!(stream.next().await, None);
}

async fn a_server_with_an_open_stream_stops(t: Database) {
    let id = later(&t).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
    let serving = tokio::spawn(Server::by_token(&t).serve(listener, stop.clone()));
    let mut stream = soon(TcpStream::connect(address)).await.unwrap();
    let request = format!(
        "GET /job-events?id={id} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = String::new();
    while !received.contains("data: state\n\n") {
        let mut part = [0; 1_000];
        let length = soon(stream.read(&mut part)).await.unwrap();
        assert!(length > 0, "{received}");
        received.push_str(str::from_utf8(&part[..length]).unwrap());
    }
    stop.cancel();
    soon(stream.read_to_string(&mut received)).await.unwrap();
    // It is the end of the stream, not of the connection.
    assert!(received.ends_with("0\r\n\r\n"), "{received}");
    soon(serving).await.unwrap();
}
