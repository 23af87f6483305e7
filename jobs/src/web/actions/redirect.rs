//! Back to a page: a reload does not repeat the change.

use std::fmt::{Display, Write as _};

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// Leads to a page with this query.
pub(super) fn to(page: &str, query: &[(&str, &str)]) -> Response {
    let mut location = page.to_owned();
    for (index, (name, value)) in query.iter().enumerate() {
        let separator = if index == 0 { '?' } else { '&' };
        // Writing to a String can't fail.
        let _ = write!(location, "{separator}{name}={}", encoded(value));
    }
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

fn encoded(text: &str) -> impl Display {
    match askama::filters::urlencode_strict(text) {
        Ok(encoded) => encoded,
        Err(never) => match never {},
    }
}
