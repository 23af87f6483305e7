//! Pages on a telephone: 360 points wide.

use crate::pages::{PAGES, Page, SIGN_IN_PAGES, Subjects};
use crate::support::browser::Browser;
use crate::support::case::cases;
use crate::support::site::Site;
use crate::support::{attacked, shop};

cases![
    nothing_is_cut_off_on_a_narrow_page,
    nothing_is_cut_off_on_an_empty_narrow_page,
    no_long_word_makes_a_narrow_page_wider,
    nothing_is_cut_off_where_one_signs_in,
    nothing_is_cut_off_on_a_wide_page,
];

const NARROW: u32 = 360;

async fn assert_fits(browser: &Browser, site: &Site, pages: &[Page], subjects: &Subjects) {
    for page in pages {
        let Some(address) = page.address(subjects) else { continue };
        browser.goto(&site.at(&address)).await;
        let cut_off = browser.cut_off().await;
        assert!(cut_off.is_empty(), "{address}: {cut_off:#?}");
    }
}

async fn nothing_is_cut_off_on_a_narrow_page(browser: Browser) {
    let (t, mut subjects) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    shop::cancel_many(&browser, &site, &mut subjects).await;
    browser.resize(NARROW, 800).await;
    assert_fits(&browser, &site, PAGES, &subjects).await;
}

async fn nothing_is_cut_off_on_an_empty_narrow_page(browser: Browser) {
    let (t, subjects) = shop::empty().await;
    browser.resize(NARROW, 800).await;
    assert_fits(&browser, &Site::of_ada(t.db().clone()).await, PAGES, &subjects).await;
}

async fn no_long_word_makes_a_narrow_page_wider(browser: Browser) {
    let (t, subjects) = attacked::database().await;
    let site = Site::of_ada(t.db().clone()).await;
    browser.resize(NARROW, 800).await;
    // One of each status, and of the longest.
    for subjects in subjects.iter().skip(95).step_by(5).take(4) {
        assert_fits(&browser, &site, PAGES, subjects).await;
    }
}

async fn nothing_is_cut_off_where_one_signs_in(browser: Browser) {
    let (t, subjects) = shop::empty().await;
    let (site, links) = Site::alone(t.db().clone()).await;
    browser.resize(NARROW, 800).await;
    assert_fits(&browser, &site, SIGN_IN_PAGES, &subjects).await;
    links.follow(&browser).await;
    assert_fits(&browser, &site, PAGES, &subjects).await;
}

async fn nothing_is_cut_off_on_a_wide_page(browser: Browser) {
    let (t, mut subjects) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    shop::cancel_many(&browser, &site, &mut subjects).await;
    // Just above and below where the layout changes, and wide.
    for width in [600, 1_020, 1_030, 1_280, 2_000] {
        browser.resize(width, 800).await;
        assert_fits(&browser, &site, PAGES, &subjects).await;
    }
}
