//! Scheduling, listing, showing and changing jobs by the HTTP API.

use axum::http::{Method, StatusCode};
use jobs::prelude::*;
use jobs::{Action, AuditAction, AuditFilter, Principal, Role};
use jobs_tests::{Database, cases, soon};
use serde_json::{Value, json};

use crate::support::api::{JSON, Program};
use crate::support::definitions::{ended, later, unserved};

cases![
    a_job_is_scheduled_by_its_name_with_all_options,
    a_repeated_request_gives_the_same_job_even_if_it_has_ended,
    a_key_of_the_request_and_one_of_the_job_are_not_mixed,
    what_does_not_fit_is_refused_and_schedules_nothing,
    jobs_are_listed_by_a_filter_page_by_page,
    a_mistake_in_a_filter_is_pointed_at,
    a_job_is_shown_with_its_history_and_why_it_waits,
    a_viewer_sees_no_payload,
    a_job_is_canceled_scheduled_again_made_due_and_deleted,
    what_does_not_fit_the_state_of_the_job_is_a_conflict,
];

async fn a_job_is_scheduled_by_its_name_with_all_options(t: Database) {
    let program = Program::of_principal(&t, Principal::new("shop", Role::Admin).with_origin("203.0.113.7")).await;
    let options = json!({
        "delay_seconds": 3600.5, "priority": -7, "queue": "speeches", "max_attempts": 3, "timeout_seconds": 1.25,
        "user": "ada", "session": "s1", "event": "e1", "unique_key": "k1", "unique_within_seconds": 60,
        "unique_while": "scheduled", "on_conflict": "fail",
    });
    let parameters = json!({ "end": "well", "password": "open sesame" });
    let job = json!({ "name": "Talk", "parameters": parameters, "options": options });
    let reply = program.post("/api/jobs", &job).await;
    assert_eq!(reply.status, StatusCode::CREATED, "{reply:?}");
    let id = reply.body["id"].as_i64().unwrap();
    assert_eq!((&reply.body["existed"], reply.header("location")), (&json!(false), format!("jobs/{id}").as_str()));

    let record = jobs::record(t.db(), id).await.unwrap();
    assert_eq!((record.name.as_str(), record.queue.as_str(), record.priority), ("Talk", "speeches", -7));
    assert_eq!((record.max_attempts, record.timeout.unwrap().as_millis()), (3, 1_250));
    assert_eq!((record.user.as_deref(), record.session.as_deref()), (Some("ada"), Some("s1")));
    assert_eq!(record.event.as_deref(), Some("e1"));
    assert_eq!((record.scheduled_at - record.created_at).num_milliseconds(), 3_600_500);
    assert_eq!(record.parameter::<String>("end").unwrap(), "well");
    let password: String = jobs::reveal_parameter(t.db(), id, "password").await.unwrap();
    assert_eq!((password.as_str(), &record.secrets[..]), ("open sesame", &["password".to_owned()][..]));
    program.post("/api/jobs", &job).await.refused(StatusCode::CONFLICT, "duplicate");

    let auditor = jobs::acting_as(t.db(), Principal::new("auditor", Role::Admin));
    let audit = auditor.audit(AuditFilter::new()).await.unwrap().records;
    let [entry] = &audit[..] else { panic!("{audit:?}") };
    assert_eq!((entry.principal.as_str(), entry.origin.as_deref()), ("shop", Some("203.0.113.7")));
    assert_eq!((entry.action, entry.job), (AuditAction::Schedule, Some(record.id)));

    // At a time, of a definition that is not here, and with nothing but a name.
    let at = json!({ "name": "Elsewhere", "options": { "at": "2100-01-02T03:04:05Z" } });
    let id = program.post("/api/jobs", &at).await.done()["id"].as_i64().unwrap();
    let record = jobs::record(t.db(), id).await.unwrap();
    assert_eq!((record.scheduled_at.to_rfc3339(), record.parameters), ("2100-01-02T03:04:05+00:00".into(), json!({})));
}

async fn a_repeated_request_gives_the_same_job_even_if_it_has_ended(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    let job = json!({ "name": "Talk", "parameters": { "end": "well" } }).to_string();
    let send = async |key: &str| program.send(Method::POST, "/api/jobs", &[JSON, ("idempotency-key", key)], &job).await;
    let first = send("order 7").await;
    assert_eq!((first.status, &first.body["existed"]), (StatusCode::CREATED, &json!(false)));
    let again = send("order 7").await;
    assert_eq!((again.status, &again.body["existed"]), (StatusCode::OK, &json!(true)));
    assert_eq!(again.body["id"], first.body["id"]);
    soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap();
    let at_the_end = send("order 7").await;
    assert_eq!((at_the_end.status, &at_the_end.body["id"]), (StatusCode::OK, &first.body["id"]));
    assert_ne!(send("order 8").await.done()["id"], first.body["id"]);
    assert_eq!(jobs::counts(t.db(), jobs::JobFilter::new()).await.unwrap().total(), 2);
    for wrong in ["", "x".repeat(201).as_str()] {
        send(wrong).await.refused(StatusCode::BAD_REQUEST, "invalid");
    }
    let twice = [JSON, ("idempotency-key", "a"), ("idempotency-key", "b")];
    program.send(Method::POST, "/api/jobs", &twice, &job).await.refused(StatusCode::BAD_REQUEST, "invalid");
}

