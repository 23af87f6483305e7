//! What pages say.

use jobs::prelude::*;
use jobs::{Principal, Role};
use jobs_tests::{Database, Running, cases};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::definitions::{ended, later, unserved};

cases![
    an_empty_database_says_what_to_do,
    the_overview_tells_how_everything_stands,
    a_job_tells_all_that_is_stored_about_it,
    a_secret_is_not_shown,
    a_viewer_does_not_see_what_jobs_are_given_and_say,
    a_job_that_waits_tells_why,
    a_long_value_is_cut_and_has_a_page_of_its_own,
    parameters_that_are_no_object_have_a_page_of_their_own_too,
    a_large_value_is_not_made_larger_by_indentation,
    only_the_newest_of_many_messages_and_attempts_are_shown,
    a_worker_is_shown_with_what_it_serves,
];

async fn page(t: &Database, role: Role, address: &str) -> String {
    Browser::of(t, role).get(address).await.page()
}

#[track_caller]
fn assert_says(page: &str, texts: &[&str]) {
    for text in texts {
        assert!(page.contains(text), "it does not say {text}: {page}");
    }
}

async fn an_empty_database_says_what_to_do(t: Database) {
    for (address, says) in [
        ("/overview", &["There are no jobs yet.", "No worker is up.", "No queue has anything to do."][..]),
        ("/jobs", &["There are no jobs yet."]),
        ("/queues", &["No queue has anything to do."]),
        ("/workers", &["No worker is up."]),
        ("/cron", &["There are no schedules."]),
        ("/audit", &["Nothing is recorded."]),
    ] {
        assert_says(&page(&t, Role::Admin, address).await, says);
    }
}

async fn the_overview_tells_how_everything_stands(t: Database) {
    ended(&t, "no").await;
    unserved(&t).await;
    jobs::pause(t.db(), "talks").await.unwrap();
    let overview = page(&t, Role::Admin, "/overview").await;
    assert_says(
        &overview,
        &["1 job of <code>Unknown</code> in queue <code>elsewhere</code>", "action=\"resume-queue\""],
    );
    let counts: Vec<_> = overview.split("<span class=\"count\">").skip(1).map(|rest| &rest[..1]).collect();
    assert_eq!(counts, ["1", "0", "0", "1", "0"]);
}

async fn a_job_tells_all_that_is_stored_about_it(t: Database) {
    let id = ended(&t, "it went\nwrong").await;
    let job = page(&t, Role::Admin, &format!("/job?id={id}")).await;
    assert_says(
        &job,
        &[
            "<h1>Talk</h1>",
            "<span class=\"status failed\">failed</span>",
            "<pre tabindex=\"0\">it went\nwrong</pre>",
            "<dt>end</dt>",
            "<dt>half</dt><dd><pre tabindex=\"0\">0.5</pre>",
            "it begins",
            "<span class=\"level warn\">warn</span>",
            "<dt>Attempt</dt><dd>1 of ",
            "href=\"jobs?filter=queue%3Atalks\"",
            "action=\"retry\"",
            "href=\"delete?id=",
        ],
    );
}

async fn a_secret_is_not_shown(t: Database) {
    let id = ended(&t, "well").await;
    let job = page(&t, Role::Admin, &format!("/job?id={id}")).await;
    assert_says(&job, &["<dt>password</dt><dd><span class=\"muted\">secret</span>"]);
    assert!(!job.contains("open sesame"), "{job}");
    let value = page(&t, Role::Admin, &format!("/value?id={id}&of=parameters&name=password")).await;
    assert!(!value.contains("open sesame"), "{value}");
}

async fn a_viewer_does_not_see_what_jobs_are_given_and_say(t: Database) {
    let id = ended(&t, "it went wrong").await;
    let olga = jobs::acting_as(t.db(), Principal::new("olga", Role::Operator));
    let counted = olga.bulk("error:\"it went wrong\"".parse().unwrap()).await.unwrap();
    assert_eq!(olga.retry_all(&counted).unwrap().await.unwrap().done, 1);
    let job = page(&t, Role::Viewer, &format!("/job?id={id}")).await;
    assert_says(&job, &["Parameters, results, errors and messages are hidden", "status:failed error:•••"]);
    for hidden in ["it went wrong", "it begins", "<dt>half</dt>", "action=\"retry\""] {
        assert!(!job.contains(hidden), "it says {hidden}: {job}");
    }
    assert!(!page(&t, Role::Viewer, "/jobs").await.contains("it went wrong"));
}

async fn a_job_that_waits_tells_why(t: Database) {
    let id = later(&t).await;
    jobs::pause(t.db(), "talks").await.unwrap();
    let job = page(&t, Role::Viewer, &format!("/job?id={id}")).await;
    assert_says(&job, &["<h2 id=\"why\">Why it waits</h2>", "It is due at", "Queue `talks` has been paused since"]);
}

