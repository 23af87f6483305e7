//! Texts that others have stored are read, and never executed: 200 of them, in every field, on every page.

use std::sync::{Arc, Mutex};

use jobs::{Principal, Role};
use jobs_tests::{Database, Kind};

use crate::pages::{PAGES, Page, Subjects};
use crate::support::attack::{self, Field, json, text};
use crate::support::attacked;
use crate::support::browser::{Browser, ENTER};
use crate::support::case::cases;
use crate::support::site::Site;

cases![
    no_stored_text_becomes_more_than_text_on_the_page_of_its_subject,
    no_stored_text_becomes_more_than_text_in_a_list,
    no_failure_of_the_overview_becomes_more_than_text,
    no_name_of_a_visitor_becomes_more_than_text,
    no_filter_that_is_asked_becomes_more_than_text,
    what_is_not_escaped_is_found_out,
];

/// Where each field is to be read.
fn fields_on(page: &Page) -> &'static [Field] {
    match page.name {
        "job-waiting" | "job-running" | "job-failed" | "job-succeeded" => &[
            Field::Name,
            Field::Queue,
            Field::User,
            Field::Session,
            Field::Event,
            Field::ParameterName,
            Field::ParameterValue,
            Field::ResultName,
            Field::ResultValue,
            Field::Message,
            Field::LastError,
            Field::AttemptWorker,
            Field::AttemptError,
            Field::Principal,
            Field::Origin,
            Field::Subject,
            Field::Changed,
        ],
        "parameter" | "change-parameter" => &[Field::ParameterName, Field::ParameterValue],
        "result" => &[Field::ResultName, Field::ResultValue],
        "delete" => &[Field::Name],
        "schedule-again" => &[Field::FormValue],
        "schedule" | "cron" => &[Field::Schedule, Field::ScheduledJob],
        "remove-schedule" => &[Field::Schedule],
        "jobs" | "cancel-all" | "retry-all" | "run-all-now" | "delete-all" => &[Field::Name, Field::Queue],
        "queues" => &[Field::ServedQueue, Field::PausedBy, Field::PauseReason],
        "pause-queue" => &[Field::ServedQueue, Field::PauseReason],
        "workers" => &[Field::Worker, Field::Host, Field::ServedQueue, Field::ServedName],
        "audit" => &[Field::Principal, Field::Origin, Field::Subject, Field::Changed],
        _ => &[],
    }
}

/// The texts of an attack that are to be read on a page: values as JSON but in a field, others as they are.
fn texts_on(page: &Page, number: usize) -> Vec<String> {
    let shown = |field: &Field| match field {
        Field::ParameterValue | Field::ResultValue if page.name != "change-parameter" => json(number, *field),
        field => text(number, *field),
    };
    fields_on(page).iter().map(shown).collect()
}

/// Asserts that the page has done nothing but show texts.
async fn assert_harmless(browser: &Browser, address: &str) {
    let deeds = browser.deeds().await;
    assert!(deeds.executed.is_empty(), "{address} has executed {:?}", deeds.executed);
    assert!(deeds.refused.is_empty(), "{address} was refused {:?}", deeds.refused);
    assert!(deeds.made.is_empty(), "{address} has {:?}", deeds.made);
}

/// Asserts that the pages since this was last asked have loaded nothing from elsewhere, and that the browser has refused nothing.
async fn assert_nothing_from_elsewhere(browser: &Browser) {
    for sent in browser.sent().await {
        assert!(sent.address.starts_with("http://127.0.0.1:"), "{}", sent.address);
    }
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{complaints:?}");
}

async fn no_stored_text_becomes_more_than_text_on_the_page_of_its_subject(browser: Browser) {
    let (t, subjects) = attacked::database().await;
    assert_eq!(subjects.len(), 200);
    let site = Site::of_ada(t.db().clone()).await;
    for (number, subjects) in subjects.iter().enumerate() {
        for page in PAGES.iter().filter(|page| page.has_a_subject()) {
            let Some(address) = page.address(subjects) else { continue };
            browser.goto(&site.at(&address)).await;
            let missing = browser.missing(&texts_on(page, number)).await;
            assert!(missing.is_empty(), "{address} does not show {missing:?}: {}", browser.text().await);
            assert_harmless(&browser, &address).await;
        }
        assert_nothing_from_elsewhere(&browser).await;
    }
}

