//! What `axe-core` finds: contrast, names, roles and order, in light and dark.

use std::path::PathBuf;

use serde_json::Value;

use crate::pages::{PAGES, Page, SIGN_IN_PAGES, Subjects};
use crate::support::browser::Browser;
use crate::support::case::cases;
use crate::support::shop;
use crate::support::site::Site;

cases![
    nothing_keeps_anybody_from_using_a_page if axe_is_there,
    nothing_keeps_anybody_from_using_an_empty_page if axe_is_there,
    nothing_keeps_anybody_from_times_of_their_zone if axe_is_there,
    nothing_keeps_anybody_from_signing_in if axe_is_there,
];

/// The script that the environment names.
fn axe() -> Option<PathBuf> {
    std::env::var_os("JOBS_TEST_AXE").filter(|file| !file.is_empty()).map(PathBuf::from)
}

fn axe_is_there() -> bool {
    axe().is_some()
}

const RUN: &str = "const done = arguments[arguments.length - 1]; \
    axe.run(document, { resultTypes: ['violations'] }).then(results => done(results.violations.map(violation => \
    `${violation.id} (${violation.help}): ${violation.nodes.map(node => node.html + ' ' + node.failureSummary).join('; ')}`)), \
    error => done([String(error)]))";

async fn learn_axe(browser: &Browser) {
    let file = axe().expect("a case is ignored without it");
    let script = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    browser.run_in_every_document(&script).await;
}

async fn assert_accessible(browser: &Browser, site: &Site, pages: &[Page], subjects: &Subjects) {
    for page in pages {
        let Some(address) = page.address(subjects) else { continue };
        for scheme in ["light", "dark"] {
            browser.prefer(scheme).await;
            browser.goto(&site.at(&address)).await;
            let found = browser.execute_async(RUN).await;
            assert_eq!(found, Value::Array(Vec::new()), "{address}, {scheme}: {found:#}");
        }
    }
}

async fn nothing_keeps_anybody_from_using_a_page(browser: Browser) {
    let (t, mut subjects) = shop::open().await;
    learn_axe(&browser).await;
    let site = Site::of_ada(t.db().clone()).await;
    shop::cancel_many(&browser, &site, &mut subjects).await;
    for width in [1_280, 360] {
        browser.resize(width, 900).await;
        assert_accessible(&browser, &site, PAGES, &subjects).await;
    }
}

async fn nothing_keeps_anybody_from_using_an_empty_page(browser: Browser) {
    let (t, subjects) = shop::empty().await;
    learn_axe(&browser).await;
    assert_accessible(&browser, &Site::of_ada(t.db().clone()).await, PAGES, &subjects).await;
}

async fn nothing_keeps_anybody_from_times_of_their_zone(browser: Browser) {
    let (t, subjects) = shop::open().await;
    learn_axe(&browser).await;
    let site = Site::of_ada(t.db().clone()).await;
    browser.goto(&site.at("overview")).await;
    browser.click("UTC").await;
    assert_accessible(&browser, &site, &PAGES[..1], &subjects).await;
    assert_eq!(browser.read("document.querySelector('#zone').innerText").await, "Local time");
}

async fn nothing_keeps_anybody_from_signing_in(browser: Browser) {
    let (t, subjects) = shop::empty().await;
    learn_axe(&browser).await;
    let (site, _links) = Site::alone(t.db().clone()).await;
    assert_accessible(&browser, &site, SIGN_IN_PAGES, &subjects).await;
}
