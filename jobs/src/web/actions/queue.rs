//! Pausing and resuming queues.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::redirect;
use crate::Action;
use crate::web::authorized::{Authorized, PauseQueue};
use crate::web::failure::Failure;
use crate::web::form::PauseFields;
use crate::web::input::{Asked, Fields, Sent};
use crate::web::layout::{Layout, Page, html, html_with};

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    queue: String,
}

#[derive(Template)]
#[template(path = "pause_queue.html")]
struct FormPage {
    layout: Layout,
    queue: String,
    pause: PauseFields,
}

/// Asks why, and for how long.
pub(in crate::web) async fn ask(may: Authorized<PauseQueue>, Asked(which): Asked<Which>) -> Result<Response, Failure> {
    // Who may pause queues and see none is not told the reason that one has.
    let queues = if may.may(Action::View) { may.session().bounded_queues().await? } else { Vec::new() };
    let pause = PauseFields::of(queues.iter().find(|queue| queue.name == which.queue));
    html(&page(&may, which.queue, pause))
}

pub(in crate::web) async fn pause(may: Authorized<PauseQueue>, typed: Fields) -> Result<Response, Failure> {
    let queue = typed.get("queue").unwrap_or_default();
    let mut pause = PauseFields::typed(&typed);
    if let Ok(options) = pause.read() {
        match may.session().pause_with(queue, options).await {
            Ok(()) => return Ok(redirect::to("queues", &[("done", "paused"), ("queue", queue)])),
            Err(error) => pause.refuse(error)?,
        }
    }
    html_with(StatusCode::UNPROCESSABLE_ENTITY, &page(&may, queue.to_owned(), pause))
}

pub(in crate::web) async fn resume(may: Authorized<PauseQueue>, Sent(which): Sent<Which>) -> Result<Response, Failure> {
    may.session().resume(&which.queue).await?;
    Ok(redirect::to("queues", &[("done", "resumed"), ("queue", &which.queue)]))
}

fn page(may: &Authorized<PauseQueue>, queue: String, pause: PauseFields) -> FormPage {
    FormPage { layout: may.layout(Page::Queues, format!("Pause {queue}")), queue, pause }
}
