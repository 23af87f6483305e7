//! What a page loads when a browser opens it for the first time.

use crate::pages::PAGES;
use crate::support::browser::Browser;
use crate::support::case::cases;
use crate::support::shop;
use crate::support::site::Site;

cases![a_page_loads_little_and_nothing_from_elsewhere];

/// With all that it loads.
const MOST_BYTES: u64 = 80_000;

async fn a_page_loads_little_and_nothing_from_elsewhere(browser: Browser) {
    let (t, mut subjects) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    shop::cancel_many(&browser, &site, &mut subjects).await;
    // A week has thousands of numbers; nobody comes to it first.
    for page in PAGES.iter().filter(|page| page.name != "overview-week") {
        let address = site.at(&page.address(&subjects).expect("the shop has all"));
        browser.devtools("Network.clearBrowserCache", serde_json::json!({})).await;
        browser.goto("about:blank").await;
        browser.sent().await;
        browser.goto(&address).await;
        let sent = browser.sent().await;
        assert!(sent.iter().any(|sent| sent.address.contains("style.css") && sent.bytes > 1_000), "{sent:?}");
        assert!(sent.iter().all(|sent| sent.address.starts_with(&site.root)), "{sent:?}");
        let bytes: u64 = sent.iter().map(|sent| sent.bytes).sum();
        assert!(bytes > 2_000 && bytes <= MOST_BYTES, "{address}: {bytes} bytes: {sent:?}");
    }
}
