//! Every route, asked by everyone: the table says who may.

use axum::http::{Method, StatusCode};
use jobs::__private::web::{Route, routes};
use jobs::{Action, JobId, JobStatus, Role};
use jobs_tests::{Database, cases};

use crate::support::browser::{Answer, Browser};
use crate::support::definitions::ended;
use crate::support::everyone::{principals, restored};

cases![
    a_route_answers_those_who_may_and_nobody_else,
    changes_are_sent_and_pages_are_read,
    every_path_is_one_level_below_the_mount,
    another_method_is_refused_with_the_one_that_there_is,
];

/// Asks a route for the job or the schedule.
async fn ask(browser: &Browser, route: &Route, job: JobId) -> Answer {
    let subject = format!("id={job}&queue=talks&name=nightly&of=parameters&filter=name%3ATalk");
    match route.method {
        Method::POST if route.path == "/schedule-job" => browser.post(route.path, "name=Talk&text.end=well").await,
        Method::POST if route.path == "/parameter" => {
            browser.post(route.path, &format!("id={job}&name=end&text.end=well")).await
        }
        Method::POST if route.path == "/add-schedule" => {
            let form = "job=Talk&text.end=well&schedule.name=weekly&schedule.cron=%40weekly";
            browser.post(route.path, form).await
        }
        Method::POST => browser.post(route.path, &subject).await,
        _ if route.path == "/parameter" => browser.get(&format!("/parameter?id={job}&name=end")).await,
        _ if route.path == "/pause-queue" => browser.get("/pause-queue?queue=talks").await,
        _ if route.path == "/add-schedule" => browser.get("/add-schedule?job=Talk").await,
        _ if route.path == "/definition" => browser.get("/definition?name=Talk").await,
        Method::GET if route.path == "/schedule-job" => browser.get("/schedule-job?name=Talk").await,
        _ if route.path == "/value" => browser.get(&format!("/value?id={job}&of=parameters&name=end")).await,
        // Of the job, the page of all jobs shows all.
        _ if ["/jobs", "/queues", "/cron", "/audit", "/definitions", "/operations"].contains(&route.path) => {
            browser.get(route.path).await
        }
        _ => browser.get(&format!("{}?{subject}", route.path)).await,
    }
}

/// The actions that are needed besides that of the route.
fn also_takes(route: &Route) -> &'static [Action] {
    match (route.path, &route.method) {
        ("/schedule-again", _) => &[Action::View, Action::ViewPayload],
        ("/add-schedule", _) => &[Action::Schedule],
        ("/parameter", _) | ("/value" | "/delete" | "/remove-schedule", &Method::GET) => &[Action::View],
        (path, &Method::GET) if asks_about_all(path) => &[Action::View],
        _ => &[],
    }
}

fn asks_about_all(path: &str) -> bool {
    ["/cancel-all", "/retry-all", "/run-all-now", "/delete-all"].contains(&path)
}

/// Whether it is about an action that was started, or about a count.
fn is_of_operation(route: &Route) -> bool {
    let is_start = route.method == Method::POST && asks_about_all(route.path);
    is_start || route.path.ends_with("-progress") || route.path.ends_with("-stop")
}

async fn a_route_answers_those_who_may_and_nobody_else(t: Database) {
    let mut job = ended(&t, "well").await;
    let unclosed = ["/cancel", "/run-now", "/parameter"];
    let (mut answered, mut refused) = (0, 0);
    for principal in principals() {
        let browser = Browser::of_principal(&t, principal.clone());
        for route in routes() {
            let status = if unclosed.contains(&route.path) { JobStatus::Scheduled } else { JobStatus::Failed };
            job = restored(&t, job, status).await;
            let answer = ask(&browser, &route, job).await;
            let about = format!("{principal:?} {} {}: {}", route.method, route.path, answer.body);
            if principal.may(route.action) {
                let lacks = also_takes(&route).iter().any(|action| !principal.may(*action));
                let expected = match route.method {
                    _ if lacks => StatusCode::FORBIDDEN,
                    // This service has not started any.
                    _ if is_of_operation(&route) => StatusCode::NOT_FOUND,
                    Method::GET if route.path != "/" => StatusCode::OK,
                    _ => StatusCode::SEE_OTHER,
                };
                assert_eq!(answer.status, expected, "{about}");
                assert!(!lacks || answer.body.contains("may not "), "{about}");
                answered += 1;
            } else {
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{about}");
                assert!(answer.body.contains("may not"), "{about}");
                refused += 1;
            }
        }
    }
    assert!(answered > 100 && refused > 100, "{answered} {refused}");
}

async fn changes_are_sent_and_pages_are_read(_: Database) {
    for route in routes() {
        let changes = !matches!(route.action, Action::View | Action::ViewPayload | Action::ViewAudit);
        let with_forms = [
            "/delete",
            "/remove-schedule",
            "/parameter",
            "/schedule-job",
            "/schedule-again",
            "/add-schedule",
            "/pause-queue",
        ];
        let asks_first =
            with_forms.contains(&route.path) || asks_about_all(route.path) || route.path.ends_with("-progress");
        let asks_first = asks_first && route.method == Method::GET;
        assert_eq!(route.method == Method::POST, changes && !asks_first, "{}", route.path);
    }
}

async fn every_path_is_one_level_below_the_mount(_: Database) {
    for route in routes() {
        assert_eq!(route.path.matches('/').count(), 1, "{}", route.path);
        assert!(!route.path.contains(['{', '}', ':', '*']), "{}", route.path);
    }
}

async fn another_method_is_refused_with_the_one_that_there_is(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let refused = browser.get("/cancel").await;
    assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "POST"));
    let refused = browser.post("/job", "id=1").await;
    assert_eq!((refused.status, refused.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, "GET,HEAD"));
    assert!(refused.body.contains("<h1>Not like this</h1>"), "{}", refused.body);
}
