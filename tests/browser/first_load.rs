//! What a page loads when a browser opens it for the first time.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::pages::PAGES;
use crate::support::browser::Browser;
use crate::support::case::cases;
use crate::support::shop;
use crate::support::site::Site;

cases![a_page_loads_little_and_nothing_from_elsewhere];

/// With all that it loads.
const MOST_BYTES: u64 = 80_000;

/// How many bytes are left of them.
fn compressed(bytes: &[u8]) -> u64 {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap().len() as u64
}

async fn a_page_loads_little_and_nothing_from_elsewhere(browser: Browser) {
    let (t, mut subjects) = shop::open().await;
    let site = Site::of_ada(t.db().clone()).await;
    shop::cancel_many(&browser, &site, &mut subjects).await;
    for page in PAGES {
        let address = site.at(&page.address(&subjects).expect("the shop has all"));
        browser.devtools("Network.clearBrowserCache", serde_json::json!({})).await;
        browser.goto("about:blank").await;
        browser.sent().await;
        browser.goto(&address).await;
        let sent = browser.sent().await;
        assert!(sent.iter().any(|sent| sent.address.contains("style.css") && sent.bytes > 1_000), "{sent:?}");
        assert!(sent.iter().all(|sent| sent.address.starts_with(&site.root)), "{sent:?}");
        let mut bytes: u64 = sent.iter().map(|sent| sent.bytes).sum();
        if page.name == "overview-week" {
            // A week has thousands of numbers, which a proxy compresses.
            let source = browser.execute("return document.documentElement.outerHTML", &[]).await;
            let others = sent.iter().filter(|sent| sent.address != address).map(|sent| sent.bytes);
            bytes = others.sum::<u64>() + compressed(source.as_str().expect("a page").as_bytes());
        }
        assert!(bytes > 2_000 && bytes <= MOST_BYTES, "{address}: {bytes} bytes: {sent:?}");
    }
}
