//! What pages of other sites can't do with a browser that is signed in to the dashboard.

use jobs::{JobId, JobStatus, NamedJob};
use jobs_tests::Database;
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::case::cases;
use crate::support::shop;
use crate::support::site::Site;

cases![
    a_page_of_another_site_cannot_cancel_a_job,
    a_page_of_another_port_cannot_cancel_a_job_with_the_session_of_the_browser,
    a_page_of_another_site_cannot_embed_the_dashboard,
];

async fn waiting(t: &Database) -> JobId {
    NamedJob::new("Copy", json!({})).schedule(t.db()).await.unwrap().id()
}

/// A page that sends the form as soon as it is open, and the same by a script.
fn page_that_cancels(site: &Site, job: JobId) -> String {
    let target = site.at("cancel");
    format!(
        "<h1>Elsewhere</h1><form method=post action='{target}'><input name=id value={job}><button>Win</button></form>\
         <script>fetch('{target}', {{ method: 'POST', mode: 'no-cors', credentials: 'include', \
         headers: {{ 'content-type': 'application/x-www-form-urlencoded' }}, body: 'id={job}' }}) \
         .finally(() => document.forms[0].submit())</script>"
    )
}

/// Opens a page of another site, and asserts that it has canceled nothing.
async fn assert_refused(browser: &Browser, t: &Database, job: JobId, address: &str) {
    browser.goto(address).await;
    browser.until_heading("Not from here").await;
    assert_eq!(jobs::status(t.db(), job).await.unwrap(), JobStatus::Scheduled, "{address}");
}

async fn a_page_of_another_site_cannot_cancel_a_job(browser: Browser) {
    let (t, _) = shop::empty().await;
    // Everyone who reaches it is an administrator: nothing but the origin of the page protects it.
    let site = Site::of_ada(t.db().clone()).await;
    let job = waiting(&t).await;
    let elsewhere = Site::with_page(&page_that_cancels(&site, job)).await;
    for host in ["localhost", "127.0.0.1"] {
        assert_refused(&browser, &t, job, &format!("http://{host}:{}/", elsewhere.port)).await;
    }
    // That this is how it is done.
    browser.goto(&site.at(&format!("job?id={job}"))).await;
    browser.click("Cancel").await;
    browser.until_text("The job is canceled.").await;
}

async fn a_page_of_another_port_cannot_cancel_a_job_with_the_session_of_the_browser(browser: Browser) {
    let (t, _) = shop::empty().await;
    let (site, links) = Site::alone(t.db().clone()).await;
    links.follow(&browser).await;
    let job = waiting(&t).await;
    let elsewhere = Site::with_page(&page_that_cancels(&site, job)).await;
    // To browsers, another port is the same site: they send the cookie.
    assert_refused(&browser, &t, job, &elsewhere.root).await;
    // From another site, they do not.
    browser.goto(&format!("http://localhost:{}/", elsewhere.port)).await;
    browser.until("document.querySelector('h1')?.innerText !== 'Elsewhere'").await;
    assert_eq!(jobs::status(t.db(), job).await.unwrap(), JobStatus::Scheduled);
}

async fn a_page_of_another_site_cannot_embed_the_dashboard(browser: Browser) {
    let (t, _) = shop::empty().await;
    let site = Site::of_ada(t.db().clone()).await;
    let page = format!("<iframe src='{}' onload='window.isLoaded = true'></iframe>", site.at("overview"));
    let elsewhere = Site::with_page(&page).await;
    for host in ["localhost", "127.0.0.1"] {
        browser.goto(&format!("http://{host}:{}/", elsewhere.port)).await;
        browser.until("window.isLoaded").await;
        let (address, text) = browser.frame().await;
        assert!(!address.starts_with("http") && !text.contains("Overview"), "{address} shows {text}");
    }
}
