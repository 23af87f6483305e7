//! Asking before something is lost.

use askama::Template;
use axum::response::Response;

use crate::web::failure::Failure;
use crate::web::layout::{Layout, html};

/// A question, and a form that says yes.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(in crate::web) struct Confirm {
    pub(in crate::web) layout: Layout,
    /// What happens.
    pub(in crate::web) text: String,
    /// Where the form is sent, with this field.
    pub(in crate::web) action: &'static str,
    pub(in crate::web) field: &'static str,
    pub(in crate::web) value: String,
    pub(in crate::web) yes: &'static str,
    /// The page to which no leads.
    pub(in crate::web) back: String,
}

impl Confirm {
    pub(in crate::web) fn ask(&self) -> Result<Response, Failure> {
        html(self)
    }
}
