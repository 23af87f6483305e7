//! Who works, where, and on what.

use askama::Template;
use axum::response::Response;
use chrono::{DateTime, Utc};

use crate::JobId;
use crate::client::running::{RunningJob, WorkerWithJobs};
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::format::{self, Time};
use crate::web::layout::{Layout, Page, html};

#[derive(Template)]
#[template(path = "workers.html")]
struct Workers {
    layout: Layout,
    workers: Vec<Row>,
}

struct Row {
    id: i64,
    name: String,
    host: String,
    pid: u32,
    is_live: bool,
    running: String,
    /// Those that have been running longest.
    jobs: Vec<Running>,
    /// How many others run.
    others: Option<String>,
    started: Time,
    seen: Time,
    queues: Vec<String>,
    definitions: String,
    names: Vec<String>,
}

struct Running {
    id: JobId,
    name: String,
    started: Option<Time>,
}

pub(in crate::web) async fn show(view: Authorized<View>, (): ()) -> Result<Response, Failure> {
    let (workers, now) = (view.shared().workers().await?, Utc::now());
    html(&Workers {
        layout: view.layout(Page::Workers, "Workers").with_age(workers.at),
        workers: workers.iter().map(|worker| Row::of(worker, now)).collect(),
    })
}

impl Row {
    fn of(WorkerWithJobs { worker, longest }: &WorkerWithJobs, now: DateTime<Utc>) -> Self {
        let others = worker.running.saturating_sub(longest.len() as u64);
        Self {
            id: worker.id,
            name: worker.name.clone(),
            host: worker.host.clone(),
            pid: worker.pid,
            is_live: worker.is_live,
            running: format::number(worker.running),
            jobs: longest.iter().map(|job| Running::of(job, now)).collect(),
            others: (others > 0).then(|| format::counted(others, "other", "others")),
            started: Time::relative(worker.started_at, now),
            seen: Time::relative(worker.last_seen_at, now),
            queues: worker.queues.clone(),
            definitions: format::counted(worker.names.len() as u64, "definition", "definitions"),
            names: worker.names.clone(),
        }
    }
}

impl Running {
    fn of(job: &RunningJob, now: DateTime<Utc>) -> Self {
        Self { id: job.id, name: job.name.clone(), started: job.started_at.map(|time| Time::relative(time, now)) }
    }
}
