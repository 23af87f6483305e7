//! Requests that no page makes: each gets an answer that says what is wrong.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use jobs::Role;
use jobs_tests::{Database, cases};

use crate::support::browser::{Browser, request};
use crate::support::definitions::later;

cases![
    what_does_not_exist_is_not_found,
    what_can_not_be_read_is_told,
    a_form_that_is_none_or_too_large_is_refused,
    what_does_not_fit_the_state_of_the_job_is_told,
];

const GIANT: &str = "99999999999999999999999999";

#[track_caller]
fn told(answer: &crate::support::browser::Answer, status: StatusCode, title: &str, about: &str) {
    assert_eq!(answer.status, status, "{about}: {}", answer.body);
    assert!(answer.body.contains(&format!("<h1>{title}</h1>")), "{about}: {}", answer.body);
}

async fn what_does_not_exist_is_not_found(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    for id in ["7", "0", "-1", "9223372036854775807", "-9223372036854775808"] {
        for page in ["job", "delete"] {
            let address = format!("/{page}?id={id}");
            told(&browser.get(&address).await, StatusCode::NOT_FOUND, "No such job", &address);
        }
        for change in ["/cancel", "/retry", "/run-now", "/delete"] {
            let answer = browser.post(change, &format!("id={id}")).await;
            told(&answer, StatusCode::NOT_FOUND, "No such job", change);
        }
    }
    for page in ["schedule", "remove-schedule"] {
        let address = format!("/{page}?name=nightly");
        told(&browser.get(&address).await, StatusCode::NOT_FOUND, "No such schedule", &address);
    }
    for change in ["/pause-schedule", "/resume-schedule", "/run-schedule", "/remove-schedule"] {
        let answer = browser.post(change, "name=nightly").await;
        told(&answer, StatusCode::NOT_FOUND, "No such schedule", change);
    }
    for address in ["/nothing", "/job/7", "/jobs/", "/%2e%2e", "/a/b/c", "/jobs/overview"] {
        told(&browser.get(address).await, StatusCode::NOT_FOUND, "No such page", address);
    }
}

async fn what_can_not_be_read_is_told(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let job = later(&t).await;
    for address in [
        "/job".to_owned(),
        "/job?id=".to_owned(),
        "/job?id=x".to_owned(),
        format!("/job?id={GIANT}"),
        "/job?id=1.5".to_owned(),
        "/job?id=1&id=2".to_owned(),
        format!("/job?id={job}&done=exploded"),
        format!("/jobs?after={GIANT}"),
        "/jobs?after=x".to_owned(),
        format!("/audit?before={GIANT}"),
        "/audit?job=x".to_owned(),
        "/audit?action=x".to_owned(),
        "/schedule".to_owned(),
        "/schedule?name=%00".to_owned(),
        "/remove-schedule?name=a%00b".to_owned(),
        "/audit?principal=%00".to_owned(),
        "/jobs?filter=name%3Aa%00b".to_owned(),
        format!("/value?id={job}&of=parameters&name=nothing"),
        format!("/value?id={job}&of=secrets&name=end"),
        format!("/value?id={job}"),
    ] {
        told(&browser.get(&address).await, StatusCode::BAD_REQUEST, "Not understood", &address);
    }
    let empty = browser.get("/jobs?after=-5").await.page();
    assert!(empty.contains("There are no older jobs."), "{empty}");
}

async fn a_form_that_is_none_or_too_large_is_refused(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    for form in ["", "id=", "id=x", "queue=talks"] {
        let answer = browser.post("/cancel", form).await;
        told(&answer, StatusCode::UNPROCESSABLE_ENTITY, "Not understood", form);
    }
    let large = format!("id=1&rest={}", "x".repeat(100_000));
    told(&browser.post("/cancel", &large).await, StatusCode::PAYLOAD_TOO_LARGE, "Not understood", "large");
    let json =
        request(Method::POST, "/cancel", &[("content-type", "application/json"), ("sec-fetch-site", "same-origin")]);
    let answer = browser.send(json.body(Body::from("{\"id\":1}")).unwrap()).await;
    told(&answer, StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not understood", "json");
    for change in ["/pause-schedule", "/resume-schedule", "/run-schedule", "/remove-schedule"] {
        for name in ["name=a%00b", "name=a\0b"] {
            told(&browser.post(change, name).await, StatusCode::BAD_REQUEST, "Not understood", change);
        }
    }
    told(&browser.post("/pause-queue", "queue=%00").await, StatusCode::BAD_REQUEST, "Not understood", "NUL");
    let long_name = format!("queue={}", "x".repeat(201));
    told(&browser.post("/pause-queue", &long_name).await, StatusCode::BAD_REQUEST, "Not understood", "name");
}

async fn what_does_not_fit_the_state_of_the_job_is_told(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let job = later(&t).await;
    for change in ["/retry", "/delete"] {
        let answer = browser.post(change, &format!("id={job}")).await;
        told(&answer, StatusCode::CONFLICT, "Not in this state", change);
    }
    jobs::cancel(t.db(), job).await.unwrap();
    for change in ["/cancel", "/run-now"] {
        let answer = browser.post(change, &format!("id={job}")).await;
        told(&answer, StatusCode::CONFLICT, "Not in this state", change);
    }
}