async fn a_long_value_is_cut_and_has_a_page_of_its_own(t: Database) {
    // As much as a job may have, and characters that become longer on a page.
    let long = format!("{}END", "<".repeat(1_000_000));
    let id = jobs::NamedJob::new("Unknown", json!({ "text": long })).schedule(t.db()).await.unwrap().id();
    let job = page(&t, Role::Operator, &format!("/job?id={id}")).await;
    assert_says(&job, &["All 1,000,005 characters"]);
    assert!(job.len() < 50_000, "{}", job.len());
    let value = page(&t, Role::Operator, &format!("/value?id={id}&of=parameters&name=text")).await;
    assert!(value.contains(&format!("{}END", "&#60;".repeat(1_000_000))), "{}", value.len());
    let jobs = page(&t, Role::Operator, "/jobs").await;
    assert!(jobs.len() < 50_000, "{}", jobs.len());
}

async fn parameters_that_are_no_object_have_a_page_of_their_own_too(t: Database) {
    let id = unserved(&t).await;
    t.execute(&format!("UPDATE jobs_job SET parameters = '[\"{}END\"]'", "x".repeat(5_000))).await;
    let job = page(&t, Role::Admin, &format!("/job?id={id}")).await;
    let (_, rest) = job.split_once("<a href=\"value?").unwrap_or_else(|| panic!("no link: {job}"));
    let link = rest.split_once('"').unwrap().0.replace("&amp;", "&");
    assert_says(&page(&t, Role::Admin, &format!("/value?{link}")).await, &["xEND&#34;"]);
}

async fn a_large_value_is_not_made_larger_by_indentation(t: Database) {
    // Each element would have a line, and before it two spaces for each level.
    let deep = (0..20).fold(json!(vec![1; 200_000]), |inner, _| json!([inner]));
    let id = jobs::NamedJob::new("Unknown", json!({ "deep": deep })).schedule(t.db()).await.unwrap().id();
    let value = page(&t, Role::Operator, &format!("/value?id={id}&of=parameters&name=deep")).await;
    assert!((400_000..500_000).contains(&value.len()), "{}", value.len());
}

async fn only_the_newest_of_many_messages_and_attempts_are_shown(t: Database) {
    let id = later(&t).await;
    let now = t.seconds_from_now(0);
    let rows = |count: u32, row: &dyn Fn(u32) -> String| (1..=count).map(row).collect::<Vec<_>>().join(", ");
    let messages = rows(501, &|number| format!("({id}, 1, 1, {number}, 2, {now}, 'message {number};')"));
    t.execute(&format!(
        "INSERT INTO jobs_message (job_id, attempt, version, number, level, created_at, text) VALUES {messages}"
    ))
    .await;
    let attempts = rows(101, &|number| format!("({id}, {number}, {number}, 'w', {now}, 'failed', 'error {number};')"));
    t.execute(&format!(
        "INSERT INTO jobs_attempt (job_id, attempt, version, worker, ended_at, how, error) VALUES {attempts}"
    ))
    .await;
    let job = page(&t, Role::Operator, &format!("/job?id={id}")).await;
    assert_says(&job, &["Only the newest 500 are shown", "Only the newest 100 are shown"]);
    assert_says(&job, &[">message 2;<", ">message 501;<", ">error 2;<", ">error 101;<"]);
    assert!(!job.contains(">message 1;<") && !job.contains(">error 1;<"), "{job}");
    let order = [">message 2;<", ">message 501;<"].map(|text| job.find(text));
    assert!(order.is_sorted(), "{order:?}");
    t.execute("DELETE FROM jobs_message WHERE number = 1").await;
    t.execute("DELETE FROM jobs_attempt WHERE attempt = 1").await;
    let job = page(&t, Role::Operator, &format!("/job?id={id}")).await;
    assert!(!job.contains("Only the newest"), "{job}");
}

async fn a_worker_is_shown_with_what_it_serves(t: Database) {
    let running = Running::start(Worker::new(t.db().clone()).name("first").queue("talks", 2));
    let browser = Browser::of_principal(&t, Principal::new("ada", Role::Viewer));
    jobs_tests::soon(async {
        while jobs::workers(t.db()).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let workers = browser.get("/workers").await.page();
    assert_says(
        &workers,
        &["first", "<span class=\"status live\">live</span>", "<code>talks</code>", "<li><code>Talk</code></li>"],
    );
    assert_says(&browser.get("/overview").await.page(), &["1 live worker</a> on 1 host, with 0 running jobs."]);
    running.stop().await;
}
