//! The actions on many jobs that are remembered.

use askama::Template;
use axum::response::Response;
use chrono::{DateTime, Utc};

use crate::client::bulk::Verb;
use crate::web::authorized::{Authorized, View};
use crate::web::failure::Failure;
use crate::web::format::{self, Time};
use crate::web::layout::{Layout, Page, html};
use crate::web::operations::{End, Operation, Progress};
use crate::{Action, BulkSummary};

#[derive(Template)]
#[template(path = "operations.html")]
struct OperationsPage {
    layout: Layout,
    operations: Vec<OperationRow>,
}

/// What an action on many jobs is called, and where it is done.
pub(in crate::web) struct Words {
    pub(in crate::web) action: Action,
    /// On buttons.
    pub(in crate::web) verb: &'static str,
    pub(in crate::web) all: &'static str,
    /// What becomes of the jobs.
    pub(in crate::web) done: &'static str,
    pub(in crate::web) path: &'static str,
    pub(in crate::web) progress_path: &'static str,
    pub(in crate::web) stop_path: &'static str,
}

/// An action in the list, or on its own page.
pub(in crate::web) struct OperationRow {
    pub(in crate::web) id: String,
    pub(in crate::web) words: &'static Words,
    pub(in crate::web) filter: String,
    /// Whether the filter is shown whole, so that it can be asked again.
    pub(in crate::web) is_whole: bool,
    pub(in crate::web) started_by: String,
    pub(in crate::web) started: Time,
    pub(in crate::web) is_running: bool,
    /// The class of its status.
    pub(in crate::web) class: &'static str,
    pub(in crate::web) state: &'static str,
    pub(in crate::web) took: String,
    pub(in crate::web) examined: u64,
    pub(in crate::web) jobs: u64,
    pub(in crate::web) progress: String,
    pub(in crate::web) facts: Vec<String>,
    pub(in crate::web) problem: Option<String>,
}

pub(in crate::web) async fn show(view: Authorized<View>, (): ()) -> Result<Response, Failure> {
    let now = Utc::now();
    let mut all = view.operations().all();
    all.retain(|operation| view.may(Words::of(operation.verb).action));
    html(&OperationsPage {
        layout: view.layout(Page::Jobs, "Actions on many jobs"),
        operations: all.iter().map(|operation| row(operation, view.may(Action::ViewPayload), now)).collect(),
    })
}

/// An action for somebody who may see payload, or not.
pub(in crate::web) fn row(operation: &Operation, sees_payload: bool, now: DateTime<Utc>) -> OperationRow {
    let Progress { count, so_far, end } = operation.progress();
    let is_whole = sees_payload || !operation.filter.is_on_payload();
    let filter = if is_whole { operation.filter.clone() } else { operation.filter.for_the_audit(operation.counted_at) };
    let (class, state) = match &end {
        None => ("running", "running"),
        Some((_, End::Done)) => ("terminated", "done"),
        Some((_, End::Stopped)) => ("paused", "stopped"),
        Some((_, End::Failed(_))) => ("failed", "failed"),
    };
    let words = Words::of(operation.verb);
    OperationRow {
        id: operation.id.clone(),
        words,
        filter: filter.to_string(),
        is_whole,
        started_by: operation.started_by.clone(),
        started: Time::relative(operation.started_at, now),
        is_running: end.is_none(),
        class,
        state,
        took: format::between(operation.started_at, end.as_ref().map_or(now, |(at, _)| *at)),
        examined: so_far.total(),
        jobs: count.jobs.max(1),
        progress: format!("{} of {}", format::number(so_far.total()), count.text()),
        facts: facts(words, so_far),
        problem: end.and_then(|(_, end)| if let End::Failed(problem) = end { Some(problem) } else { None }),
    }
}

/// What became of the jobs.
fn facts(words: &Words, summary: BulkSummary) -> Vec<String> {
    let jobs = |count: u64, one: &str, many: &str| (count > 0).then(|| format::counted(count, one, many));
    let done = format!("{} {}.", format::counted(summary.done, "job is", "jobs are"), words.done);
    let others = [
        jobs(summary.requested, "running job was asked to stop.", "running jobs were asked to stop."),
        jobs(
            summary.duplicates,
            "job is left, because another job holds its unique key.",
            "jobs are left, because other jobs hold their unique keys.",
        ),
        jobs(summary.changed, "job had changed before, and is left.", "jobs had changed before, and are left."),
        jobs(
            summary.locked,
            "job is left, because another transaction has locked it: try again.",
            "jobs are left, because other transactions have locked them: try again.",
        ),
    ];
    std::iter::once(done).chain(others.into_iter().flatten()).collect()
}

impl Words {
    pub(in crate::web) const ALL: [Verb; 4] = [Verb::Cancel, Verb::Retry, Verb::RunNow, Verb::Delete];

    pub(in crate::web) const fn of(verb: Verb) -> &'static Self {
        match verb {
            Verb::Cancel => &Self {
                action: Action::Cancel,
                verb: "Cancel",
                all: "Cancel all that match",
                done: "canceled",
                path: "cancel-all",
                progress_path: "cancel-all-progress",
                stop_path: "cancel-all-stop",
            },
            Verb::Retry => &Self {
                action: Action::Retry,
                verb: "Run again",
                all: "Run all that match again",
                done: "scheduled again",
                path: "retry-all",
                progress_path: "retry-all-progress",
                stop_path: "retry-all-stop",
            },
            Verb::Delete => &Self {
                action: Action::Delete,
                verb: "Delete",
                all: "Delete all that match",
                done: "deleted",
                path: "delete-all",
                progress_path: "delete-all-progress",
                stop_path: "delete-all-stop",
            },
            Verb::RunNow => &Self {
                action: Action::RunNow,
                verb: "Run now",
                all: "Run all that match now",
                done: "due now",
                path: "run-all-now",
                progress_path: "run-all-now-progress",
                stop_path: "run-all-now-stop",
            },
        }
    }
}
