//! Actions on many jobs while they run: how far they are, who sees them, and how they are stopped.

use axum::body::Body;
use axum::http::{Method, StatusCode};
use jobs::prelude::*;
use jobs::sea_orm::{ConnectionTrait as _, DatabaseConnection, DatabaseTransaction};
use jobs::web::Access;
use jobs::{Action, Principal, Role};
use jobs_tests::{Database, Kind, cases, soon};

use crate::support::browser::{Answer, Browser, request};
use crate::support::bulk::{confirm, counted, end};
use crate::support::definitions::{Talk, ended};

cases![
    an_action_goes_on_while_nobody_waits_and_is_stopped if Kind::locks_rows,
    only_some_run_at_the_same_time if Kind::locks_rows,
    an_action_ends_with_its_service if Kind::locks_rows,
    who_may_not_do_it_does_not_see_it,
    an_action_that_fails_says_so,
];

/// Keeps everybody from writing into the audit, which every action does.
struct Held {
    by: DatabaseTransaction,
    is_table_lock: bool,
    _own_connection: DatabaseConnection,
}

impl Held {
    async fn new(t: &Database) -> Self {
        let db = t.connect().await;
        let by = jobs::begin(&db).await.unwrap();
        let lock = match t.kind() {
            Kind::Postgres => "LOCK TABLE jobs_audit IN ACCESS EXCLUSIVE MODE",
            _ => "LOCK TABLES jobs_audit WRITE",
        };
        by.execute_unprepared(lock).await.unwrap();
        Self { by, is_table_lock: t.kind().speaks_mysql(), _own_connection: db }
    }

    async fn release(self) {
        if self.is_table_lock {
            self.by.execute_unprepared("UNLOCK TABLES").await.unwrap();
        }
        self.by.rollback().await.unwrap();
    }
}

/// Starts to run a job again.
async fn start(browser: &Browser, job: JobId) -> String {
    let count = counted(browser, "retry-all", &job.to_string()).await;
    confirm(browser, "retry-all", &count).await
}

fn id(progress: &str) -> &str {
    progress.rsplit_once('=').unwrap().1
}

async fn stop(browser: &Browser, progress: &str) -> String {
    let answer = browser.post("/retry-all-stop", &format!("id={}", id(progress))).await;
    assert_eq!(answer.leads_to(), progress);
    end(browser, progress).await
}

