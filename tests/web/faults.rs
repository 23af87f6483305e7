//! When the database is not as it should be: each page says what is wrong and what to do, and soon.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use jobs::web::Access;
use jobs::{Principal, Role};
use jobs_tests::{Database, Kind, Proxy, cases};
use sea_orm::ConnectOptions;

use crate::support::browser::Browser;

cases![
    without_tables_pages_say_how_to_make_them,
    a_database_that_is_gone_is_told_and_its_address_is_not if Kind::locks_rows,
    a_database_that_does_not_answer_is_given_up if Kind::locks_rows,
    a_change_whose_answer_is_lost_may_be_done if Kind::locks_rows,
];

const PAGES: [&str; 7] = ["/overview", "/jobs", "/job?id=1", "/queues", "/workers", "/cron", "/audit"];

/// What is told of a change that may have been made.
const LOOK: &str = "The change may have been made: check before you repeat it.";

fn everyone() -> Access {
    Access::by(|_| Ok(Principal::new("ada", Role::Admin)))
}

async fn without_tables_pages_say_how_to_make_them(t: Database) {
    let empty = Database::empty(t.kind()).await.unwrap();
    let browser = Browser::of(&empty, Role::Admin);
    for page in PAGES {
        let answer = browser.get(page).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{page}: {}", answer.body);
        assert!(answer.body.contains("<h1>The tables are missing</h1>"), "{page}: {}", answer.body);
        assert!(answer.body.contains("jobs::migrate"), "{page}: {}", answer.body);
    }
}

async fn a_database_that_is_gone_is_told_and_its_address_is_not(t: Database) {
    let proxy = Proxy::before(&t).await;
    // Until then, the pool tries again.
    let mut options = ConnectOptions::new(proxy.url());
    options.acquire_timeout(Duration::from_millis(500));
    let browser = Browser::with(jobs::connect_with(options).await.unwrap(), everyone());
    browser.get("/jobs").await.page();
    // Nobody listens at its address any more.
    drop(proxy);
    for page in PAGES {
        let answer = browser.get(page).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{page}: {}", answer.body);
        assert!(answer.body.contains("<h1>The database can&#39;t be reached</h1>"), "{page}: {}", answer.body);
        assert!(!answer.body.contains("refused") && !answer.body.contains("127.0.0.1"), "{page}: {}", answer.body);
    }
    // Files and addresses that do not exist need none.
    browser.get("/style.css").await.page();
    assert_eq!(browser.get("/nothing").await.status, StatusCode::NOT_FOUND);
}

async fn a_database_that_does_not_answer_is_given_up(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    let browser = Browser::with(db, everyone());
    browser.get("/jobs").await.page();
    proxy.stall();
    let start = Instant::now();
    let answer = browser.get("/overview").await;
    assert!(start.elapsed() >= Duration::from_secs(5), "{:?}", start.elapsed());
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert!(answer.body.contains("<h1>The database does not answer</h1>"), "{}", answer.body);
    assert!(answer.body.contains("Try again in a moment.") && !answer.body.contains(LOOK), "{}", answer.body);
    let change = browser.post("/pause-queue", "queue=talks").await;
    assert_eq!(change.status, StatusCode::SERVICE_UNAVAILABLE, "{}", change.body);
    assert!(change.body.contains(LOOK), "{}", change.body);
    proxy.flow();
}

async fn a_change_whose_answer_is_lost_may_be_done(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    let browser = Browser::with(db, everyone());
    browser.get("/queues").await.page();
    // After the answers to the preparation of this statement and to the statement, that to the commit is lost.
    proxy.lose_reply_to("jobs_audit", 2);
    let change = browser.post("/pause-queue", "queue=talks").await;
    assert_eq!(proxy.lost_replies(), 1);
    assert_eq!(change.status, StatusCode::SERVICE_UNAVAILABLE, "{}", change.body);
    assert!(change.body.contains(LOOK) && !change.body.contains("Try again"), "{}", change.body);
    // The database has committed it.
    assert!(jobs::queues(t.db()).await.unwrap()[0].paused_at.is_some());
}