async fn a_key_of_the_request_and_one_of_the_job_are_not_mixed(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    for options in
        [json!({ "unique_key": "a" }), json!({ "unique_while": "scheduled" }), json!({ "on_conflict": "replace" })]
    {
        let job = json!({ "name": "Talk", "parameters": { "end": "well" }, "options": options }).to_string();
        let reply = program.send(Method::POST, "/api/jobs", &[JSON, ("idempotency-key", "a")], &job).await;
        assert!(reply.refused(StatusCode::BAD_REQUEST, "invalid").contains("Idempotency-Key"), "{reply:?}");
    }
    // Replacing is also editing.
    let no_editor = Principal::new("ada", Role::Admin).deny(Action::Edit);
    let program = Program::of_principal(&t, no_editor).await;
    let replace = json!({ "unique_key": "a", "on_conflict": "replace" });
    let job = json!({ "name": "Talk", "parameters": { "end": "well" }, "options": replace });
    program.post("/api/jobs", &job).await.refused(StatusCode::FORBIDDEN, "forbidden");
    assert_eq!(jobs::counts(t.db(), jobs::JobFilter::new()).await.unwrap().total(), 0);
}

async fn what_does_not_fit_is_refused_and_schedules_nothing(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    let with = |options: Value| json!({ "name": "Talk", "parameters": { "end": "well" }, "options": options });
    for (job, status, word) in [
        (json!({}), 422, "name"),
        (json!([]), 422, "body"),
        (json!({ "name": 7 }), 422, "name"),
        (json!({ "name": "Talk", "params": {} }), 422, "params"),
        (json!({ "name": "Talk", "parameters": [] }), 422, "parameters"),
        (json!({ "name": "Talk" }), 422, "end"),
        (
            json!({ "name": "Talk", "parameters": { "end": 7 } }),
            422,
            "`end` does not decode: invalid type: integer `7`",
        ),
        (json!({ "name": "", "parameters": {} }), 400, "name"),
        (json!({ "name": "x".repeat(201), "parameters": {} }), 400, "name"),
        (json!({ "name": "Elsewhere", "parameters": { "text": "a\0b" } }), 400, "text"),
        (with(json!({ "priority": 101 })), 400, "priority"),
        (with(json!({ "priority": 1e9 })), 422, "priority"),
        (with(json!({ "queue": "a\0" })), 400, "queue"),
        (with(json!({ "max_attempts": 0 })), 400, "max_attempts"),
        (with(json!({ "timeout_seconds": 0 })), 400, "timeout"),
        (with(json!({ "timeout_seconds": -1 })), 422, "timeout_seconds"),
        (with(json!({ "delay_seconds": 1e300 })), 422, "delay_seconds"),
        (with(json!({ "delay_seconds": 1, "at": "2100-01-01T00:00:00Z" })), 400, "delay_seconds"),
        (with(json!({ "at": "tomorrow" })), 422, "at"),
        (with(json!({ "on_conflict": "explode" })), 422, "use_existing"),
        (with(json!({ "unique_within_seconds": 60 })), 400, "unique_key"),
        (with(json!({ "user": "" })), 400, "user"),
    ] {
        let reply = program.post("/api/jobs", &job).await;
        let code = if status == 422 { "unprocessable" } else { "invalid" };
        let message = reply.refused(StatusCode::from_u16(status).unwrap(), code);
        assert!(message.contains(word), "{job}: {message}");
    }
    for text in ["", "{", "name=Talk", "{\"name\":\"Talk\"} {}", "\u{feff}{}"] {
        program.send(Method::POST, "/api/jobs", &[JSON], text).await.refused(StatusCode::BAD_REQUEST, "invalid");
    }
    assert_eq!(jobs::counts(t.db(), jobs::JobFilter::new()).await.unwrap().total(), 0);
}

