//! Pausing and resuming queues.

use axum::response::Response;
use serde::Deserialize;

use super::redirect;
use crate::web::authorized::{Authorized, PauseQueue};
use crate::web::failure::Failure;
use crate::web::input::Sent;

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    queue: String,
}

pub(in crate::web) async fn pause(may: Authorized<PauseQueue>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    may.session().pause(&which.queue).await?;
    Ok(redirect::to("queues", &[("done", "paused"), ("queue", &which.queue)]))
}

pub(in crate::web) async fn resume(may: Authorized<PauseQueue>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    may.session().resume(&which.queue).await?;
    Ok(redirect::to("queues", &[("done", "resumed"), ("queue", &which.queue)]))
}
