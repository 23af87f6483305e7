//! Clients follow imports, with links that are valid and with others.

#![allow(clippy::unwrap_used, reason = "a test says so where something is missing")]

#[path = "main.rs"]
#[expect(dead_code, reason = "nothing here calls the program's `main`")]
mod program;

use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use jobs::testing;
use program::token::Signer;
use program::{App, VALID, router};
use tower::ServiceExt;

async fn app() -> App {
    App { db: testing::database().await.unwrap(), signer: Signer::random().unwrap() }
}

async fn send(app: &App, request: Request<Body>) -> Response {
    router(app.clone()).oneshot(request).await.unwrap()
}

async fn get(app: &App, address: &str) -> Response {
    send(app, Request::get(address).body(Body::empty()).unwrap()).await
}

async fn text(response: Response) -> String {
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Starts an import, and returns the token of its page.
async fn started(app: &App) -> String {
    let form = Request::post("/imports").header("content-type", "application/x-www-form-urlencoded");
    let answer = send(app, form.body(Body::from("file=orders.csv")).unwrap()).await;
    let location = answer.headers()["location"].to_str().unwrap();
    location.strip_prefix("progress?token=").expect("the page of the import").to_owned()
}

#[tokio::test]
async fn everyone_with_the_link_is_told_the_end() {
    let app = app().await;
    let token = started(&app).await;
    assert_eq!(get(&app, &format!("/progress?token={token}")).await.status(), StatusCode::OK);
    jobs::cancel(&app.db, app.signer.check(&token).unwrap().job).await.unwrap();
    for _ in 0..2 {
        let told = text(get(&app, &format!("/events?token={token}")).await).await;
        assert!(told.contains("event: end") && told.contains(r#""status":"canceled""#), "{told}");
        let (_, id) = told.split_once("id: ").unwrap();
        let again = Request::get(format!("/events?token={token}")).header("last-event-id", id.lines().next().unwrap());
        assert_eq!(text(send(&app, again.body(Body::empty()).unwrap()).await).await, "", "nothing is told twice");
    }
}

#[tokio::test]
async fn links_that_were_changed_or_are_too_old_are_refused() {
    let app = app().await;
    let (token, other) = (started(&app).await, started(&app).await);
    let (claim, signature) = token.rsplit_once('.').unwrap();
    let (other_claim, _) = other.rsplit_once('.').unwrap();
    let of_another_server = Signer::random().unwrap().sign(app.signer.check(&token).unwrap().job, VALID);
    let expired = app.signer.sign(app.signer.check(&token).unwrap().job, Duration::ZERO);
    for refused in [
        format!("{other_claim}.{signature}"),
        format!("{claim}0.{signature}"),
        format!("{claim}."),
        claim.to_owned(),
        format!("{token}x"),
        String::new(),
        of_another_server,
        expired,
    ] {
        for path in ["progress", "events"] {
            assert_eq!(
                get(&app, &format!("/{path}?token={refused}")).await.status(),
                StatusCode::FORBIDDEN,
                "{refused}"
            );
        }
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_link_does() {
    let app = app().await;
    let job = app.signer.check(&started(&app).await).unwrap().job;
    let token = app.signer.sign(job, Duration::from_secs(2));
    // The import waits: without the end of the link, this would not return.
    let told = text(get(&app, &format!("/events?token={token}")).await).await;
    assert!(!told.contains("event: end"), "{told}");
}

#[tokio::test]
async fn nothing_but_the_page_s_own_script_is_executed() {
    let app = app().await;
    for address in ["/", "/progress?token=x", "/events?token=x", "/progress.js", "/nothing"] {
        let answer = get(&app, address).await;
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    }
    for page in [include_str!("start.html"), include_str!("page.html"), include_str!("refused.html")] {
        assert!(!page.contains("<script>") && !page.contains(" style="), "{page}");
    }
}
