//! Answers in JSON, and what they look like.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::schema::{Schema, Schemas};
use crate::client::answers::ScheduledJob;

/// What a route answers.
pub(in crate::web::api) trait Output: IntoResponse {
    /// Its responses, as OpenAPI has them.
    fn describe(named: &mut Schemas) -> Value;
}

/// A value in JSON.
pub(in crate::web::api) struct Answer<T>(pub(super) T);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: Schema + Serialize> Output for Answer<T> {
    fn describe(named: &mut Schemas) -> Value {
        json!({ "200": in_json("It is done.", &T::schema(named)) })
    }
}

/// A job that is there now.
pub(in crate::web::api) struct Scheduled(pub(super) ScheduledJob);

impl IntoResponse for Scheduled {
    fn into_response(self) -> Response {
        if self.0.existed {
            return json(StatusCode::OK, &self.0);
        }
        let location = format!("jobs/{}", self.0.id);
        ([(header::LOCATION, location)], json(StatusCode::CREATED, &self.0)).into_response()
    }
}

impl Output for Scheduled {
    fn describe(named: &mut Schemas) -> Value {
        let schema = ScheduledJob::schema(named);
        json!({
            "201": in_json("The job is scheduled.", &schema),
            "200": in_json("Another job holds the unique key, and was used or replaced.", &schema),
        })
    }
}

/// A document that is made already.
pub(in crate::web::api) struct Document(pub(super) &'static str);

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

impl Output for Document {
    fn describe(_: &mut Schemas) -> Value {
        json!({ "200": in_json("This document.", &json!({ "type": "object" })) })
    }
}

/// Writes a value as JSON.
pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => (status, [(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => {
            tracing::error!("an answer of the HTTP API can't be written: {error}");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// A response that has a body in JSON, as OpenAPI has it.
pub(super) fn in_json(about: &str, schema: &Value) -> Value {
    json!({ "description": about, "content": { "application/json": { "schema": schema } } })
}
