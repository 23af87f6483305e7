//! The dashboard alone: in by a link, out by a button.

use crate::support::browser::Browser;
use crate::support::case::cases;
use crate::support::shop;
use crate::support::site::Site;

cases![a_link_is_used_up_by_its_button_and_not_by_looking, signing_out_leaves_no_cookie_and_no_way_in];

async fn a_link_is_used_up_by_its_button_and_not_by_looking(browser: Browser) {
    let (t, _) = shop::empty().await;
    let (_site, links) = Site::alone(t.db().clone()).await;
    for _ in 0..3 {
        browser.goto(&links.last()).await;
        assert_eq!(browser.heading().await, "Sign in");
        assert!(browser.cookies().await.is_empty());
    }
    links.follow(&browser).await;
    assert!(browser.text().await.contains("ada@example.com"));
    // The address that is left in the history lets nobody in.
    browser.goto(&links.last()).await;
    browser.click("Open the dashboard").await;
    browser.until_text("This link was used already").await;
}

async fn signing_out_leaves_no_cookie_and_no_way_in(browser: Browser) {
    let (t, _) = shop::empty().await;
    let (site, links) = Site::alone(t.db().clone()).await;
    links.follow(&browser).await;
    assert_eq!(browser.cookies().await.len(), 1);
    browser.click("Sign out").await;
    browser.until_heading("Sign in").await;
    assert!(browser.cookies().await.is_empty());
    for page in ["jobs", "overview"] {
        browser.goto(&site.at(page)).await;
        assert_eq!(browser.heading().await, "Sign in");
    }
}
