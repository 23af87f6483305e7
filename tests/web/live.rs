//! Pages that are kept up to date: what their script asks for, and what that costs.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use axum::http::request::Parts;
use jobs::web::Access;
use jobs::{Action, CancellationToken, Principal, Role};
use jobs_tests::{Database, cases};
use tokio::task::JoinSet;

use crate::support::browser::{Browser, request};
use crate::support::definitions::{filled, later, unserved};
use crate::support::sent::Sent;

cases![
    a_fragment_is_the_content_of_its_page,
    lists_are_marked_to_be_asked_for_again,
    the_overview_asks_for_each_thing_once,
    a_thousand_viewers_cost_the_statements_of_one,
    what_is_shared_is_what_everyone_may_see,
    what_somebody_changes_is_seen_at_once,
    what_a_program_changes_does_not_make_pages_ask_again,
];

/// The text without what is another one in each answer: times, and what a count is confirmed by.
fn lasting(text: &str) -> String {
    without(&without(text, "<time ", "</time>"), " name=\"id\" value=\"", "\"")
}

fn without(text: &str, begin: &str, end: &str) -> String {
    let mut parts = text.split(begin);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once(end).unwrap().1)
}

async fn a_fragment_is_the_content_of_its_page(t: Database) {
    let pages = filled(&t).await;
    let browser = Browser::of(&t, Role::Admin);
    // Each count of jobs is remembered by a name of its own.
    for address in pages.into_iter().filter(|address| !address.contains("-all?")) {
        let (page, fragment) = (browser.get(&address).await.page(), browser.fragment(&address).await.page());
        let (page, fragment) = (lasting(&page), lasting(&fragment));
        assert!(page.contains(fragment.trim()), "{address}: {fragment}\n{page}");
        assert!(fragment.contains("<h1>") && fragment.len() + 1_000 < page.len(), "{address}: {fragment}");
        for frame in ["<html", "<script", "<main", "<header", "</main>", "</html>"] {
            assert!(!fragment.contains(frame), "{address} has {frame}: {fragment}");
        }
    }
    let nothing = browser.fragment("/job?id=0").await;
    assert_eq!(nothing.status, StatusCode::NOT_FOUND);
}

async fn lists_are_marked_to_be_asked_for_again(t: Database) {
    let waits = later(&t).await;
    filled(&t).await;
    let browser = Browser::of(&t, Role::Viewer);
    for (address, mark) in [
        ("/overview", "id=\"standing\" data-refresh=\"3\""),
        ("/queues", "id=\"queues\" data-refresh=\"3\""),
        ("/workers", "id=\"workers\" data-refresh=\"5\""),
        ("/jobs", "id=\"list\" data-refresh=\"5\""),
        ("/jobs?filter=status%3Ascheduled", "id=\"list\" data-refresh=\"5\""),
        ("/cron", "id=\"schedules\" data-refresh=\"10\""),
        ("/schedule?name=nightly%20%26%20more", "id=\"schedule\" data-refresh=\"10\""),
        (&format!("/job?id={waits}"), "id=\"job\" data-refresh=\"10\""),
    ] {
        let page = browser.get(address).await.page();
        assert!(page.contains(mark) && page.contains(" id=\"age\">As of <time "), "{address}: {page}");
        assert!(page.contains("<script src=\"live.js?v="), "{address}: {page}");
    }
    // What is not the newest page stays as it is.
    let newest = jobs::list(t.db(), jobs::JobFilter::new()).await.unwrap().jobs[0].id;
    let older = browser.get(&format!("/jobs?after={newest}")).await.page();
    assert!(older.contains(" id=\"list\"") && !older.contains("data-refresh"), "{older}");
}

/// The statements that it takes to look at everything once, with one range of charts: three of the queues, two of the workers, one of the
/// counts, three of what is not served, two each of charts and failures, and five of the checks.
const ONCE: usize = 18;

async fn the_overview_asks_for_each_thing_once(t: Database) {
    unserved(&t).await;
    let (db, sent) = Sent::by_a_connection(&t).await;
    Browser::with(db, Access::by(|_| Ok(Principal::new("ada", Role::Viewer)))).get("/overview").await.page();
    // SQLite is not asked for open transactions.
    assert_eq!(sent.count(), ONCE - usize::from(!t.kind().locks_rows()));
}

