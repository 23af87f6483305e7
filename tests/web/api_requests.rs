//! What the HTTP API refuses, and how; queues, workers and schedules; and where it is.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, StatusCode};
use axum::response::Redirect;
use jobs::cron::{self, Cron};
use jobs::web::{Access, service};
use jobs::{NamedJob, Principal, Role, Worker};
use jobs_tests::{Database, Kind, Proxy, Running, cases, soon};
use sea_orm::ConnectOptions;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::api::{JSON, Program};
use crate::support::browser::{Answer, Browser, request};
use crate::support::definitions::later;
use crate::support::server::{Server, TOKEN};

cases![
    queues_are_listed_paused_and_resumed,
    workers_are_listed,
    schedules_are_listed_run_paused_resumed_and_removed,
    schedules_are_added,
    what_does_not_exist_is_not_found,
    a_change_says_that_it_is_json_even_without_a_body,
    what_is_too_large_or_is_asked_for_otherwise_is_refused,
    no_other_site_changes_or_reads_anything,
    the_api_answers_wherever_it_is_mounted,
    whoever_is_not_known_gets_what_the_program_says,
    a_program_comes_in_by_its_token_alone,
    without_tables_or_a_database_the_answer_says_so if Kind::locks_rows,
];

async fn queues_are_listed_paused_and_resumed(t: Database) {
    let program = Program::of(&t, Role::Operator).await;
    // A name can have anything that an address can't.
    let name = "talks/.. & ❤?";
    let body = json!({ "queue": name });
    assert_eq!(program.post("/api/queues/pause", &body).await.done(), json!({ "queue": name, "done": "paused" }));
    later(&t).await;
    let queues = program.get("/api/queues").await.done();
    assert_eq!((&queues[0]["name"], &queues[0]["scheduled"]), (&json!("talks"), &json!(1)));
    assert!(queues[1]["name"] == name && queues[1]["paused_at"].is_string(), "{queues}");
    assert_eq!(program.post("/api/queues/resume", &body).await.done()["done"], "resumed");
    assert_eq!(program.get("/api/queues").await.done().as_array().unwrap().len(), 1);
    for wrong in [json!({ "queue": "" }), json!({ "queue": "a\0b" }), json!({ "queue": "x".repeat(201) })] {
        program.post("/api/queues/pause", &wrong).await.refused(StatusCode::BAD_REQUEST, "invalid");
    }
    let pause = json!({ "queue": "talks", "reason": "too much", "lasting_seconds": 5_400 });
    program.post("/api/queues/pause", &pause).await.done();
    let queue = program.get("/api/queues").await.done()[0].take();
    assert_eq!((&queue["pause_reason"], &queue["paused_by"]), (&json!("too much"), &json!("ada")));
    let time = |name: &str| queue[name].as_str().unwrap().parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    assert!((5_399..5_500).contains(&(time("paused_until") - time("paused_at")).num_seconds()), "{queue}");
    let both = json!({ "queue": "talks", "lasting_seconds": 5, "until": "2126-11-28T10:30:00Z" });
    for wrong in [both, json!({ "queue": "a", "reason": "" }), json!({ "queue": "a", "until": "2006-11-28T10:30:00Z" })]
    {
        program.post("/api/queues/pause", &wrong).await.refused(StatusCode::BAD_REQUEST, "invalid");
    }
    for wrong in
        [json!({}), json!({ "queue": 7 }), json!({ "queue": "a", "until": "b" }), json!({ "queue": "a", "for": 7 })]
    {
        program.post("/api/queues/pause", &wrong).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable");
    }
}