async fn no_stored_text_becomes_more_than_text_in_a_list(browser: Browser) {
    let (t, _) = attacked::database().await;
    let site = Site::of_ada(t.db().clone()).await;
    for page in PAGES.iter().filter(|page| !page.has_a_subject()) {
        let mut missing: Vec<_> = (0..attack::COUNT).flat_map(|number| texts_on(page, number)).collect();
        browser.goto(&site.at(&page.address(&Subjects::new()).unwrap())).await;
        loop {
            missing = browser.missing(&missing).await;
            assert_harmless(&browser, &browser.address().await).await;
            let older = browser.execute("return document.querySelector('a[rel=next]')?.href", &[]).await;
            let Some(older) = older.as_str() else { break };
            browser.goto(older).await;
        }
        assert!(missing.is_empty(), "{} does not show {missing:?}", page.name);
        assert_nothing_from_elsewhere(&browser).await;
    }
}

/// The overview groups failures, and shows the latest 20 groups of a day.
async fn no_failure_of_the_overview_becomes_more_than_text(browser: Browser) {
    let (t, _) = attacked::database().await;
    for first in (0..attack::COUNT).step_by(20) {
        attacked::fail_now(&t, first..first + 20).await;
        // Each has groups of its own in memory.
        let site = Site::of_ada(t.db().clone()).await;
        browser.goto(&site.at("overview")).await;
        let names: Vec<_> = (first..first + 20).map(|number| text(number, Field::Name)).collect();
        assert_eq!(browser.missing(&names).await, [""; 0], "{}", browser.text().await);
        let errors = browser.execute("return document.querySelectorAll('.failures .error').length", &[]).await;
        assert_eq!(errors, 20, "{}", browser.text().await);
        assert_harmless(&browser, "overview").await;
        assert_nothing_from_elsewhere(&browser).await;
    }
}

async fn no_name_of_a_visitor_becomes_more_than_text(browser: Browser) {
    let t = Database::new(Kind::Sqlite).await.unwrap();
    let visitor = Arc::new(Mutex::new(Principal::new("ada", Role::Viewer)));
    let site = Site::with_dashboard(t.db().clone(), Arc::clone(&visitor)).await;
    for number in 0..attack::COUNT {
        let name = text(number, Field::Visitor);
        *visitor.lock().unwrap() = Principal::new(name.clone(), Role::Viewer);
        // The second says who may not see it.
        for address in ["overview", "audit"] {
            browser.goto(&site.at(address)).await;
            assert_eq!(browser.missing(std::slice::from_ref(&name)).await, [""; 0], "{address}");
            assert_harmless(&browser, address).await;
        }
    }
    assert_nothing_from_elsewhere(&browser).await;
}

async fn no_filter_that_is_asked_becomes_more_than_text(browser: Browser) {
    let t = Database::new(Kind::Sqlite).await.unwrap();
    let site = Site::of_ada(t.db().clone()).await;
    browser.goto(&site.at("jobs")).await;
    for number in 0..attack::COUNT {
        let asked = text(number, Field::Name);
        let type_it =
            "document.querySelector('#filter').value = arguments[0]; document.querySelector('#filter').focus()";
        browser.execute(type_it, &[asked.clone().into()]).await;
        browser.press(ENTER).await;
        let is_answered =
            format!("new URLSearchParams(location.search).get('filter') === {}", json(number, Field::Name));
        browser.until(&is_answered).await;
        let address = browser.address().await;
        assert_eq!(browser.missing(&[asked]).await, [""; 0], "{address}");
        assert_harmless(&browser, &address).await;
    }
    assert_nothing_from_elsewhere(&browser).await;
}

/// That the cases above can fail.
async fn what_is_not_escaped_is_found_out(browser: Browser) {
    // Those that do not need another opening, and are not encoded.
    for number in 0..18 {
        let text = text(number, Field::Name);
        let careless = format!("<p>{text}</p><input value=\"{text}\"><input value='{text}'>");
        let site = Site::with_page(&careless).await;
        browser.goto(&site.root).await;
        assert!(!browser.deeds().await.made.is_empty(), "{text}");
    }
    let scripts: String = (0..3).map(|number| text(number, Field::Name)).collect();
    let site = Site::with_page(&scripts).await;
    browser.goto(&site.root).await;
    browser.until("jobsWitness.executed.length === 3").await;

    browser.complaints().await;
    let site = Site::with_protected_page(&scripts).await;
    browser.goto(&site.root).await;
    browser.until("jobsWitness.refused.length >= 3").await;
    let executed = browser.deeds().await.executed;
    assert!(executed.is_empty(), "{executed:?}");
    assert!(!browser.complaints().await.is_empty());
}
