//! Following a job by an event stream.

use axum::http::{Method, StatusCode};
use jobs::Role;
use jobs::prelude::*;
use jobs_tests::{Database, Running, cases};
use serde_json::{Value, json};

use crate::support::api::{Program, Reply};
use crate::support::definitions::{Talk, ended};

cases![
    a_job_is_followed_to_its_end_and_from_any_event_on,
    whoever_knows_the_end_is_told_that_nothing_follows,
    a_job_that_is_not_there_or_an_event_that_is_none_is_refused,
    proxies_neither_keep_events_nor_hold_them_back,
];

/// The events of a stream: each with its name, its id, and its data.
fn events(reply: &Reply) -> Vec<(String, String, Value)> {
    assert_eq!(reply.header("content-type"), "text/event-stream", "{reply:?}");
    let text = reply.body.as_str().unwrap();
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty() && !block.starts_with(':'));
    let field = |block: &str, name: &str| {
        let lines = block.lines().filter_map(|line| line.split_once(": "));
        let mut values = lines.filter(|(field, _)| *field == name).map(|(_, value)| value.to_owned());
        values.next().unwrap_or_else(|| panic!("no {name}: {block}"))
    };
    let event =
        |block: &str| (field(block, "event"), field(block, "id"), serde_json::from_str(&field(block, "data")).unwrap());
    blocks.map(event).collect()
}

async fn a_job_is_followed_to_its_end_and_from_any_event_on(t: Database) {
    let program = Program::of(&t, Role::Operator).await;
    let id = Talk::new("well").schedule(t.db()).await.unwrap().id();
    // Both at once: the stream ends because the job does.
    let path = format!("/api/jobs/{id}/events");
    let follow = async {
        let worker = Running::start(Worker::new(t.db().clone()));
        let reply = program.get(&path).await;
        worker.stop().await;
        reply
    };
    let all = events(&follow.await);
    let messages: Vec<_> = all.iter().filter(|(name, ..)| name == "message").map(|(.., data)| &data["text"]).collect();
    assert_eq!(messages, ["it begins", "it is odd"]);
    let (name, _, end) = all.last().unwrap();
    assert_eq!((name.as_str(), &end["status"]), ("end", &json!("terminated")));
    assert_eq!(end["results"], json!({ "half": 0.5, "output": "it is done" }));
    let (_, ids): (Vec<_>, Vec<_>) = all.iter().map(|(name, id, _)| (name, id)).unzip();
    for known in 0..all.len() - 1 {
        let header = [("last-event-id", ids[known].as_str())];
        let rest = events(&program.send(Method::GET, &path, &header, "").await);
        let in_query = events(&program.get(&format!("{path}?after={}", ids[known])).await);
        assert_eq!(rest, in_query);
        // In between are states that are over: of them, only messages are told again.
        let told = |events: &[(String, String, Value)]| {
            let lasting = events.iter().filter(|(name, ..)| name != "state");
            lasting.map(|(name, _, data)| (name.clone(), data.clone())).collect::<Vec<_>>()
        };
        assert_eq!(told(&rest), told(&all[known + 1..]), "after {}", ids[known]);
    }
}

async fn whoever_knows_the_end_is_told_that_nothing_follows(t: Database) {
    let program = Program::of(&t, Role::Operator).await;
    let id = ended(&t, "well").await;
    let path = format!("/api/jobs/{id}/events");
    let all = events(&program.get(&path).await);
    let (name, last, _) = all.last().unwrap();
    assert_eq!(name, "end");
    let reply = program.send(Method::GET, &path, &[("last-event-id", last)], "").await;
    assert_eq!((reply.status, reply.body), (StatusCode::NO_CONTENT, json!("")));
}

async fn a_job_that_is_not_there_or_an_event_that_is_none_is_refused(t: Database) {
    let program = Program::of(&t, Role::Operator).await;
    program.get("/api/jobs/7/events").await.refused(StatusCode::NOT_FOUND, "not_found");
    let id = ended(&t, "well").await;
    for event in ["", "x", "1-2", "1-2-300"] {
        let path = format!("/api/jobs/{id}/events");
        let header = [("last-event-id", event)];
        program.send(Method::GET, &path, &header, "").await.refused(StatusCode::BAD_REQUEST, "invalid");
        program.get(&format!("{path}?after={event}")).await.refused(StatusCode::BAD_REQUEST, "invalid");
    }
}

async fn proxies_neither_keep_events_nor_hold_them_back(t: Database) {
    let program = Program::of(&t, Role::Viewer).await;
    let id = ended(&t, "well").await;
    let reply = program.get(&format!("/api/jobs/{id}/events")).await;
    assert_eq!((reply.header("cache-control"), reply.header("x-accel-buffering")), ("no-store", "no"));
}