async fn workers_are_listed(t: Database) {
    let program = Program::of(&t, Role::Viewer).await;
    let worker = Running::start(Worker::new(t.db().clone()));
    let workers = soon(async {
        loop {
            let workers = program.get("/api/workers").await.done();
            if workers != json!([]) {
                return workers;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let workers = workers.await;
    worker.stop().await;
    assert!(workers[0]["is_live"] == true && workers[0]["queues"].as_array().unwrap().contains(&json!("talks")));
}

async fn schedules_are_listed_run_paused_resumed_and_removed(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    let (name, job) = ("nightly/..?", NamedJob::new("Talk", json!({ "end": "well" })));
    cron::add(t.db(), name, Cron::new("0 3 * * *"), job).await.unwrap();
    let listed = program.get("/api/cron?next=3").await.done();
    assert_eq!((&listed[0]["name"], &listed[0]["description"]), (&json!(name), &json!("At 03:00")));
    assert_eq!(listed[0]["next_times"].as_array().unwrap().len(), 3);
    for query in ["next=0", "next=21", "next=x", "nxt=1"] {
        program.get(&format!("/api/cron?{query}")).await.refused(StatusCode::BAD_REQUEST, "invalid");
    }
    let body = json!({ "schedule": name });
    let change = async |verb: &str| program.post(&format!("/api/cron/{verb}"), &body).await;
    assert_eq!(change("pause").await.done(), json!({ "schedule": name, "done": "paused" }));
    assert!(cron::list(t.db()).await.unwrap()[0].paused_at.is_some());
    assert_eq!(change("resume").await.done()["done"], "resumed");
    assert!(cron::list(t.db()).await.unwrap()[0].paused_at.is_none());
    let job = change("run-now").await.done()["id"].as_i64().unwrap();
    assert_eq!(jobs::record(t.db(), job).await.unwrap().name, "Talk");
    assert_eq!(change("remove").await.done()["done"], "removed");
    for verb in ["pause", "resume", "run-now", "remove"] {
        change(verb).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
}

async fn schedules_are_added(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    let wanted = json!({
        "schedule": "nightly/..?", "job": "Talk", "expression": "0 3 * * *", "timezone": "Europe/Paris", "missed": "all(3)",
        "parameters": { "end": "well" }, "options": { "priority": 7, "delay_seconds": 60 },
    });
    let with = |name: &str, value: Value| {
        let mut other = wanted.clone();
        other[name] = value;
        other
    };
    assert_eq!(program.post("/api/cron", &wanted).await.done(), json!({ "schedule": "nightly/..?", "done": "added" }));
    let added = cron::list(t.db()).await.unwrap().remove(0);
    assert_eq!((&*added.job, &*added.expression, &*added.timezone), ("Talk", "0 3 * * *", "Europe/Paris"));
    assert_eq!((added.missed, &added.parameters["end"]), (cron::Missed::All(3), &json!("well")));
    assert_eq!(added.options, jobs::JobOptions::new().priority(7).delay(Duration::from_mins(1)));
    program.post("/api/cron", &wanted).await.refused(StatusCode::CONFLICT, "schedule_exists");
    for (name, value, about) in [
        ("schedule", json!(""), "name"),
        ("expression", json!("0 25 * * *"), "cron"),
        ("timezone", json!("Paris"), "timezone"),
        ("options", json!({ "priority": 101 }), "priority"),
        ("options", json!({ "at": "2030-01-01T00:00:00Z" }), "at"),
    ] {
        // The schedule is there already, but what is wrong is told first.
        let reply = program.post("/api/cron", &with(name, value.clone())).await;
        let message = reply.refused(StatusCode::BAD_REQUEST, "invalid");
        assert!(message.starts_with(&format!("`{about}` is invalid")), "{name} {value}: {message}");
    }
    for (name, value) in
        [("parameters", json!({ "end": 7 })), ("missed", json!("always")), ("job", Value::Null), ("unknown", json!(1))]
    {
        program.post("/api/cron", &with(name, value)).await.refused(StatusCode::UNPROCESSABLE_ENTITY, "unprocessable");
    }
    let few = json!({ "schedule": "often", "job": "Elsewhere", "expression": "@hourly" });
    program.post("/api/cron", &few).await.done();
    assert_eq!(cron::list(t.db()).await.unwrap().len(), 2);
    // Who may not schedule jobs does not get there by a schedule.
    let grace = Principal::new("grace", Role::Admin).deny(jobs::Action::Schedule);
    let refused = Program::of_principal(&t, grace).await.post("/api/cron", &with("schedule", json!("other"))).await;
    refused.refused(StatusCode::FORBIDDEN, "forbidden");
}

async fn what_does_not_exist_is_not_found(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    for id in ["7", "0", "-1", "9223372036854775807"] {
        program.get(&format!("/api/jobs/{id}")).await.refused(StatusCode::NOT_FOUND, "not_found");
        for verb in ["cancel", "retry", "run-now"] {
            let reply = program.change(Method::POST, &format!("/api/jobs/{id}/{verb}")).await;
            assert_eq!(reply.refused(StatusCode::NOT_FOUND, "not_found"), format!("There is no job {id}."));
        }
        let deleted = program.change(Method::DELETE, &format!("/api/jobs/{id}")).await;
        deleted.refused(StatusCode::NOT_FOUND, "not_found");
    }
    for id in ["x", "1.5", "99999999999999999999", "%31", "1%2F2"] {
        program.get(&format!("/api/jobs/{id}")).await.refused(StatusCode::BAD_REQUEST, "invalid");
    }
    for path in ["/api", "/api/", "/api/nothing", "/api/jobs/", "/api/jobs/7/nothing", "/api/a/b/c/d", "/api/overview"]
    {
        program.get(path).await.refused(StatusCode::NOT_FOUND, "not_found");
    }
}

async fn a_change_says_that_it_is_json_even_without_a_body(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    let id = later(&t).await;
    let cancel = format!("/api/jobs/{id}/cancel");
    let refused: &[&[(&str, &str)]] = &[
        &[],
        &[("content-type", "")],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "multipart/form-data; boundary=application/json")],
        &[("content-type", "text/plain; application/json")],
        &[("content-type", "application/jsonx")],
        &[JSON, ("content-type", "text/plain")],
    ];
    for headers in refused {
        for (method, path) in [(Method::POST, cancel.clone()), (Method::DELETE, format!("/api/jobs/{id}"))] {
            let reply = program.send(method, &path, headers, "").await;
            reply.refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
        }
        let reply = program.send(Method::POST, "/api/queues/pause", headers, "{\"queue\":\"talks\"}").await;
        reply.refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type");
    }
    let with_charset = [("content-type", "Application/JSON; charset=utf-8")];
    program.send(Method::POST, &cancel, &with_charset, "").await.done();
    assert_eq!(jobs::queues(t.db()).await.unwrap(), []);
}

async fn what_is_too_large_or_is_asked_for_otherwise_is_refused(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    let job = |bytes: usize| json!({ "name": "Elsewhere", "parameters": { "text": "x".repeat(bytes) } });
    program.post("/api/jobs", &job(1_000_000)).await.done();
    let reply = program.post("/api/jobs", &job(1_100_000)).await;
    assert!(reply.refused(StatusCode::BAD_REQUEST, "invalid").contains("1048576"), "{reply:?}");
    program.post("/api/jobs", &job(2_100_000)).await.refused(StatusCode::PAYLOAD_TOO_LARGE, "too_large");
    for (method, path, allow) in [
        (Method::PUT, "/api/jobs", "GET,HEAD,POST"),
        (Method::POST, "/api/workers", "GET,HEAD"),
        (Method::DELETE, "/api/queues", "GET,HEAD"),
        (Method::GET, "/api/jobs/7/cancel", "POST"),
    ] {
        let reply = program.change(method, path).await;
        reply.refused(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
        assert_eq!(reply.header("allow"), allow, "{path}");
    }
}

async fn no_other_site_changes_or_reads_anything(t: Database) {
    let program = Program::of(&t, Role::Admin).await;
    let body = "{\"queue\":\"talks\"}";
    let host = ("host", "jobs.example.com");
    let refused: &[&[(&str, &str)]] = &[
        &[host, JSON, ("cookie", "session=1"), ("sec-fetch-site", "cross-site")],
        &[host, JSON, ("cookie", "session=1"), ("origin", "https://evil.example.com")],
        &[host, JSON, ("cookie", "session=1")],
        &[host, JSON, ("origin", "null")],
    ];
    for headers in refused {
        let reply = program.send(Method::POST, "/api/queues/pause", headers, body).await;
        reply.refused(StatusCode::FORBIDDEN, "cross_site");
    }
    assert_eq!(jobs::queues(t.db()).await.unwrap(), []);
    let allowed: &[&[(&str, &str)]] = &[
        &[host, JSON, ("authorization", "Bearer x")],
        &[host, JSON, ("cookie", "session=1"), ("sec-fetch-site", "same-origin")],
    ];
    for headers in allowed {
        program.send(Method::POST, "/api/queues/pause", headers, body).await.done();
    }
    // Browsers ask whether another site's pages may send and read more, and are not told so.
    let asked = [host, ("origin", "https://evil.example.com"), ("access-control-request-method", "POST")];
    let preflight = program.send(Method::OPTIONS, "/api/jobs", &asked, "").await;
    preflight.refused(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed");
    let read = program.send(Method::GET, "/api/jobs", &asked, "").await;
    for reply in [preflight, read] {
        assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{reply:?}");
        assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!((reply.header("x-content-type-options"), reply.header("cache-control")), ("nosniff", "no-store"));
    }
}

async fn the_api_answers_wherever_it_is_mounted(t: Database) {
    let id = later(&t).await;
    let api = || service(t.db().clone(), Access::by(|_| Ok(Principal::new("ada", Role::Admin))));
    // Parameters of the program, of the same name and before ours.
    let program = Router::new()
        .nest_service("/jobs", api())
        .nest_service("/teams/{team}/jobs", api())
        .nest_service("/of/{id}/{job}", api());
    let send = async |method: Method, address: &str| {
        let asked = request(method, address, &[JSON]).body(Body::empty()).unwrap();
        let answer = Answer::of(soon(program.clone().oneshot(asked)).await.unwrap()).await;
        (answer.status, serde_json::from_str::<Value>(&answer.body).unwrap())
    };
    for mount in ["/jobs", "/teams/red/jobs", "/teams/7%2F8/jobs", "/of/0/1", "/of/x/y"] {
        let (status, shown) = send(Method::GET, &format!("{mount}/api/jobs/{id}")).await;
        assert_eq!((status, &shown["job"]["id"]), (StatusCode::OK, &json!(id)), "{mount}");
        let (status, error) = send(Method::POST, &format!("{mount}/api/jobs/{id}/retry")).await;
        assert_eq!((status, &error["error"]["code"]), (StatusCode::CONFLICT, &json!("not_closed")), "{mount}");
        let (status, error) = send(Method::GET, &format!("{mount}/api/nothing")).await;
        assert_eq!((status, &error["error"]["code"]), (StatusCode::NOT_FOUND, &json!("not_found")), "{mount}");
        let (_, document) = send(Method::GET, &format!("{mount}/api/openapi.json")).await;
        assert_eq!(document["servers"][0]["url"], "../api");
    }
}

async fn whoever_is_not_known_gets_what_the_program_says(t: Database) {
    let login = Browser::with(t.db().clone(), Access::by(|_| Err(Redirect::to("/login").into())));
    assert_eq!(login.get("/api/jobs").await.leads_to(), "/login");
    let program = Program::with(&t, Browser::with(t.db().clone(), Access::from_extensions())).await;
    for path in ["/api/jobs", "/api/nothing", "/api/openapi.json"] {
        program.get(path).await.refused(StatusCode::UNAUTHORIZED, "unauthorized");
    }
}

async fn a_program_comes_in_by_its_token_alone(t: Database) {
    let server = Server::by_token(&t);
    let bearer = format!("Bearer {TOKEN}");
    let json = |answer: &Answer| serde_json::from_str::<Value>(&answer.body).unwrap();
    let listed = server.get("/api/jobs", &[("authorization", &bearer)]).await;
    assert_eq!((listed.status, &json(&listed)["jobs"]), (StatusCode::OK, &json!([])));
    assert_eq!(listed.header("set-cookie"), "");
    for headers in [&[][..], &[("authorization", "Bearer x")], &[("authorization", TOKEN)], &[("cookie", TOKEN)]] {
        for path in ["/api/jobs", "/api/nothing", "/api"] {
            let answer = server.get(path, headers).await;
            assert_eq!((answer.status, answer.header("www-authenticate")), (StatusCode::UNAUTHORIZED, "Bearer"));
            let error = &json(&answer)["error"];
            assert!(
                error["code"] == "unauthorized" && error["message"].as_str().unwrap().contains("Bearer"),
                "{error}"
            );
        }
    }
    // No cookie, so no other site can have sent it.
    let headers = [("authorization", bearer.as_str())];
    let refused = server.send("127.0.0.1", Method::POST, "/api/queues/pause", "", &headers).await;
    assert_eq!(refused.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "a form: {refused:?}");
    let elsewhere = [("authorization", bearer.as_str()), ("host", "evil.example")];
    let answer = server.get("/api/jobs", &elsewhere).await;
    assert_eq!(
        (answer.status, &json(&answer)["error"]["code"]),
        (StatusCode::MISDIRECTED_REQUEST, &json!("misdirected"))
    );
}

async fn without_tables_or_a_database_the_answer_says_so(t: Database) {
    let empty = Database::empty(t.kind()).await.unwrap();
    let everyone = || Access::by(|_| Ok(Principal::new("ada", Role::Admin)));
    let program = Program::with(&t, Browser::with(empty.db().clone(), everyone())).await;
    let reply = program.get("/api/jobs").await;
    assert!(reply.refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable").contains("jobs::migrate"), "{reply:?}");

    let proxy = Proxy::before(&t).await;
    let mut options = ConnectOptions::new(proxy.url());
    options.acquire_timeout(Duration::from_millis(500));
    let browser = Browser::with(jobs::connect_with(options).await.unwrap(), everyone());
    let program = Program::with(&t, browser).await;
    program.get("/api/queues").await.done();
    drop(proxy);
    for path in ["/api/jobs", "/api/jobs/1", "/api/jobs/1/events", "/api/queues", "/api/workers", "/api/cron"] {
        let reply = program.get(path).await;
        let message = reply.refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
        assert!(!message.contains("refused") && !message.contains("127.0.0.1"), "{path}: {message}");
    }
    let change = program.post("/api/queues/pause", &json!({ "queue": "talks" })).await;
    let message = change.refused(StatusCode::SERVICE_UNAVAILABLE, "unavailable");
    assert!(message.contains("The change may have been made"), "{message}");
    // What needs no database is answered.
    program.get("/api/openapi.json").await.done();
}