async fn an_action_goes_on_while_nobody_waits_and_is_stopped(t: Database) {
    let job = ended(&t, "no").await;
    let held = Held::new(&t).await;
    let browser = Browser::of(&t, Role::Admin);
    let progress = start(&browser, job).await;
    let running = browser.get(&format!("/{progress}")).await;
    assert_eq!(running.header("refresh"), "2");
    let page = running.page();
    for text in [
        "<span class=\"status running\">running</span>",
        "<progress max=\"1\" value=\"0\" aria-label=\"Progress\"></progress> <span>0 of 1</span>",
        "action=\"retry-all-stop\"",
        &format!("href=\"{progress}\">Refresh</a>"),
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let still = browser.get(&format!("/{progress}&still=true")).await;
    assert!(still.headers.get("refresh").is_none() && still.body.contains("running</span>"), "{}", still.body);
    let stopped = stop(&browser, &progress).await;
    assert!(stopped.contains("<span class=\"status paused\">stopped</span>"), "{stopped}");
    assert!(stopped.contains("<li>0 jobs are scheduled again.</li>"), "{stopped}");
    assert!(stopped.contains(&format!("href=\"retry-all?filter={job}\"")), "{stopped}");
    // To stop what has ended changes nothing.
    assert!(stop(&browser, &progress).await.contains("stopped</span>"));
    held.release().await;
    // Nothing has taken the job: this does.
    soon(jobs::retry(t.db(), job)).await.unwrap();
}

async fn only_some_run_at_the_same_time(t: Database) {
    let talks = jobs::schedule_all(t.db(), (0..9).map(|_| Talk::new("no"))).await.unwrap();
    soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap();
    let held = Held::new(&t).await;
    let browser = Browser::of(&t, Role::Admin);
    let mut running = Vec::new();
    for talk in &talks[..8] {
        running.push(start(&browser, talk.id()).await);
    }
    let count = counted(&browser, "retry-all", &talks[8].to_string()).await;
    let answer = browser.post("/retry-all", &format!("id={count}")).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{}", answer.body);
    assert!(answer.body.contains("<h1>Too many at once</h1>"), "{}", answer.body);
    stop(&browser, &running[0]).await;
    // The count is still there.
    running[0] = confirm(&browser, "retry-all", &count).await;
    for progress in &running {
        stop(&browser, progress).await;
    }
    held.release().await;
}

async fn an_action_ends_with_its_service(t: Database) {
    let job = ended(&t, "no").await;
    let held = Held::new(&t).await;
    let browser = Browser::of(&t, Role::Admin);
    start(&browser, job).await;
    drop(browser);
    held.release().await;
    // Nothing has taken the job: this does.
    soon(jobs::retry(t.db(), job)).await.unwrap();
}

/// A service for all roles: who asks says which they have.
fn everyone(t: &Database) -> Browser {
    let access = Access::by(|request| {
        let role = request.headers.get("x-role").and_then(|role| role.to_str().ok()?.parse().ok());
        let role = role.ok_or(StatusCode::UNAUTHORIZED)?;
        // A viewer who may run jobs again, but not see what they say.
        let principal = Principal::new(format!("{role}"), role).allow(Action::Retry);
        Ok(if role == Role::Operator { principal.deny(Action::Retry) } else { principal })
    });
    Browser::with(t.db().clone(), access)
}

async fn who_may_not_do_it_does_not_see_it(t: Database) {
    ended(&t, "no").await;
    let browser = everyone(&t);
    let ask = async |method: Method, address: &str, role: Role, form: &str| -> Answer {
        let headers = [("x-role", role.as_str()), ("sec-fetch-site", "same-origin")];
        let request = request(method, address, &headers).header("content-type", "application/x-www-form-urlencoded");
        browser.send(request.body(Body::from(form.to_owned())).unwrap()).await
    };
    let question = ask(Method::GET, "/retry-all?filter=error%3Ano", Role::Admin, "").await.page();
    let (_, rest) = question.split_once("name=\"id\" value=\"").unwrap();
    let count = rest.split_once('"').unwrap().0;
    let started = ask(Method::POST, "/retry-all", Role::Admin, &format!("id={count}")).await;
    let progress = format!("/{}", started.leads_to());
    // By whom, and with which filter: for who may see what jobs say.
    let page = ask(Method::GET, &progress, Role::Admin, "").await.page();
    assert!(page.contains("<dt>By</dt><dd>admin</dd>") && page.contains("<code>error:no</code>"), "{page}");
    let page = ask(Method::GET, &progress, Role::Viewer, "").await.page();
    assert!(page.contains("<code>error:•••</code>") && !page.contains("error:no"), "{page}");
    assert!(!page.contains("Count again"), "{page}");
    for (role, is_seen) in [(Role::Admin, true), (Role::Viewer, true), (Role::Operator, false)] {
        let list = ask(Method::GET, "/operations", role, "").await.page();
        assert_eq!(list.contains(count), is_seen, "{role}: {list}");
    }
    for (method, path) in [(Method::GET, &*progress), (Method::POST, "/retry-all-stop"), (Method::POST, "/retry-all")] {
        let refused = ask(method, path, Role::Operator, &format!("id={count}")).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path}: {}", refused.body);
    }
}

async fn an_action_that_fails_says_so(t: Database) {
    ended(&t, "no").await;
    let browser = Browser::of(&t, Role::Admin);
    let count = counted(&browser, "retry-all", "status%3Afailed").await;
    t.execute("DROP TABLE jobs_audit").await;
    let page = end(&browser, &confirm(&browser, "retry-all", &count).await).await;
    assert!(page.contains("<span class=\"status failed\">failed</span>"), "{page}");
    assert!(page.contains("<strong>It did not get to the end.</strong> "), "{page}");
    assert!(!page.contains("jobs_audit"), "{page}");
}
