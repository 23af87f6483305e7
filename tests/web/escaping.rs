//! Texts that others have stored: pages show them, and browsers do not execute them.

use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::{NamedJob, Principal, Role};
use jobs_tests::{Database, Running, cases, soon};
use serde_json::json;

use crate::support::browser::Browser;

cases![
    no_stored_text_becomes_part_of_a_page,
    no_name_of_a_principal_becomes_part_of_a_page,
    what_is_typed_is_shown_as_text,
    what_is_asked_is_shown_as_text,
];

/// Ends an attribute, an element, a comment and a script.
const ATTACK: &str =
    "'\"></textarea></pre></title><script>alert(SIGN)</script><img src=x onerror=alert(SIGN)>{{7*7}}&lt;b&gt;";

/// The attack with a sign of the field that has it.
fn attack(field: &str) -> String {
    ATTACK.replace("SIGN", field)
}

fn encoded(text: &str) -> String {
    let encode = |text: String, byte| text + &format!("%{byte:02X}");
    text.bytes().fold(String::new(), encode)
}

/// A value of a filter.
fn quoted(text: &str) -> String {
    encoded(&format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// Says what it is told, stores it, and fails with it.
#[derive(Job)]
#[job_params]
struct Repeat {
    text: String,
    #[param(default)]
    fails: bool,
}

impl Execute for Repeat {
    type Output = String;

    async fn execute(&self, job: &JobContext) -> JobResult<String> {
        job.message(attack("message"));
        job.set_result(&attack("result"), attack("value"))?;
        if self.fails() { Err(JobError::fail(attack("error"))) } else { Ok(attack("output")) }
    }
}

/// Asserts that the page shows the texts of these fields, and only as text.
#[track_caller]
fn assert_harmless(address: &str, page: &str, fields: &[&str]) {
    for field in fields {
        assert!(page.contains(&format!("alert({field})")), "{address} does not show {field}: {page}");
    }
    for tag in ["<script>", "<img src=x", "</textarea></pre>", "</pre></title>", "'\">", "49&lt;"] {
        assert!(!page.contains(tag), "{address} has {tag}: {page}");
    }
    // Bars of charts have titles, too.
    assert_eq!(page.matches("</title>").count(), page.matches("<title>").count(), "{address}");
}

async fn no_stored_text_becomes_part_of_a_page(t: Database) {
    let options = || {
        let options = JobOptions::new().queue(attack("queue"));
        options.user(attack("user")).session(attack("session")).event(attack("event"))
    };
    let text = attack("text");
    let fails = Repeat::new(&text).with_fails(true).with_options(options()).schedule(t.db()).await.unwrap().id();
    let succeeds = Repeat::new(&text).with_options(options()).schedule(t.db()).await.unwrap().id();
    let running = Running::start(Worker::new(t.db().clone()).name(attack("worker")).queue(attack("queue"), 1));
    let _ = soon(jobs::wait(t.db(), fails)).await;
    soon(jobs::wait(t.db(), succeeds)).await.unwrap();
    let browser = Browser::of(&t, Role::Admin);
    assert_harmless("/workers", &browser.get("/workers").await.page(), &["worker", "queue"]);
    running.stop().await;

    let unknown = async || {
        let job = NamedJob::new(attack("name"), json!({ attack("member"): [attack("element")] }));
        job.with_options(options()).schedule(t.db()).await.unwrap().id()
    };
    let (waits, canceled) = (unknown().await, unknown().await);
    jobs::cancel(t.db(), canceled).await.unwrap();
    cron::add(t.db(), &attack("schedule"), Cron::new("0 3 * * *"), Repeat::new(&text)).await.unwrap();
    let schedule = encoded(&attack("schedule"));
    browser.post("/run-schedule", &format!("name={schedule}")).await.leads_to();
    let form = format!("queue={}&pause.reason={}", encoded(&attack("queue")), encoded(&attack("reason")));
    let paused = browser.post("/pause-queue", &form).await;
    let paused = browser.get(&format!("/{}", paused.leads_to())).await.page();
    assert_harmless("the notice", &paused, &["queue"]);
    let (_, notice) = paused.split_once("role=\"status\">").unwrap();
    assert!(notice.split_once("</p>").unwrap().0.contains("alert(queue)"), "{notice}");
    let of_each: &[&str] = &["queue", "user", "session", "event"];
    for (address, fields) in [
        (format!("/pause-queue?queue={}", encoded(&attack("queue"))), &["queue", "reason"][..]),
        ("/overview".to_owned(), &["queue", "reason", "name", "error"]),
        ("/jobs".to_owned(), &["queue", "name", "error"]),
        (format!("/job?id={fails}"), &["text", "message", "result", "value", "error", "worker"]),
        (format!("/job?id={fails}"), of_each),
        (format!("/job?id={succeeds}"), &["text", "message", "result", "value", "output"]),
        (format!("/job?id={waits}"), &["name", "member", "element"]),
        (format!("/job?id={waits}"), of_each),
        (format!("/value?id={waits}&of=parameters&name={}", encoded(&attack("member"))), &["member", "element"]),
        (format!("/value?id={fails}&of=results&name={}", encoded(&attack("result"))), &["result", "value"]),
        (format!("/delete?id={canceled}"), &["name"]),
        (format!("/schedule-again?id={fails}"), &["text", "queue"]),
        (format!("/parameter?id={waits}&name={}", encoded(&attack("member"))), &["member", "element"]),
        (format!("/cancel-all?filter=queue%3A{}", quoted(&attack("queue"))), &["queue", "name"]),
        ("/queues".to_owned(), &["queue", "reason"]),
        ("/cron".to_owned(), &["schedule"]),
        (format!("/schedule?name={schedule}"), &["schedule"]),
        (format!("/remove-schedule?name={schedule}"), &["schedule"]),
        ("/audit".to_owned(), &["queue", "schedule"]),
    ] {
        assert_harmless(&address, &browser.get(&address).await.page(), fields);
    }
}

async fn no_name_of_a_principal_becomes_part_of_a_page(t: Database) {
    let principal = Principal::new(attack("principal"), Role::Admin).with_origin(attack("origin"));
    let browser = Browser::of_principal(&t, principal);
    let job = Repeat::new("").schedule(t.db()).await.unwrap().id();
    browser.post("/cancel", &format!("id={job}")).await.leads_to();
    assert_harmless("/overview", &browser.get("/overview").await.page(), &["principal"]);
    assert_harmless("/audit", &browser.get("/audit").await.page(), &["principal", "origin"]);
    let nobody = Principal::new(attack("principal"), Role::Viewer).deny(jobs::Action::View);
    let refused = Browser::of_principal(&t, nobody).get("/overview").await;
    assert!(refused.body.contains("may not"), "{}", refused.body);
    assert_harmless("a failure", &refused.body, &["principal"]);
}

async fn what_is_typed_is_shown_as_text(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let typed = encoded(&attack("typed"));
    // Of the two, one is what was typed, and one is what is wrong with it.
    for form in [
        format!("name=Repeat&text.text={typed}&number.fails=x"),
        format!("name=Repeat&json.text=%5B{typed}"),
        format!("name=Repeat&text.text=&others={typed}"),
        format!("name=Repeat&text.text=a&option.queue={typed}%09b&option.delay={typed}"),
        format!("name={typed}"),
    ] {
        let answer = browser.post("/schedule-job", &form).await;
        assert!(answer.status.is_client_error(), "{form}: {}", answer.body);
        assert_harmless(&form, &answer.body, &["typed"]);
    }
}

async fn what_is_asked_is_shown_as_text(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let asked = encoded(&attack("asked"));
    for address in [
        format!("/jobs?filter={asked}"),
        format!("/jobs?filter=name%3A%22{}%22", asked.replace("%22", "%5C%22")),
        format!("/audit?principal={asked}"),
        format!("/audit?job={asked}"),
        format!("/audit?action={asked}"),
        format!("/schedule?name={asked}"),
        format!("/definition?name={asked}"),
        format!("/schedule-job?name={asked}"),
        format!("/cancel-all?filter={asked}"),
    ] {
        assert_harmless(&address, &browser.get(&address).await.body, &["asked"]);
    }
}
