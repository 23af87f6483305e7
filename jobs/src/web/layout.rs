//! The frame of all pages: the navigation, and who is signed in.

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};

use super::assets::{ICON, SCRIPT, STYLE};
use super::failure::{Failure, LOOK, Told};
use super::format::Time;
use super::visitor::Visitor;
use crate::Action;

/// The pages of the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Page {
    Overview,
    Jobs,
    Queues,
    Workers,
    Cron,
    Definitions,
    Audit,
}

impl Page {
    const ALL: [Self; 7] =
        [Self::Overview, Self::Jobs, Self::Queues, Self::Workers, Self::Cron, Self::Definitions, Self::Audit];

    const fn link(self) -> (&'static str, &'static str) {
        match self {
            Self::Overview => ("overview", "Overview"),
            Self::Jobs => ("jobs", "Jobs"),
            Self::Queues => ("queues", "Queues"),
            Self::Workers => ("workers", "Workers"),
            Self::Cron => ("cron", "Cron"),
            Self::Definitions => ("definitions", "Definitions"),
            Self::Audit => ("audit", "Audit"),
        }
    }

    const fn action(self) -> Action {
        match self {
            Self::Audit => Action::ViewAudit,
            _ => Action::View,
        }
    }
}

pub(super) struct Link {
    pub(super) path: &'static str,
    pub(super) label: &'static str,
    pub(super) is_current: bool,
}

pub(super) struct Layout {
    pub(super) title: String,
    pub(super) base: String,
    pub(super) links: Vec<Link>,
    pub(super) principal: Option<String>,
    pub(super) can_sign_out: bool,
    /// What has just been done.
    pub(super) notice: Option<String>,
    /// Whether who asks may load the style and the icon.
    pub(super) has_assets: bool,
    pub(super) style: &'static str,
    pub(super) icon: &'static str,
    /// The script, if who asks may load it.
    pub(super) script: Option<&'static str>,
    /// Whether only the content is written, for a page that has the frame.
    pub(super) is_fragment: bool,
    /// How old the content is, on pages that are kept up to date.
    pub(super) as_of: Option<Time>,
}

impl Layout {
    pub(super) fn new(visitor: Option<&Visitor>, current: Option<Page>, title: String) -> Self {
        let may = |page: &Page| visitor.is_some_and(|visitor| visitor.session.may(page.action()));
        let link = |page: Page| {
            let (path, label) = page.link();
            Link { path, label, is_current: current == Some(page) }
        };
        Self {
            title,
            base: visitor.map(|visitor| visitor.base.clone()).unwrap_or_default(),
            links: Page::ALL.into_iter().filter(may).map(link).collect(),
            principal: visitor.map(|visitor| visitor.session.principal().name().to_owned()),
            can_sign_out: visitor.is_some_and(|visitor| visitor.can_sign_out),
            notice: None,
            has_assets: visitor.is_some(),
            style: &STYLE.hash,
            icon: &ICON.hash,
            script: visitor.map(|_| SCRIPT.hash.as_str()),
            is_fragment: visitor.is_some_and(|visitor| visitor.has_frame),
            as_of: None,
        }
    }

    /// Sets what leads to the pages, where everybody may load the style.
    pub(super) fn with_base(mut self, base: String) -> Self {
        self.base = base;
        self.has_assets = true;
        self
    }

    /// Tells how old the content is.
    pub(super) fn with_age(mut self, time: DateTime<Utc>) -> Self {
        self.as_of = Some(Time::clock(time));
        self
    }

    pub(super) fn with_notice(mut self, notice: Option<String>) -> Self {
        self.notice = notice;
        self
    }
}

#[derive(Template)]
#[template(path = "failure.html")]
struct FailurePage {
    layout: Layout,
    status: u16,
    text: String,
}

/// Writes a page.
pub(super) fn html(page: &impl Template) -> Result<Response, Failure> {
    html_with(StatusCode::OK, page)
}

pub(super) fn html_with(status: StatusCode, page: &impl Template) -> Result<Response, Failure> {
    Ok((status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page.render()?).into_response())
}

/// Makes a page of a failure; other answers stay.
pub(super) fn draw(response: Response, visitor: Option<&Visitor>) -> Response {
    let Some(told) = response.extensions().get::<Told>() else { return response };
    let layout = Layout::new(visitor, None, told.title.to_owned());
    let advice = match told.is_uncertain {
        true if visitor.is_some_and(|visitor| visitor.changes) => LOOK,
        true => " Try again in a moment.",
        false => "",
    };
    let page = FailurePage { layout, status: told.status.as_u16(), text: format!("{}{advice}", told.text) };
    let mut drawn = html_with(told.status, &page).unwrap_or_else(axum::response::IntoResponse::into_response);
    // 405 says which methods there are.
    if let Some(allow) = response.headers().get(header::ALLOW) {
        drawn.headers_mut().insert(header::ALLOW, allow.clone());
    }
    drawn
}
