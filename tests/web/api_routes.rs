//! Every route of the HTTP API, asked by everyone; and its description, which is made of the same table.

use std::collections::BTreeSet;

use axum::http::{Method, StatusCode};
use jobs::__private::web::{ApiRoute, api_routes};
use jobs::{Action, JobId, JobStatus, Role};
use jobs_tests::{Database, cases};
use serde_json::{Value, json};

use crate::support::api::{Program, Reply};
use crate::support::definitions::ended;
use crate::support::everyone::{principals, restored};
use crate::support::schema::{check, operation};

cases![
    a_route_of_the_api_answers_those_who_may_and_nobody_else,
    only_what_reads_is_asked_for_with_get,
    the_description_has_exactly_the_routes_of_the_table,
    an_answer_that_is_not_described_is_found,
];

/// Asks a route, for the job, the queue or the schedule.
async fn ask(program: &Program, route: &ApiRoute, job: JobId) -> Reply {
    let path = route.path.replace("{id}", &job.to_string());
    let subject = match route.path {
        "/api/jobs" => json!({ "name": "Talk", "parameters": { "end": "well" } }),
        "/api/cron" => {
            json!({ "schedule": "weekly", "job": "Talk", "expression": "@weekly", "parameters": { "end": "well" } })
        }
        path if path.starts_with("/api/queues/") => json!({ "queue": "talks" }),
        _ => json!({ "schedule": "nightly" }),
    };
    match route.method {
        Method::GET => program.get(&path).await,
        Method::POST if !route.path.contains("{id}") => program.post(&path, &subject).await,
        _ => program.change(route.method.clone(), &path).await,
    }
}

async fn a_route_of_the_api_answers_those_who_may_and_nobody_else(t: Database) {
    let mut job = ended(&t, "well").await;
    let unclosed = ["/api/jobs/{id}/cancel", "/api/jobs/{id}/run-now"];
    let (mut answered, mut refused) = (0, 0);
    for principal in principals() {
        let program = Program::of_principal(&t, principal.clone()).await;
        for route in api_routes() {
            let status = if unclosed.contains(&route.path) { JobStatus::Scheduled } else { JobStatus::Failed };
            job = restored(&t, job, status).await;
            let reply = ask(&program, &route, job).await;
            let about = format!("{principal:?} {} {}: {reply:?}", route.method, route.path);
            let adds_schedule = route.path == "/api/cron" && route.method == Method::POST;
            if principal.may(route.action) && (!adds_schedule || principal.may(Action::Schedule)) {
                let scheduled = route.path == "/api/jobs" && route.method == Method::POST;
                assert_eq!(reply.status, if scheduled { StatusCode::CREATED } else { StatusCode::OK }, "{about}");
                answered += 1;
            } else {
                assert!(reply.refused(StatusCode::FORBIDDEN, "forbidden").contains("may not"), "{about}");
                refused += 1;
            }
        }
    }
    assert!(answered > 100 && refused > 100, "{answered} {refused}");
}

async fn only_what_reads_is_asked_for_with_get(_: Database) {
    for route in api_routes() {
        let changes = !matches!(route.action, Action::View | Action::ViewPayload | Action::ViewAudit);
        assert_eq!(route.method != Method::GET, changes, "{}", route.path);
        assert!(route.path.starts_with("/api/"), "{}", route.path);
    }
}

async fn the_description_has_exactly_the_routes_of_the_table(t: Database) {
    let program = Program::of(&t, Role::Viewer).await;
    let document = program.document();
    assert_eq!(document["openapi"], "3.1.0");
    let described = document["paths"].as_object().unwrap().iter().flat_map(|(path, operations)| {
        let methods = operations.as_object().unwrap().keys();
        methods.map(move |method| (method.to_uppercase(), format!("/api{path}")))
    });
    let table = api_routes().into_iter().map(|route| (route.method.to_string(), route.path.to_owned()));
    assert_eq!(described.collect::<BTreeSet<_>>(), table.collect::<BTreeSet<_>>());

    let mut names = BTreeSet::new();
    for route in api_routes() {
        let operation = operation(document, &route.method, route.path).unwrap();
        let name = operation["operationId"].as_str().unwrap();
        assert!(names.insert(name), "{name} is told twice");
        let action = format!("`{}`", route.action.as_str());
        assert!(operation["description"].as_str().unwrap().contains(&action), "{operation}");
        // What is in the path is told, and nothing else.
        let parameters = operation["parameters"].as_array().unwrap();
        let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
        assert_eq!(in_path, route.path.matches('{').count(), "{}", route.path);
        assert!(operation["responses"]["default"].is_object(), "{operation}");
    }
    for reference in references(document) {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "there is no {reference}");
    }
}

fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| match member.as_str() {
                Some(reference) if name == "$ref" => vec![reference],
                _ => references(member),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Otherwise the other cases would show nothing.
async fn an_answer_that_is_not_described_is_found(t: Database) {
    let id = ended(&t, "well").await;
    let program = Program::of(&t, Role::Admin).await;
    let document = program.document();
    let shown = program.get(&format!("/api/jobs/{id}")).await.done();
    let schema = json!({ "$ref": "#/components/schemas/JobWithHistory" });
    assert_eq!(check(document, &schema, &shown), Ok(()));
    let changed = |pointer: &str, value: Value| {
        let mut changed = shown.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let more = changed("/job", json!({ "surprise": 1 }));
    for wrong in [
        more,
        changed("/job/id", json!("7")),
        changed("/job/status", json!("evaporated")),
        changed("/job/created_at", json!("yesterday")),
        changed("/messages", json!({})),
        changed("/attempts", json!([{}])),
        changed("/job/progress", json!(-1)),
    ] {
        assert!(check(document, &schema, &wrong).is_err(), "{wrong}");
    }
}
