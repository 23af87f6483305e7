//! What went wrong, in JSON.

use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;

use super::answer::json;
use super::schema::{LeftOut, object};
use crate::ParseFilterError;
use crate::web::failure::{Failure, LOOK, Told};

/// A failure, as a program gets it.
#[derive(Debug, Serialize)]
pub(super) struct ErrorAnswer {
    error: ErrorDetails,
}

#[derive(Debug, Serialize)]
pub(super) struct ErrorDetails {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<FilterMistake>,
}

/// Where the mistake in a filter is.
#[derive(Debug, Serialize)]
pub(super) struct FilterMistake {
    word: String,
    start: usize,
    end: usize,
}

object! { write ErrorAnswer "Why a request is not answered with what it asks for." {
    error: "What went wrong.",
} }

object! { write ErrorDetails "What went wrong." {
    code: "What programs go by, such as `not_found`.",
    message: "What is wrong and what to do, for people.",
    filter as "filter" LeftOut<FilterMistake>: "Where the mistake in the filter is, if the code is `invalid_filter`.",
} }

object! { write FilterMistake "A part of the text of a filter." {
    word: "The part.",
    start: "Where it begins, in characters.",
    end: "Where the text after it begins, in characters.",
} }

impl ErrorAnswer {
    fn of(told: Told) -> Self {
        let filter = told.filter.as_ref().map(FilterMistake::of);
        Self { error: ErrorDetails { code: told.code, message: told.text, filter } }
    }
}

impl From<Failure> for ErrorAnswer {
    fn from(failure: Failure) -> Self {
        Self::of(failure.told())
    }
}

impl FilterMistake {
    fn of(error: &ParseFilterError) -> Self {
        let (text, span) = (error.text(), error.span());
        let characters = |end: usize| text.get(..end).map_or(0, |text| text.chars().count());
        let word = text.get(span.clone()).unwrap_or_default().to_owned();
        Self { word, start: characters(span.start), end: characters(span.end) }
    }
}

/// Makes JSON of a failure; other answers stay. Its headers stay, too: 405 says which methods there are.
pub(in crate::web) fn write(mut response: Response, changes: bool) -> Response {
    let Some(mut told) = response.extensions_mut().remove::<Told>() else { return response };
    if told.is_uncertain && changes {
        told.text.push_str(LOOK);
    }
    let written = json(told.status, &ErrorAnswer::of(told));
    *response.body_mut() = written.into_body();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
