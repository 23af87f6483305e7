//! Pages that change while somebody looks at them.

use jobs::NamedJob;
use jobs::prelude::*;
use jobs_tests::{Database, Gate, Kind, Running};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::case::cases;
use crate::support::shop;
use crate::support::site::Site;

cases![
    the_page_of_a_job_follows_it_to_its_end_without_a_reload,
    the_overview_counts_what_has_come_without_a_reload,
    nothing_is_shown_again_by_going_back_after_signing_out,
];

/// Packs a parcel.
#[job_fn(queue = "parcels")]
async fn pack_parcel(job: &JobContext) -> JobResult<String> {
    job.message("the box is folded");
    job.state::<Gate>().pass().await;
    job.message("the parcel weighs 1.2 kg");
    Ok("1.2 kg".to_owned())
}

/// Marks the document, so that another one is told from it.
const MARK: &str = "window.isTheSame = true";

async fn the_page_of_a_job_follows_it_to_its_end_without_a_reload(browser: Browser) {
    let t = Database::new(Kind::Sqlite).await.unwrap();
    let site = Site::of_ada(t.db().clone()).await;
    let id = PackParcel::new().schedule(t.db()).await.unwrap().id();
    browser.goto(&site.at(&format!("job?id={id}"))).await;
    browser.execute(MARK, &[]).await;
    browser.until("document.documentElement.dataset.live === 'connected'").await;
    assert!(browser.text().await.contains("scheduled"));

    let gate = Gate::default();
    let worker = Running::start(Worker::new(t.db().clone()).state(gate.clone()));
    browser.until("document.querySelector('.title .status').innerText === 'running'").await;
    browser.until_text("the box is folded").await;
    gate.open(1);
    browser.until("document.querySelector('.title .status').innerText === 'terminated'").await;
    browser.until_text("the parcel weighs 1.2 kg").await;
    browser.until("document.querySelector('#results')").await;
    assert_eq!(browser.execute("return window.isTheSame", &[]).await, true);
    worker.stop().await;
}

async fn the_overview_counts_what_has_come_without_a_reload(browser: Browser) {
    let (t, _) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    let count = "document.querySelector('.counts a[href$=scheduled] .count').innerText";
    browser.goto(&site.at("overview")).await;
    browser.execute(MARK, &[]).await;
    browser.execute("document.querySelector('.numbers summary').click()", &[]).await;
    let before = browser.read(count).await.parse::<u32>().unwrap();
    NamedJob::new("YearlyReport", json!({})).schedule(t.db()).await.unwrap();
    browser.until(&format!("{count} === '{}'", before + 1)).await;
    assert_eq!(browser.execute("return window.isTheSame", &[]).await, true);
    // What somebody has opened stays open.
    assert_eq!(browser.execute("return document.querySelector('.numbers').open", &[]).await, true);
}

/// Also if the browser keeps pages to show them again as they were.
async fn nothing_is_shown_again_by_going_back_after_signing_out(browser: Browser) {
    let t = Database::new(Kind::Sqlite).await.unwrap();
    let (_site, links) = Site::alone(t.db().clone()).await;
    links.follow(&browser).await;
    browser.click("Sign out").await;
    browser.until_heading("Sign in").await;
    browser.execute("history.back()", &[]).await;
    browser.until("location.pathname.endsWith('/overview')").await;
    browser.until_heading("Sign in").await;
}
