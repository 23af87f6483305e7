//! The description of the HTTP API, as [OpenAPI 3.1](https://spec.openapis.org/oas/v3.1.0) has it, made of its table of routes.

use serde_json::{Map, Value, json};

use super::answer::in_json;
use super::failure::ErrorAnswer;
use super::route::{Described, Route};
use super::schema::{Schema as _, Schemas};

const ABOUT: &str = "Schedules background jobs, follows them, and operates their queues and schedules. \
    Programs say who they are as whoever runs this server has decided: with `jobs web --token-file`, by `Authorization: Bearer TOKEN`. \
    Changes need `Content-Type: application/json`, also without a body; bodies have at most 2 MiB. \
    Identifiers are numbers that grow by one or a little more, far from 2^53. \
    Times are RFC 3339 in UTC, and what ends in `_seconds` is a number of seconds.";

/// Describes these routes.
pub(super) fn document(routes: &[Route]) -> Value {
    let mut named = Schemas::default();
    let error = in_json("It was not done: the code says why.", &ErrorAnswer::schema(&mut named));
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &error, &mut named);
        // The address of the server ends with `/api`.
        let path = route.path.trim_start_matches("/api");
        paths.entry(path).or_insert_with(|| json!({}))[route.method.as_str().to_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": "Jobs", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        // From the address of this document.
        "servers": [{ "url": "../api" }],
        "security": [{ "token": [] }, {}],
        "paths": paths,
        "components": {
            "schemas": named.into_value(),
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(route: &Route, error: &Value, named: &mut Schemas) -> Value {
    let Described { asks, mut responses } = (route.describe)(named);
    responses["default"] = error.clone();
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.about,
        "description": format!("Takes the action `{}`.", route.action.as_str()),
        "parameters": asks.parameters,
        "responses": responses,
    });
    if let Some(body) = asks.body {
        operation["requestBody"] = body;
    }
    operation
}