async fn a_thousand_viewers_cost_the_statements_of_one(t: Database) {
    unserved(&t).await;
    for viewers in [1, 1_000] {
        let (db, sent) = Sent::by_a_connection(&t).await;
        let browser = Browser::with(db, Access::by(|_| Ok(Principal::new("ada", Role::Viewer))));
        let (begin, stop) = (Instant::now(), CancellationToken::new());
        let mut looking = JoinSet::new();
        for page in ["/overview", "/queues", "/workers"].into_iter().cycle().take(viewers) {
            let (browser, stop) = (browser.clone(), stop.clone());
            looking.spawn(async move {
                while !stop.is_cancelled() {
                    browser.fragment(page).await.page();
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            });
        }
        sent.reaches(ONCE + 10).await;
        stop.cancel();
        looking.join_all().await;
        let (count, elapsed) = (sent.count(), begin.elapsed());
        let two_a_second = usize::try_from(elapsed.as_millis() / 500).unwrap();
        assert!(count <= ONCE + two_a_second, "{viewers} viewers cost {count} statements in {elapsed:?}");
    }
}

/// Everyone says who they are.
fn as_they_say(request: &Parts) -> Principal {
    let name = request.headers.get("user").map_or("", |name| name.to_str().unwrap());
    let role = name.parse::<Role>().unwrap_or(Role::Viewer);
    let principal = Principal::new(name, role);
    if name == "nobody" { principal.deny(Action::View) } else { principal }
}

async fn what_is_shared_is_what_everyone_may_see(t: Database) {
    unserved(&t).await;
    let browser = Browser::with(t.db().clone(), Access::by(|request| Ok(as_they_say(request))));
    let ask = async |name: &str, address: &str| {
        let request = request(axum::http::Method::GET, address, &[("user", name), ("jobs-fragment", "1")]);
        browser.send(request.body(axum::body::Body::empty()).unwrap()).await
    };
    for address in ["/overview", "/queues"] {
        for (name, may_pause) in [("admin", true), ("viewer", false), ("operator", true), ("viewer", false)] {
            let page = ask(name, address).await.page();
            assert_eq!(page.contains("href=\"pause-queue?"), may_pause, "{name} {address}: {page}");
            assert!(page.contains("elsewhere"), "{name} {address}: {page}");
        }
    }
    for address in ["/overview", "/queues", "/workers"] {
        let refused = ask("nobody", address).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{address}: {}", refused.body);
        assert!(!refused.body.contains("elsewhere"), "{address}: {}", refused.body);
    }
}

async fn what_somebody_changes_is_seen_at_once(t: Database) {
    unserved(&t).await;
    let browser = Browser::of(&t, Role::Operator);
    for (action, address) in
        [("/pause-queue", "/queues"), ("/resume-queue", "/overview"), ("/pause-queue", "/overview")]
    {
        browser.get(address).await.page();
        browser.post(action, "queue=elsewhere").await.leads_to();
        let page = browser.get(address).await.page();
        let is_paused = page.contains("<span class=\"status paused\">paused</span>");
        assert_eq!(is_paused, action == "/pause-queue", "{address} after {action}: {page}");
    }
}

async fn what_a_program_changes_does_not_make_pages_ask_again(t: Database) {
    unserved(&t).await;
    let (db, sent) = Sent::by_a_connection(&t).await;
    let browser = Browser::with(db, Access::by(|_| Ok(Principal::new("ada", Role::Operator))));
    let look = async || {
        let before = sent.count();
        browser.get("/overview").await.page();
        sent.count() - before
    };
    let begin = Instant::now();
    let all = look().await;
    let pause = request(axum::http::Method::POST, "/api/queues/pause", &[("content-type", "application/json")]);
    let paused = browser.send(pause.body(axum::body::Body::from("{\"queue\":\"elsewhere\"}")).unwrap()).await;
    assert_eq!(paused.status, StatusCode::OK, "{paused:?}");
    // Charts are asked for once a minute, whatever else is.
    assert!(look().await < all || begin.elapsed() > Duration::from_mins(1));
}
