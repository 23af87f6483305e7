//! What a request says: the query of an address, or the fields of a form.

use std::fmt::Display;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Form, FromRequest, FromRequestParts as _, Query, RawForm, Request};
use axum::http::StatusCode;
use serde::de::DeserializeOwned;

use super::failure::Failure;
use crate::MAX_JSON_BYTES;

/// What the query of the address says.
pub(super) struct Asked<T>(pub(super) T);

/// What the fields of a form say.
pub(super) struct Sent<T>(pub(super) T);

/// What the fields of a form say whose names depend on a job: it may be as large as parameters may be.
pub(super) struct Fields(Vec<(String, String)>);

/// As many parameters as a job may have, when each of their bytes is encoded in three.
const LARGEST_JOB: usize = 3 * MAX_JSON_BYTES + 64 * 1024;

impl Fields {
    /// What the field of this name says, if the form has it.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, text)| text.as_str())
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Asked<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (mut parts, _) = request.into_parts();
        refuse_nul(parts.uri.query().unwrap_or_default().as_bytes())?;
        let query = Query::from_request_parts(&mut parts, state).await;
        query.map(|query| Self(query.0)).map_err(|error| unreadable(error.status(), &error))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Sent<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let request = Request::from_parts(parts.clone(), body);
        let RawForm(text) =
            RawForm::from_request(request, state).await.map_err(|error| unreadable(error.status(), &error))?;
        refuse_nul(&text)?;
        let form = Form::from_request(Request::from_parts(parts, Body::from(text)), state).await;
        form.map(|form| Self(form.0)).map_err(|error| unreadable(error.status(), &error))
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Failure;

    async fn from_request(mut request: Request, state: &S) -> Result<Self, Failure> {
        DefaultBodyLimit::max(LARGEST_JOB).apply(&mut request);
        Sent::from_request(request, state).await.map(|Sent(fields)| Self(fields))
    }
}

/// Databases do not accept it in texts.
pub(super) fn refuse_nul(encoded: &[u8]) -> Result<(), Failure> {
    if encoded.contains(&0) || encoded.windows(3).any(|window| window == b"%00") {
        let text = "It contains the character NUL, which is in no text here: leave it out.";
        return Err(Failure::Invalid(StatusCode::BAD_REQUEST, text.to_owned()));
    }
    Ok(())
}

fn unreadable(status: StatusCode, error: &impl Display) -> Failure {
    Failure::Invalid(status, format!("{error}. Go back, and use the links and buttons of the pages."))
}