async fn jobs_are_listed_by_a_filter_page_by_page(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    assert_eq!(program.get("/api/jobs").await.done()["jobs"], json!([]));
    let mut ids = Vec::new();
    for _ in 0..5 {
        ids.push(later(&t).await.get());
    }
    unserved(&t).await;
    ids.reverse();
    let (mut listed, mut after) = (Vec::new(), String::new());
    loop {
        let page = program.get(&format!("/api/jobs?filter=name%3ATalk%20status:scheduled&limit=2{after}")).await.done();
        let jobs = page["jobs"].as_array().unwrap();
        assert!(jobs.len() <= 2, "{page}");
        listed.extend(jobs.iter().map(|job| job["id"].as_i64().unwrap()));
        let Some(next) = page["next"].as_i64() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(listed, ids);
    let all = program.get("/api/jobs").await.done();
    assert_eq!((all["jobs"][0]["name"].as_str(), all["jobs"].as_array().unwrap().len()), (Some("Unknown"), 6));
    assert!(!all.to_string().contains("parameters"), "{all}");
    for query in ["limit=0", "limit=101", "limit=x", "after=x", "filte=name:Talk", "limit=1&limit=2", "filter=%00"] {
        program.get(&format!("/api/jobs?{query}")).await.refused(StatusCode::BAD_REQUEST, "invalid");
    }
}

async fn a_mistake_in_a_filter_is_pointed_at(t: Database) {
    let program = Program::of(&t, Role::Viewer).await;
    let reply = program.get("/api/jobs?filter=user:%C3%A9%20staus:failed").await;
    let message = reply.refused(StatusCode::BAD_REQUEST, "invalid_filter");
    assert!(message.contains("did you mean `status`?"), "{message}");
    assert_eq!(reply.body["error"]["filter"], json!({ "word": "staus", "start": 7, "end": 12 }));
    // A viewer could find out values.
    program.get("/api/jobs?filter=error:x").await.refused(StatusCode::FORBIDDEN, "forbidden");
}

async fn a_job_is_shown_with_its_history_and_why_it_waits(t: Database) {
    let program = Program::of(&t, Role::Operator).await;
    let (failed, waits) = (ended(&t, "it broke").await, later(&t).await);
    let shown = program.get(&format!("/api/jobs/{failed}")).await.done();
    let job = &shown["job"];
    assert_eq!(
        (&job["id"], &job["status"], &job["last_error"]),
        (&json!(failed), &json!("failed"), &json!("it broke"))
    );
    assert_eq!(job["parameters"], json!({ "end": "it broke", "password": "•••" }));
    assert_eq!((&job["secrets"], &job["results"]), (&json!(["password"]), &json!({ "half": 0.5 })));
    assert!(job.get("payload_hidden").is_none() && shown["why"].is_null(), "{shown}");
    assert_eq!((&shown["attempts"][0]["how"], &shown["attempts"][0]["error"]), (&json!("error"), &json!("it broke")));
    let texts: Vec<_> = shown["messages"].as_array().unwrap().iter().map(|message| &message["text"]).collect();
    assert_eq!(texts, ["it begins", "it is odd"]);
    assert_eq!((&shown["older_messages"], &shown["older_attempts"]), (&json!(false), &json!(false)));
    let why = program.get(&format!("/api/jobs/{waits}")).await.done()["why"].take();
    assert_eq!(why["reasons"][0]["reason"], "due_later", "{why}");
}

async fn a_viewer_sees_no_payload(t: Database) {
    let id = ended(&t, "classified").await;
    let program = Program::of(&t, Role::Viewer).await;
    for path in ["/api/jobs".to_owned(), format!("/api/jobs/{id}"), format!("/api/jobs/{id}/events")] {
        let text = program.get(&path).await.done().to_string();
        // A time of day may contain `0.5`, but not with a colon before it.
        for hidden in ["classified", "it is odd", ":0.5", "open sesame"] {
            assert!(!text.contains(hidden), "{path} has {hidden}: {text}");
        }
        assert!(text.contains("payload_hidden"), "{path}: {text}");
    }
}

async fn a_job_is_canceled_scheduled_again_made_due_and_deleted(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    let id = later(&t).await;
    let status = async || jobs::status(t.db(), id).await.unwrap();
    let path = |verb: &str| format!("/api/jobs/{id}/{verb}");
    let done = async |verb: &str| program.change(Method::POST, &path(verb)).await.done();
    assert_eq!(done("cancel").await, json!({ "id": id, "done": "canceled" }));
    assert_eq!(status().await, JobStatus::Canceled);
    assert_eq!(done("retry").await["done"], "scheduled again");
    assert_eq!(status().await, JobStatus::Scheduled);
    let in_an_hour = t.seconds_from_now(3_600);
    t.execute(&format!("UPDATE jobs_job SET scheduled_at = {in_an_hour}")).await;
    assert_eq!(done("run-now").await["done"], "due now");
    assert_eq!(jobs::list(t.db(), "is:due".parse().unwrap()).await.unwrap().jobs.len(), 1);
    t.execute(&format!("UPDATE jobs_job SET status = 1, started_at = {in_an_hour}")).await;
    assert_eq!(done("cancel").await["done"], "asked to stop");
    t.execute("UPDATE jobs_job SET status = 2").await;
    let deleted = program.change(Method::DELETE, &format!("/api/jobs/{id}")).await.done();
    assert_eq!(deleted, json!({ "id": id, "done": "deleted" }));
    assert!(jobs::record(t.db(), id).await.is_err());
}

async fn what_does_not_fit_the_state_of_the_job_is_a_conflict(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    let job = later(&t).await;
    let change = async |verb: &str| program.change(Method::POST, &format!("/api/jobs/{job}/{verb}")).await;
    change("retry").await.refused(StatusCode::CONFLICT, "not_closed");
    let deleted = program.change(Method::DELETE, &format!("/api/jobs/{job}")).await;
    deleted.refused(StatusCode::CONFLICT, "not_closed");
    jobs::cancel(t.db(), job).await.unwrap();
    change("cancel").await.refused(StatusCode::CONFLICT, "closed");
    change("run-now").await.refused(StatusCode::CONFLICT, "closed");
}
