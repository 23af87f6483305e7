//! The files that pages load.

use axum::response::Response;
use serde::Deserialize;

use crate::web::assets::{ICON, SCRIPT, STYLE};
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::input::Asked;

/// The version for which a page asks.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Version {
    #[serde(default)]
    pub(in crate::web) v: String,
}

pub(in crate::web) async fn style(_: Authorized<View>, asked: Asked<Version>) -> Result<Response, Failure> {
    Ok(STYLE.answer(&asked.0.v))
}

pub(in crate::web) async fn icon(_: Authorized<View>, asked: Asked<Version>) -> Result<Response, Failure> {
    Ok(ICON.answer(&asked.0.v))
}

pub(in crate::web) async fn script(_: Authorized<View>, asked: Asked<Version>) -> Result<Response, Failure> {
    Ok(SCRIPT.answer(&asked.0.v))
}
