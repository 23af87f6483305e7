//! The headers of every answer.

use axum::http::StatusCode;
use jobs::__private::web::routes;
use jobs::Role;
use jobs::web::Access;
use jobs_tests::{Database, cases};

use crate::support::browser::{Answer, Browser};
use crate::support::definitions::filled;

cases![
    every_answer_is_protected,
    files_are_kept_by_their_hash_and_nothing_else_is_kept,
    pages_need_no_inline_styles_or_scripts
];

#[track_caller]
fn assert_protected(answer: &Answer, about: &str) {
    let policy = answer.header("content-security-policy");
    for part in
        ["default-src 'none'", "script-src 'self';", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(part), "{about}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{about}: {policy}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff", "{about}");
    assert_eq!(answer.header("referrer-policy"), "same-origin", "{about}");
    assert_eq!(answer.header("x-frame-options"), "DENY", "{about}");
    assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{about}");
    assert_eq!(answer.header("cross-origin-opener-policy"), "same-origin", "{about}");
}

async fn every_answer_is_protected(t: Database) {
    let pages = filled(&t).await;
    let browsers = [
        Browser::of(&t, Role::Viewer),
        Browser::of(&t, Role::Admin),
        Browser::with(t.db().clone(), Access::from_extensions()),
    ];
    for browser in browsers {
        let paths = routes().into_iter().map(|route| route.path.to_owned());
        for path in paths.chain(pages.clone()).chain(["/nothing", "/a/b", "/job?id=x"].map(str::to_owned)) {
            assert_protected(&browser.get(&path).await, &path);
            assert_protected(&browser.post(&path, "").await, &path);
            assert_protected(&browser.post_with(&path, "", &[("origin", "null")]).await, &path);
        }
    }
}

async fn files_are_kept_by_their_hash_and_nothing_else_is_kept(t: Database) {
    let browser = Browser::of(&t, Role::Viewer);
    let page = browser.get("/overview").await;
    assert_eq!(page.header("cache-control"), "no-store");
    let page = page.page();
    let (_, rest) = page.split_once("href=\"style.css?v=").unwrap();
    let (hash, _) = rest.split_once('"').unwrap();
    let style = browser.get(&format!("/style.css?v={hash}")).await;
    assert_eq!(style.header("cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    for other in ["/style.css", "/style.css?v=0", "/icon.svg?v=", "/live.js"] {
        assert_eq!(browser.get(other).await.header("cache-control"), "no-cache", "{other}");
    }
    assert_eq!(browser.get("/nothing").await.header("cache-control"), "no-store");
    assert_eq!(browser.get("/nothing").await.status, StatusCode::NOT_FOUND);
}

/// The policy would stop them.
async fn pages_need_no_inline_styles_or_scripts(t: Database) {
    let pages = filled(&t).await;
    let browser = Browser::of(&t, Role::Admin);
    assert!(browser.get("/nothing").await.body.contains("<h1>No such page</h1>"));
    for path in pages {
        let page = browser.get(&path).await.page();
        let page = page.replacen("<script src=\"live.js?v=", "", 1);
        for inline in ["style=", "<style", "<script", "onclick", "javascript:", "http://", "https://"] {
            assert!(!page.contains(inline), "{path} has {inline}: {page}");
        }
    }
}
