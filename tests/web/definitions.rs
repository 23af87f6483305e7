//! The definitions that are linked into the program.

use axum::http::StatusCode;
use jobs::prelude::*;
use jobs::{NamedJob, Role};
use jobs_tests::{Database, cases, soon};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::definitions::ended;

cases![
    the_list_has_every_definition_and_how_its_comment_begins,
    a_definition_tells_what_its_source_says,
    a_definition_is_found_by_an_old_name,
    jobs_of_a_definition_are_counted_and_so_are_those_that_do_not_decode,
    who_may_not_search_by_errors_is_told_nothing_of_them,
    a_definition_that_is_missing_is_told,
    only_who_may_schedule_is_offered_it,
];

async fn the_list_has_every_definition_and_how_its_comment_begins(t: Database) {
    let list = Browser::of(&t, Role::Viewer).get("/definitions").await.page();
    for text in [
        "<a href=\"definition?name=Talk\">Talk</a><span class=\"sub\">Says something, and ends as it is told: \
         `well`, or with this error.</span>",
        "<a href=\"definition?name=Measure\">Measure</a><span class=\"sub\">Measures `something`.</span>",
        "<code>0 3 * * *</code>",
        "text, number, password, pin, queue",
    ] {
        assert!(list.contains(text), "{text}: {list}");
    }
}

async fn a_definition_tells_what_its_source_says(t: Database) {
    let page = Browser::of(&t, Role::Viewer).get("/definition?name=Measure").await.page();
    for text in [
        "<p>Measures `something`.</p><p>As often\nas it is told.</p>",
        "<code>what</code><span class=\"sub\">also thing</span>",
        "<code>Option&#60;String&#62;</code>",
        "<code>&#34;a stone&#34;</code>",
        "<td data-label=\"Default\"><code>0.5</code></td>",
        "What is measured.",
        "<dt>Queue</dt><dd>scales</dd>",
        "<dt>Priority</dt><dd>3</dd>",
        "<dt>Attempts</dt><dd>at most 2</dd>",
        "<dt>Timeout</dt><dd>5m</dd>",
        "<dt>Retried</dt><dd>after 15s, then after twice as long each time, at most 1h; ±20 %</dd>",
        "<dt>Cron</dt><dd>At 03:00 (0 3 * * *, UTC)</dd>",
        "<dt>Old names</dt><dd>Weigh</dd>",
        "support/measure.rs:",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    // The default of a secret is one.
    assert!(page.contains("Secret.") && !page.contains("1234"), "{page}");
    let demand = Browser::of(&t, Role::Viewer).get("/definition?name=Demand").await.page();
    assert!(demand.contains("<span class=\"required\">required</span>"), "{demand}");
    let single = Browser::of(&t, Role::Viewer).get("/definition?name=Single").await.page();
    assert!(single.contains("until it has ended; if there is a second one, the first is used"), "{single}");
    let open = Browser::of(&t, Role::Viewer).get("/definition?name=Open").await.page();
    assert!(open.contains("It takes others, too."), "{open}");
}

async fn a_definition_is_found_by_an_old_name(t: Database) {
    NamedJob::new("Weigh", json!({})).schedule(t.db()).await.unwrap();
    let page = Browser::of(&t, Role::Viewer).get("/definition?name=Weigh").await.page();
    assert!(page.contains("<h1>Measure</h1>"), "{page}");
    let scheduled = "<span class=\"status scheduled\">scheduled</span> <span class=\"count\">1</span>";
    assert!(page.contains(scheduled), "{page}");
}

async fn jobs_of_a_definition_are_counted_and_so_are_those_that_do_not_decode(t: Database) {
    ended(&t, "no").await;
    let job = NamedJob::new("Talk", json!({ "end": "well" })).schedule(t.db()).await.unwrap().id();
    t.execute(&format!("UPDATE jobs_job SET parameters = '{{\"end\": 5}}', max_attempts = 1 WHERE id = {job}")).await;
    soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap();
    assert_eq!(jobs::status(t.db(), job).await.unwrap(), JobStatus::Failed);
    let browser = Browser::of(&t, Role::Operator);
    let page = browser.get("/definition?name=Talk").await.page();
    let failed = "<span class=\"status failed\">failed</span> <span class=\"count\">2</span>";
    assert!(page.contains(failed), "{page}");
    let (before, _) = page.split_once("\">1 whose parameters do not fit</a>").unwrap_or_else(|| panic!("{page}"));
    let (_, link) = before.rsplit_once("href=\"").unwrap();
    let jobs = browser.get(&format!("/{link}")).await.page();
    assert!(jobs.contains(&format!("href=\"job?id={job}\"")), "{jobs}");
    assert_eq!(jobs.matches("<td class=\"id\"").count(), 1, "{jobs}");
}

async fn who_may_not_search_by_errors_is_told_nothing_of_them(t: Database) {
    let page = Browser::of(&t, Role::Viewer).get("/definition?name=Talk").await.page();
    assert!(!page.contains("do not fit"), "{page}");
}

async fn a_definition_that_is_missing_is_told(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let job = NamedJob::new("Unknown", json!({})).schedule(t.db()).await.unwrap().id();
    for address in ["/definition?name=Unknown", "/schedule-job?name=Unknown", &format!("/schedule-again?id={job}")] {
        let answer = browser.get(address).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{address}: {}", answer.body);
        assert!(answer.body.contains("<h1>No such definition</h1>"), "{address}: {}", answer.body);
    }
    let answer = browser.post("/schedule-job", "name=Unknown").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{}", answer.body);
    let page = browser.get(&format!("/job?id={job}")).await.page();
    assert!(!page.contains("schedule-again"), "{page}");
}

async fn only_who_may_schedule_is_offered_it(t: Database) {
    let job = ended(&t, "well").await;
    for (role, offered) in [(Role::Viewer, false), (Role::Operator, false), (Role::Admin, true)] {
        let browser = Browser::of(&t, role);
        let definition = browser.get("/definition?name=Talk").await.page();
        assert_eq!(definition.contains("href=\"schedule-job?name=Talk\""), offered, "{role}");
        let page = browser.get(&format!("/job?id={job}")).await.page();
        assert_eq!(page.contains(&format!("href=\"schedule-again?id={job}\"")), offered, "{role}");
    }
}
