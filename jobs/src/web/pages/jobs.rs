//! The list of jobs: any filter, page by page.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;

use super::jobs_filter::{self, Problem, Tab};
use super::operations::Words;
use super::rows::JobRow;
use crate::client::search::Found;
use crate::store::search::Place;
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::format::Time;
use crate::web::input::Asked;
use crate::web::layout::{self, Layout, Page};
use crate::{Error, JobFilter, JobId, JobPage, JobRecord, JobStatus};

/// The jobs of a page.
const PAGE: u64 = 50;

#[derive(Template)]
#[template(path = "jobs.html")]
struct ListPage {
    layout: Layout,
    /// As it was typed.
    filter: String,
    problem: Option<Problem>,
    tabs: Vec<Tab>,
    jobs: Vec<JobRow>,
    is_first: bool,
    /// Whether those that have failed last come first.
    is_by_failure: bool,
    older: Option<Older>,
    searched_back_to: Option<Time>,
    secrets: String,
    /// What can be done with all jobs that match.
    on_all: Vec<&'static Words>,
}

/// Where the next page begins.
struct Older {
    after: JobId,
    failed: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Search {
    #[serde(default)]
    filter: String,
    /// The job after which the page begins.
    after: Option<JobId>,
    /// When that job has failed, if the list is in this order.
    failed: Option<DateTime<Utc>>,
    /// The job that has just been deleted.
    deleted: Option<JobId>,
}

pub(in crate::web) async fn show(view: Authorized<View>, Asked(search): Asked<Search>) -> Result<Response, Failure> {
    let is_deleted = match search.deleted {
        // Anyone can make a link that says so.
        Some(id) => matches!(view.session().record(id).await, Err(Error::NotFound { .. })),
        None => false,
    };
    let notice = is_deleted.then(|| "The job is deleted.".to_owned());
    let mut page = ListPage {
        layout: view.layout(Page::Jobs, "Jobs").with_age(Utc::now()).with_notice(notice),
        filter: search.filter.trim().to_owned(),
        problem: None,
        tabs: Vec::new(),
        jobs: Vec::new(),
        is_first: search.after.is_none(),
        is_by_failure: false,
        older: None,
        searched_back_to: None,
        secrets: String::new(),
        on_all: Vec::new(),
    };
    let status = match page.filter.parse::<JobFilter>() {
        Ok(filter) => page.find(&view, filter, &search).await?,
        Err(error) => {
            page.problem = Some(Problem::of_text(&error));
            StatusCode::BAD_REQUEST
        }
    };
    layout::html_with(status, &page)
}

impl ListPage {
    /// Fills the page, or says why the filter can't be asked.
    async fn find(
        &mut self,
        view: &Authorized<View>,
        filter: JobFilter,
        search: &Search,
    ) -> Result<StatusCode, Failure> {
        let status = match self.ask(view, filter, search).await {
            Ok(()) => return Ok(StatusCode::OK),
            Err(error @ Error::Forbidden { .. }) => (StatusCode::FORBIDDEN, error),
            Err(error @ Error::InvalidValue { .. }) => (StatusCode::BAD_REQUEST, error),
            Err(error) => return Err(error.into()),
        };
        self.problem = Some(Problem::of_error(&status.1));
        Ok(status.0)
    }

    async fn ask(&mut self, view: &Authorized<View>, filter: JobFilter, search: &Search) -> Result<(), Error> {
        let (session, wanted) = (view.session(), filter.clone().limit(PAGE));
        if search.is_by_failure(&filter) {
            self.take_failed(session.failed_without_values(wanted, search.place_among_failed()).await?);
        } else {
            let wanted = search.after.map_or(wanted.clone(), |last| wanted.after(last));
            self.take(session.list_without_values(wanted).await?);
        }
        let counts = session.bounded_counts(filter.clone().in_any_status()).await?;
        self.tabs = jobs_filter::tabs(&filter, &counts);
        self.on_all = Words::ALL
            .into_iter()
            .filter(|verb| !filter.is_empty() && verb.refusal(&filter).is_none())
            .map(Words::of)
            .filter(|words| view.may(words.action))
            .collect();
        Ok(())
    }

    fn take(&mut self, found: JobPage) {
        self.show(found.jobs);
        self.older = found.next.map(|after| Older { after, failed: None });
        self.searched_back_to = found.searched_back_to.map(Time::full);
        self.secrets = found.secrets.join(", ");
    }

    fn take_failed(&mut self, found: Found) {
        self.show(found.jobs);
        self.is_by_failure = true;
        self.older = found.next.map(|(id, time)| Older {
            after: JobId(id),
            failed: Some(time.to_rfc3339_opts(SecondsFormat::Micros, true)),
        });
        self.searched_back_to = found.searched_back_to.map(Time::full);
        self.secrets = found.secrets.join(", ");
    }

    fn show(&mut self, jobs: Vec<JobRecord>) {
        let now = Utc::now();
        self.jobs = jobs.into_iter().map(|job| JobRow::of(job, now)).collect();
    }
}

impl Search {
    /// Whether the list has only failed jobs, and is in the order in which they have failed. A link that has no time goes on in the order of
    /// numbers.
    fn is_by_failure(&self, filter: &JobFilter) -> bool {
        filter.statuses() == [JobStatus::Failed] && self.after.is_some() == self.failed.is_some()
    }

    /// Where the page begins in that order.
    fn place_among_failed(&self) -> Option<Place> {
        Some((self.after?.get(), self.failed?))
    }
}
