//! Who has done what.

use askama::Template;
use axum::response::Response;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::web::authorized::{Authorized, ViewAudit};
use crate::web::failure::Failure;
use crate::web::format::Time;
use crate::web::input::Asked;
use crate::web::layout::{Layout, Page, html};
use crate::{AuditAction, AuditFilter, AuditRecord, Error, JobId};

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    layout: Layout,
    rows: Vec<AuditRow>,
    actions: Vec<Choice>,
    job: String,
    principal: String,
    action: String,
    is_first: bool,
    older: Option<i64>,
    searched_back_to: Option<Time>,
}

/// An action in the form.
struct Choice {
    value: &'static str,
    label: String,
    is_chosen: bool,
}

impl Choice {
    fn of(action: AuditAction, chosen: &str) -> Self {
        Self { value: action.as_str(), label: in_words(action), is_chosen: action.as_str() == chosen }
    }
}

/// What someone has done.
pub(super) struct AuditRow {
    pub(super) time: Time,
    pub(super) principal: String,
    pub(super) origin: Option<String>,
    pub(super) action: String,
    pub(super) job: Option<JobId>,
    pub(super) subject: Option<String>,
    pub(super) changed: String,
}

/// The fields of the form are empty if they do not matter.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Search {
    #[serde(default)]
    job: String,
    #[serde(default)]
    principal: String,
    #[serde(default)]
    action: String,
    before: Option<i64>,
}

pub(in crate::web) async fn show(
    view: Authorized<ViewAudit>,
    Asked(search): Asked<Search>,
) -> Result<Response, Failure> {
    let (page, now) = (view.session().audit(search.filter()?).await?, Utc::now());
    html(&Audit {
        layout: view.layout(Page::Audit, "Audit"),
        rows: page.records.into_iter().map(|record| row(record, now)).collect(),
        actions: AuditAction::ALL.iter().map(|action| Choice::of(*action, &search.action)).collect(),
        is_first: search.before.is_none(),
        job: search.job,
        principal: search.principal,
        action: search.action,
        older: page.next,
        searched_back_to: page.searched_back_to.map(Time::full),
    })
}

impl Search {
    fn filter(&self) -> Result<AuditFilter, Error> {
        let mut filter = AuditFilter::new();
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        if let Some(job) = given(&self.job) {
            let job = job
                .parse::<JobId>()
                .map_err(|_| Error::invalid("job", format!("`{job}` is not the number of a job")))?;
            filter = filter.job(job);
        }
        if let Some(principal) = given(&self.principal) {
            filter = filter.principal(principal);
        }
        if let Some(action) = given(&self.action) {
            let action = action.parse::<AuditAction>().map_err(|error| Error::invalid("action", error.to_string()))?;
            filter = filter.action(action);
        }
        Ok(self.before.map_or(filter.clone(), |last| filter.after(last)))
    }
}

pub(super) fn row(record: AuditRecord, now: DateTime<Utc>) -> AuditRow {
    AuditRow {
        time: Time::relative(record.at, now),
        principal: record.principal,
        origin: record.origin,
        action: in_words(record.action),
        job: record.job,
        subject: record.subject,
        changed: record.changed.join(", "),
    }
}

fn in_words(action: AuditAction) -> String {
    action.as_str().replace('_', " ")
}
