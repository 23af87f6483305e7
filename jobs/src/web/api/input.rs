//! What a request says: a job in its path, its query, or JSON in its body; and what that looks like.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts as _, Query as Fields, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::schema::{Schema, Schemas};
use crate::JobId;
use crate::web::failure::Failure;
use crate::web::input::refuse_nul;

/// What a route asks for.
pub(in crate::web::api) trait Input {
    fn describe(named: &mut Schemas) -> Asks;
}

/// What a route asks for, as OpenAPI has it.
#[derive(Debug, Default)]
pub(in crate::web::api) struct Asks {
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
}

impl Input for () {
    fn describe(_: &mut Schemas) -> Asks {
        Asks::default()
    }
}

/// The job in the path: `/api/jobs/7`, and what may follow.
pub(in crate::web::api) struct Id(pub(super) JobId);

impl Id {
    pub(super) fn of(parts: &Parts) -> Result<Self, Failure> {
        let id = parts.uri.path().split('/').nth(3).unwrap_or_default();
        let no_number = || {
            let text = format!("`{id}` is not the identifier of a job, which is a whole number.");
            Failure::Invalid(StatusCode::BAD_REQUEST, text)
        };
        id.parse().map(Self).map_err(|_| no_number())
    }

    pub(super) fn parameter() -> Value {
        let schema = JobId::schema(&mut Schemas::default());
        json!({ "name": "id", "in": "path", "required": true, "description": "The job.", "schema": schema })
    }
}

impl<S: Send + Sync> FromRequest<S> for Id {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Self::of(&request.into_parts().0)
    }
}

impl Input for Id {
    fn describe(_: &mut Schemas) -> Asks {
        Asks { parameters: vec![Self::parameter()], body: None }
    }
}

/// What the query of the address says.
pub(in crate::web::api) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned> Query<T> {
    pub(super) async fn of(parts: &mut Parts) -> Result<Self, Failure> {
        refuse_nul(parts.uri.query().unwrap_or_default().as_bytes())?;
        let fields = Fields::from_request_parts(parts, &()).await;
        fields.map(|fields| Self(fields.0)).map_err(|error| Failure::Invalid(error.status(), format!("{error}.")))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        Self::of(&mut request.into_parts().0).await
    }
}

impl<T: Schema> Input for Query<T> {
    fn describe(_: &mut Schemas) -> Asks {
        Asks { parameters: parameters::<T>(), body: None }
    }
}

/// The parameters of a query: the members of an object, of which all may be left out.
pub(super) fn parameters<T: Schema>() -> Vec<Value> {
    let mut named = Schemas::default();
    let object = T::schema(&mut named);
    let members = named.get(&object).and_then(|object| object["properties"].as_object());
    let parameter = |(name, schema): (&String, &Value)| {
        let about = &schema["description"];
        // What is left out is not null.
        let schema = schema.pointer("/anyOf/0").unwrap_or(schema);
        json!({ "name": name, "in": "query", "description": about, "schema": schema })
    };
    members.into_iter().flatten().map(parameter).collect()
}

/// What the body says, in JSON.
pub(in crate::web::api) struct Sent<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| Failure::Invalid(error.status(), format!("{error}.")))?;
        let mut text = serde_json::Deserializer::from_slice(&body);
        let read = serde_path_to_error::deserialize(&mut text).map_err(|error| {
            // It may quote what was sent, to who has sent it.
            let status = match error.inner().classify() {
                serde_json::error::Category::Data => StatusCode::UNPROCESSABLE_ENTITY,
                _ => StatusCode::BAD_REQUEST,
            };
            Failure::Invalid(status, format!("The body does not fit: {error}."))
        })?;
        let ended = text.end().map(|()| Self(read));
        ended.map_err(|error| Failure::Invalid(StatusCode::BAD_REQUEST, format!("The body does not fit: {error}.")))
    }
}

impl<T: Schema> Input for Sent<T> {
    fn describe(named: &mut Schemas) -> Asks {
        let content = json!({ "application/json": { "schema": T::schema(named) } });
        Asks { parameters: Vec::new(), body: Some(json!({ "required": true, "content": content })) }
    }
}

/// Refuses changes that do not say that they are JSON, also those without a body: pages of other sites can't send that unless they are let.
pub(super) async fn only_json(request: Request, next: Next) -> Response {
    let mut given = request.headers().get_all(header::CONTENT_TYPE).iter();
    let is_json = match (given.next(), given.next()) {
        (Some(only), None) => {
            let media_type = only.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default();
            media_type.trim_ascii().eq_ignore_ascii_case(b"application/json")
        }
        _ => false,
    };
    if is_json || request.method().is_safe() {
        return next.run(request).await;
    }
    let text = "Changes need the header `Content-Type: application/json`, also without a body.";
    Failure::Invalid(StatusCode::UNSUPPORTED_MEDIA_TYPE, text.to_owned()).into_response()
}
