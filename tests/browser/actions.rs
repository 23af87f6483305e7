//! What operators do to a job: with the mouse, and with the keyboard alone.

use jobs::{JobStatus, NamedJob};
use jobs_tests::Database;
use serde_json::json;

use crate::support::browser::{Browser, ENTER, TAB};
use crate::support::case::cases;
use crate::support::shop;
use crate::support::site::Site;

cases![
    a_job_is_canceled_retried_and_deleted_with_the_mouse,
    a_job_is_canceled_retried_and_deleted_with_the_keyboard,
    a_double_click_sends_a_change_once,
    a_queue_is_paused_and_resumed_with_the_keyboard,
    the_first_stop_of_the_keyboard_leads_to_the_content,
];

/// How a button or a link is used.
#[derive(Clone, Copy)]
enum By {
    Mouse,
    Keyboard,
}

impl By {
    async fn uses(self, browser: &Browser, label: &str) {
        match self {
            Self::Mouse => browser.click(label).await,
            Self::Keyboard => {
                browser.tab_to(label).await;
                browser.press(ENTER).await;
            }
        }
    }
}

async fn a_job_is_canceled_retried_and_deleted_with_the_mouse(browser: Browser) {
    cancel_retry_and_delete(&browser, By::Mouse).await;
}

async fn a_job_is_canceled_retried_and_deleted_with_the_keyboard(browser: Browser) {
    cancel_retry_and_delete(&browser, By::Keyboard).await;
}

async fn cancel_retry_and_delete(browser: &Browser, by: By) {
    let (t, _) = shop::empty().await;
    let site = Site::of_ada(t.db().clone()).await;
    let id = NamedJob::new("Copy", json!({})).schedule(t.db()).await.unwrap().id();
    let status = async |t: &Database| jobs::status(t.db(), id).await.unwrap();
    browser.goto(&site.at("overview")).await;
    by.uses(browser, "Jobs").await;
    browser.until_heading("Jobs").await;
    by.uses(browser, "Copy").await;
    browser.until_heading("Copy").await;

    by.uses(browser, "Cancel").await;
    browser.until_text("The job is canceled.").await;
    assert_eq!(status(&t).await, JobStatus::Canceled);
    by.uses(browser, "Run again").await;
    browser.until_text("The job is scheduled again.").await;
    assert_eq!(status(&t).await, JobStatus::Scheduled);
    by.uses(browser, "Cancel").await;
    browser.until_text("The job is canceled.").await;

    by.uses(browser, "Delete…").await;
    browser.until_text("It can't be brought back.").await;
    by.uses(browser, "Back").await;
    browser.until_heading("Copy").await;
    by.uses(browser, "Delete…").await;
    browser.until_text("It can't be brought back.").await;
    by.uses(browser, "Delete").await;
    browser.until_text("The job is deleted.").await;
    assert!(jobs::record(t.db(), id).await.is_err());
}

async fn a_double_click_sends_a_change_once(browser: Browser) {
    let (t, _) = shop::empty().await;
    let site = Site::of_ada(t.db().clone()).await;
    let id = NamedJob::new("Copy", json!({})).schedule(t.db()).await.unwrap().id();
    browser.goto(&site.at(&format!("job?id={id}"))).await;
    let twice = "const form = document.querySelector('form[method=post]');
        const send = () => form.dispatchEvent(new SubmitEvent('submit', { bubbles: true, cancelable: true }));
        return [send(), send()];";
    assert_eq!(browser.execute(twice, &[]).await, json!([true, false]));
}

async fn a_queue_is_paused_and_resumed_with_the_keyboard(browser: Browser) {
    let (t, _) = shop::empty().await;
    let site = Site::of_ada(t.db().clone()).await;
    NamedJob::new("Copy", json!({})).schedule(t.db()).queue("imports").await.unwrap();
    browser.goto(&site.at("queues")).await;
    By::Keyboard.uses(&browser, "Pause").await;
    browser.until_heading("Pause imports").await;
    By::Keyboard.uses(&browser, "Pause").await;
    browser.until_text("Queue imports is paused").await;
    assert!(jobs::queues(t.db()).await.unwrap()[0].paused_at.is_some());
    By::Keyboard.uses(&browser, "Resume").await;
    browser.until_text("Queue imports is resumed").await;
    assert!(jobs::queues(t.db()).await.unwrap()[0].paused_at.is_none());
}

async fn the_first_stop_of_the_keyboard_leads_to_the_content(browser: Browser) {
    let (t, _) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    browser.goto(&site.at("jobs")).await;
    browser.tab_to("Skip to the content").await;
    browser.press(ENTER).await;
    browser.until("document.activeElement.id === 'main'").await;
    browser.press(TAB).await;
    let focused = browser.execute("return document.activeElement.id", &[]).await;
    assert_eq!(focused, "filter");
}
