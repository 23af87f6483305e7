//! Times in UTC, or in the time zone of the browser.

use jobs::NamedJob;
use serde_json::{Value, json};

use crate::support::browser::{Browser, ENTER};
use crate::support::case::cases;
use crate::support::shop;
use crate::support::site::Site;

cases![
    times_are_switched_to_local_time_and_back_with_the_keyboard,
    the_choice_is_kept_and_what_comes_later_follows_it,
    without_the_script_times_are_in_utc_and_there_is_no_switch,
];

/// 4 hours and 30 minutes ahead of UTC, the whole year.
const ZONE: &str = "Asia/Kabul";
const AHEAD: i64 = 4 * 60 + 30;

async fn live_in_the_zone(browser: &Browser) {
    browser.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": ZONE })).await;
}

/// A time on the page: as it is read, exactly, and for machines.
async fn time(browser: &Browser, selector: &str) -> (String, String, String) {
    let script =
        "const time = document.querySelector(arguments[0]); return [time.innerText, time.title, time.dateTime]";
    let time = browser.execute(script, &[Value::from(selector)]).await;
    let text = |index: usize| time[index].as_str().unwrap().to_owned();
    (text(0), text(1), text(2))
}

/// What is to be read of this time in the zone that is so many minutes ahead.
fn written(iso: &str, minutes: i64) -> String {
    let time = iso.parse::<chrono::DateTime<chrono::Utc>>().unwrap() + chrono::TimeDelta::minutes(minutes);
    time.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// The words that name the zone of times.
async fn zones(browser: &Browser) -> Vec<String> {
    let zones =
        browser.execute("return [...document.querySelectorAll('.zone')].map(zone => zone.innerText)", &[]).await;
    zones.as_array().unwrap().iter().map(|zone| zone.as_str().unwrap().to_owned()).collect()
}

/// Checks that the page of a job shows all times in this zone.
async fn assert_job_in(browser: &Browser, zone: &str, minutes: i64) {
    let (text, exact, iso) = time(browser, "[aria-labelledby=times] time").await;
    let expected = written(&iso, minutes);
    assert_eq!((text.as_str(), exact), (&expected[..19], format!("{expected} {zone}")));
    let (text, _, iso) = time(browser, "#age time").await;
    assert_eq!(text, written(&iso, minutes)[11..19]);
    let zones = zones(browser).await;
    assert!(zones.len() >= 4 && zones.iter().all(|named| named == zone), "{zones:?}");
}

async fn times_are_switched_to_local_time_and_back_with_the_keyboard(browser: Browser) {
    let (t, subjects) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    live_in_the_zone(&browser).await;
    browser.goto(&site.at(&format!("job?id={}", subjects["failed"]))).await;
    assert_job_in(&browser, "UTC", 0).await;
    assert_eq!(
        browser.read("document.querySelector('#zone').title").await,
        format!("Times are in UTC. Show them in {ZONE}.")
    );
    browser.tab_to("UTC").await;
    browser.press(ENTER).await;
    browser.until("document.activeElement.innerText === 'Local time'").await;
    assert_job_in(&browser, ZONE, AHEAD).await;
    assert_eq!(browser.read("document.activeElement.title").await, format!("Times are in {ZONE}. Show them in UTC."));
    browser.press(ENTER).await;
    browser.until("document.activeElement.innerText === 'UTC'").await;
    assert_job_in(&browser, "UTC", 0).await;
}

async fn the_choice_is_kept_and_what_comes_later_follows_it(browser: Browser) {
    let (t, subjects) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    live_in_the_zone(&browser).await;
    browser.goto(&site.at("overview")).await;
    browser.click("UTC").await;
    let before = time(&browser, "#age time").await.2;
    // Axes are drawn by the server, and say so.
    assert!(browser.text().await.contains("Activity in UTC, as of "));
    NamedJob::new("YearlyReport", json!({})).schedule(t.db()).queue("yearly").await.unwrap();
    browser.until_text("yearly").await;
    browser.until(&format!("document.querySelector('#age time').dateTime > '{before}'")).await;
    let (text, exact, iso) = time(&browser, "#age time").await;
    let expected = written(&iso, AHEAD);
    assert_eq!((text.as_str(), exact), (&expected[11..19], format!("{expected} {ZONE}")));
    // What is told from now stays so.
    let (text, exact, iso) = time(&browser, "[aria-labelledby=queues] time").await;
    assert!(text.ends_with(" ago"), "{text}");
    assert_eq!(exact, format!("{} {ZONE}", written(&iso, AHEAD)));

    browser.goto(&site.at(&format!("job?id={}", subjects["failed"]))).await;
    browser.until("document.querySelector('#zone').innerText === 'Local time'").await;
    assert_job_in(&browser, ZONE, AHEAD).await;
    for width in [360, 1_030] {
        browser.resize(width, 800).await;
        assert_eq!(browser.cut_off().await, [""; 0]);
    }
    assert_eq!(browser.deeds().await.refused, [""; 0]);
    assert_eq!(browser.complaints().await, [""; 0]);
}

async fn without_the_script_times_are_in_utc_and_there_is_no_switch(browser: Browser) {
    let (t, subjects) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    live_in_the_zone(&browser).await;
    browser.devtools("Network.setBlockedURLs", json!({ "urls": ["*live.js*"] })).await;
    browser.goto(&site.at(&format!("job?id={}", subjects["failed"]))).await;
    assert_job_in(&browser, "UTC", 0).await;
    assert_eq!(browser.read("getComputedStyle(document.querySelector('#zone')).display").await, "none");
}
