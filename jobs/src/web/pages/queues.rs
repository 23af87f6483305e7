//! The queues, and which are paused.

use askama::Template;
use axum::response::Response;
use chrono::Utc;
use serde::Deserialize;

use super::rows::QueueRow;
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::format;
use crate::web::input::Asked;
use crate::web::layout::{Layout, Page, html};
use crate::{Action, QueueRecord};

#[derive(Template)]
#[template(path = "queues.html")]
struct QueuePage {
    layout: Layout,
    queues: Vec<QueueRow>,
    may_pause: bool,
}

/// What has just been done to a queue.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Notice {
    done: Option<Done>,
    queue: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Done {
    Paused,
    Resumed,
}

pub(in crate::web) async fn show(view: Authorized<View>, Asked(notice): Asked<Notice>) -> Result<Response, Failure> {
    let (queues, now) = (view.shared().queues().await?, Utc::now());
    html(&QueuePage {
        layout: view.layout(Page::Queues, "Queues").with_age(queues.at).with_notice(notice.text(&queues)),
        queues: queues.iter().cloned().map(|queue| QueueRow::of(queue, now)).collect(),
        may_pause: view.may(Action::PauseQueue),
    })
}

impl Notice {
    /// Only what is so, and names that exist: anyone can make a link.
    fn text(self, queues: &[QueueRecord]) -> Option<String> {
        let name = self.queue?;
        let queue = queues.iter().find(|queue| queue.name == name);
        match (self.done?, queue.map(|queue| queue.paused_at.is_some())) {
            (Done::Paused, Some(true)) => Some(format!("Queue {name} is paused: its jobs wait until that ends.")),
            (Done::Resumed, Some(false)) => Some(format!("Queue {name} is resumed.")),
            (Done::Resumed, None) => Some("The queue is resumed.".to_owned()),
            _ => None,
        }
    }
}
