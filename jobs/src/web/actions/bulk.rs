//! Acting on all jobs that match a filter: they are counted, it is confirmed, and it goes on while nobody waits.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::Utc;
use serde::Deserialize;

use super::redirect;
use crate::client::bulk::Verb;
use crate::web::authorized::{Authorized, Cancel, Delete, Permission, Retry, RunNow};
use crate::web::failure::Failure;
use crate::web::format::Time;
use crate::web::input::{Asked, Sent};
use crate::web::layout::{Layout, Page, html};
use crate::web::operations::Count;
use crate::web::pages::operations::{OperationRow, Words, row};
use crate::web::pages::rows::JobRow;
use crate::{Action, JobFilter};

/// How many jobs are shown before it is confirmed.
const SAMPLE: u64 = 5;

/// After how many seconds the page of an action that runs is asked again.
const REFRESH: &str = "2";

/// The permission to act on many jobs.
pub(in crate::web) trait OnMany: Permission {
    const VERB: Verb;
}

impl OnMany for Cancel {
    const VERB: Verb = Verb::Cancel;
}

impl OnMany for Retry {
    const VERB: Verb = Verb::Retry;
}

impl OnMany for Delete {
    const VERB: Verb = Verb::Delete;
}

impl OnMany for RunNow {
    const VERB: Verb = Verb::RunNow;
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Which {
    filter: String,
}

#[derive(Debug, Deserialize)]
pub(in crate::web) struct Operation {
    id: String,
    /// Whether the page is not asked again by itself.
    #[serde(default)]
    still: bool,
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct Question {
    layout: Layout,
    words: &'static Words,
    id: String,
    filter: String,
    count: Count,
    /// The newest of the jobs.
    sample: Vec<JobRow>,
    is_final: bool,
    /// The class of the button.
    kind: &'static str,
}

#[derive(Template)]
#[template(path = "operation.html")]
struct OperationPage {
    layout: Layout,
    operation: OperationRow,
    refreshes: bool,
    is_still: bool,
    counted_at: Time,
}

/// Counts the jobs, and asks.
pub(in crate::web) async fn ask<P: OnMany>(
    may: Authorized<P>,
    Asked(which): Asked<Which>,
) -> Result<Response, Failure> {
    let filter = which.filter.parse::<JobFilter>().map_err(|error| invalid(error.to_string()))?;
    if filter.is_empty() {
        return Err(invalid("A filter is needed: say which jobs, for example with `name:` or `status:`.".to_owned()));
    }
    let words = Words::of(P::VERB);
    // First, so that it has no job that the count has not.
    let some = may.session().list_without_values(P::VERB.restrict(&filter)?.limit(SAMPLE)).await?;
    let text = filter.to_string();
    let (id, count) = may.operations().count(may.session(), P::VERB, filter).await?;
    let now = Utc::now();
    html(&Question {
        layout: may.layout(Page::Jobs, format!("{} all that match?", words.verb)),
        words,
        id,
        filter: text,
        count,
        sample: some.jobs.into_iter().map(|job| JobRow::of(job, now)).collect(),
        is_final: P::VERB == Verb::Delete,
        kind: if P::VERB == Verb::Delete { "danger" } else { "primary" },
    })
}

/// Starts what was confirmed.
pub(in crate::web) async fn start<P: OnMany>(
    may: Authorized<P>,
    Sent(operation): Sent<Operation>,
) -> Result<Response, Failure> {
    may.operations().start(may.session(), P::VERB, &operation.id)?;
    Ok(back::<P>(&operation.id))
}

/// How far it is.
pub(in crate::web) async fn show<P: OnMany>(
    may: Authorized<P>,
    Asked(asked): Asked<Operation>,
) -> Result<Response, Failure> {
    let operation = may.operations().find(P::VERB, &asked.id)?;
    let counted_at = Time::full(operation.counted_at);
    let operation = row(&operation, may.may(Action::ViewPayload), Utc::now());
    let refreshes = operation.is_running && !asked.still;
    let mut answer = html(&OperationPage {
        layout: may.layout(Page::Jobs, operation.words.all),
        operation,
        refreshes,
        is_still: asked.still,
        counted_at,
    })?;
    if refreshes {
        answer.headers_mut().insert(header::REFRESH, HeaderValue::from_static(REFRESH));
    }
    Ok(answer)
}

pub(in crate::web) async fn stop<P: OnMany>(
    may: Authorized<P>,
    Sent(operation): Sent<Operation>,
) -> Result<Response, Failure> {
    may.operations().find(P::VERB, &operation.id)?.stop();
    Ok(back::<P>(&operation.id))
}

fn back<P: OnMany>(id: &str) -> Response {
    redirect::to(Words::of(P::VERB).progress_path, &[("id", id)])
}

fn invalid(text: String) -> Failure {
    Failure::Invalid(StatusCode::BAD_REQUEST, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(jobs: u64, is_exact: bool) -> String {
        let question = Question {
            layout: Layout::new(None, Some(Page::Jobs), "Cancel all that match?".to_owned()),
            words: Words::of(Verb::Cancel),
            id: "1234".to_owned(),
            filter: "name:Mail".to_owned(),
            count: Count { jobs, is_exact },
            sample: Vec::new(),
            is_final: false,
            kind: "primary",
        };
        question.render().expect("a page")
    }

    #[test]
    fn who_has_counted_none_of_the_newest_can_act_on_older_ones() {
        let partial = question(0, false);
        assert!(
            partial.contains("<strong>None of the newest jobs</strong> matches <code>name:Mail</code>"),
            "{partial}"
        );
        assert!(partial.contains("value=\"1234\"") && !partial.contains("There is no such job."), "{partial}");
        let none = question(0, true);
        assert!(none.contains("There is no such job.") && !none.contains("1234"), "{none}");
        let some = question(7, false);
        assert!(some.contains("<strong>7+ jobs</strong>") && some.contains("There may be more"), "{some}");
    }
}
