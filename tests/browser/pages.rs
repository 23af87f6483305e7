//! All pages. What holds for each of them is tested along this table: a new page is a new line.

use std::collections::BTreeMap;

use jobs::__private::web::routes;

use crate::support::browser::Browser;
use crate::support::case::cases;

cases![each_page_of_the_dashboard_is_in_the_table];

/// A page, with what stands in braces in its address left open.
pub(crate) struct Page {
    /// The name of its picture.
    pub(crate) name: &'static str,
    address: &'static str,
}

/// What the pages of a database are about, by its name in braces.
pub(crate) type Subjects = BTreeMap<&'static str, String>;

const fn page(name: &'static str, address: &'static str) -> Page {
    Page { name, address }
}

pub(crate) const PAGES: &[Page] = &[
    page("overview", "overview"),
    page("overview-week", "overview?range=week"),
    page("jobs", "jobs"),
    page("jobs-failed", "jobs?filter=status%3Afailed"),
    page("jobs-none", "jobs?filter=name%3ANobody"),
    page("jobs-mistake", "jobs?filter=staus%3Afailed"),
    page("job-waiting", "job?id={waiting}"),
    page("job-running", "job?id={running}"),
    page("job-failed", "job?id={failed}"),
    page("job-succeeded", "job?id={succeeded}"),
    page("parameter", "value?id={with-values}&of=parameters&name={parameter}"),
    page("result", "value?id={with-values}&of=results&name={result}"),
    page("delete", "delete?id={failed}"),
    page("schedule-again", "schedule-again?id={again}"),
    page("change-parameter", "parameter?id={waiting}&name={waiting-parameter}"),
    page("cancel-all", "cancel-all?filter={filter-of-open}"),
    page("retry-all", "retry-all?filter={filter-of-failed}"),
    page("run-all-now", "run-all-now?filter={filter-of-waiting}"),
    page("delete-all", "delete-all?filter={filter-of-closed}"),
    page("delete-all-none", "delete-all?filter=name%3ANobody"),
    page("operation", "cancel-all-progress?id={operation}"),
    page("operations", "operations"),
    page("definitions", "definitions"),
    page("definition", "definition?name={definition}"),
    page("definition-cron", "definition?name=MonthlyReport"),
    page("schedule-job", "schedule-job?name={definition}"),
    page("queues", "queues"),
    page("pause-queue", "pause-queue?queue={queue}"),
    page("workers", "workers"),
    page("cron", "cron"),
    page("schedule", "schedule?name={schedule}"),
    page("add-schedule", "add-schedule"),
    page("add-schedule-of", "add-schedule?job={definition}"),
    page("remove-schedule", "remove-schedule?name={schedule}"),
    page("audit", "audit"),
    page("failure", "nothing"),
];

/// Pages of the dashboard alone, for whoever has not signed in.
pub(crate) const SIGN_IN_PAGES: &[Page] =
    &[page("sign-in", "login"), page("sign-in-by-link", "login?token=x"), page("sign-in-asked", "overview")];

/// What is answered to GET, and is no page; and pages that only repeat one of the table.
const NO_PAGES: [&str; 8] = [
    "/",
    "/style.css",
    "/icon.svg",
    "/live.js",
    // A stream.
    "/job-events",
    // As that of an action that cancels.
    "/retry-all-progress",
    "/run-all-now-progress",
    "/delete-all-progress",
];

impl Page {
    /// Where the page about these subjects is; `None` if they are not what it is about.
    pub(crate) fn address(&self, subjects: &Subjects) -> Option<String> {
        let mut address = self.address.to_owned();
        while let Some((before, rest)) = address.split_once('{') {
            let (subject, after) = rest.split_once('}')?;
            address = format!("{before}{}{after}", encoded(subjects.get(subject)?));
        }
        Some(address)
    }

    /// Whether it is about a single job, schedule or the like.
    pub(crate) fn has_a_subject(&self) -> bool {
        self.address.contains('{')
    }
}

/// As it stands in an address.
fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

async fn each_page_of_the_dashboard_is_in_the_table(_: Browser) {
    for route in routes().iter().filter(|route| route.method == "GET" && !NO_PAGES.contains(&route.path)) {
        let path = route.path.trim_start_matches('/');
        let is_listed = PAGES.iter().any(|page| page.address.split('?').next() == Some(path));
        assert!(is_listed, "{path} is in no line of `PAGES`");
    }
}
