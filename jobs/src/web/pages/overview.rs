//! How everything stands.

use std::collections::BTreeSet;

use askama::Template;
use axum::http::header;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use chrono::Utc;
use serde::Deserialize;

use super::failures::Failures;
use super::findings::Findings;
use super::rows::QueueRow;
use crate::client::counts::MOST_COUNTED;
use crate::client::running::WorkerWithJobs;
use crate::web::authorized::{Authorized, View};
use crate::web::charts::Charts;
use crate::web::failure::Failure;
use crate::web::format::{self, Time};
use crate::web::input::Asked;
use crate::web::layout::{Layout, Page, html};
use crate::{Action, BoundedCounts, JobStatus, StatsRange, Unserved};

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    layout: Layout,
    statuses: Vec<Count>,
    has_jobs: bool,
    queues: Vec<QueueRow>,
    may_pause: bool,
    workers: Workers,
    unserved: Vec<Group>,
    unserved_as_of: Time,
    findings: Findings,
    charts: Charts,
    charts_as_of: Time,
    failures: Failures,
    failures_as_of: Time,
}

/// What the charts are about.
#[derive(Debug, Deserialize)]
pub(in crate::web) struct Wanted {
    #[serde(default)]
    range: StatsRange,
}

/// How many jobs are in a status.
struct Count {
    status: JobStatus,
    count: String,
}

/// The workers in a few words.
struct Workers {
    is_up: bool,
    live: String,
    hosts: String,
    running: String,
    lost: Option<String>,
}

/// Due jobs of one definition in one queue.
struct Group {
    jobs: String,
    name: String,
    queue: String,
}

/// The mount itself leads to the first page, which is one level below it as all others.
pub(in crate::web) async fn root(view: Authorized<View>, (): ()) -> Result<Response, Failure> {
    let to = format!("{}overview", view.base());
    let location = HeaderValue::from_str(&to).map_err(|_| Failure::NoSuchPage)?;
    Ok((StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response())
}

pub(in crate::web) async fn show(view: Authorized<View>, Asked(wanted): Asked<Wanted>) -> Result<Response, Failure> {
    let (shared, now) = (view.shared(), Utc::now());
    let counts = shared.counts().await?;
    let queues = shared.queues().await?;
    let workers = shared.workers().await?;
    let unserved = shared.unserved().await?;
    let stats = shared.stats(wanted.range).await?;
    let failures = shared.failures(view.session()).await?;
    let findings = Findings::of(shared, &queues).await;
    html(&Overview {
        layout: view.layout(Page::Overview, "Overview").with_age(counts.at.min(queues.at).min(workers.at)),
        statuses: JobStatus::ALL
            .iter()
            .map(|status| Count { status: *status, count: count(&counts, *status) })
            .collect(),
        has_jobs: counts.counts.total() > 0,
        queues: queues.iter().cloned().map(|queue| QueueRow::of(queue, now)).collect(),
        may_pause: view.may(Action::PauseQueue),
        workers: Workers::of(&workers),
        unserved: unserved.iter().cloned().map(Group::of).collect(),
        unserved_as_of: Time::clock(unserved.at),
        findings,
        charts: Charts::of(&stats),
        charts_as_of: Time::clock(stats.at),
        failures: Failures::of(&failures, !view.may(Action::ViewPayload), now),
        failures_as_of: Time::clock(failures.at),
    })
}

pub(super) fn count(counts: &BoundedCounts, status: JobStatus) -> String {
    format::found(counts.counts.of(status).min(MOST_COUNTED), counts.is_exact(status))
}

impl Workers {
    fn of(workers: &[WorkerWithJobs]) -> Self {
        let workers = workers.iter().map(|with_jobs| &with_jobs.worker);
        let (live, lost): (Vec<_>, Vec<_>) = workers.partition(|worker| worker.is_live);
        let hosts: BTreeSet<_> = live.iter().map(|worker| &worker.host).collect();
        let running = live.iter().map(|worker| worker.running).sum();
        Self {
            is_up: !live.is_empty(),
            live: format::counted(live.len() as u64, "live worker", "live workers"),
            hosts: format::counted(hosts.len() as u64, "host", "hosts"),
            running: format::counted(running, "running job", "running jobs"),
            lost: (!lost.is_empty()).then(|| format::counted(lost.len() as u64, "worker has", "workers have")),
        }
    }
}

impl Group {
    fn of(unserved: Unserved) -> Self {
        let jobs = match unserved.jobs {
            1 => "1 job".to_owned(),
            jobs => format!("{} jobs", format::bounded(jobs)),
        };
        Self { jobs, name: unserved.name, queue: unserved.queue }
    }
}
