//! What buttons do, and where they lead.

use axum::http::StatusCode;
use jobs::cron::{self, Cron};
use jobs::{AuditAction, AuditFilter, JobStatus, NamedJob, Principal, Role};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::browser::Browser;
use crate::support::definitions::{ended, later};

cases![
    a_job_is_canceled_run_again_made_due_and_deleted,
    a_queue_is_paused_and_resumed,
    a_queue_is_paused_for_a_while_and_with_a_reason,
    a_schedule_is_run_paused_resumed_and_removed,
    a_link_can_not_say_what_is_not_so,
    what_is_done_is_in_the_audit_with_who_has_done_it,
];

/// Does it, and returns the page to which it leads.
async fn done(browser: &Browser, action: &str, form: &str) -> String {
    let answer = browser.post(action, form).await;
    browser.get(&format!("/{}", answer.leads_to())).await.page()
}

/// What a page says has just been done.
fn notice(page: &str) -> &str {
    let (_, rest) = page.split_once("role=\"status\">").unwrap_or_else(|| panic!("no notice: {page}"));
    rest.split_once('<').unwrap().0
}

async fn a_job_is_canceled_run_again_made_due_and_deleted(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let id = later(&t).await;
    let form = format!("id={id}");
    let status = async || jobs::status(t.db(), id).await.unwrap();
    assert_eq!(notice(&done(&browser, "/cancel", &form).await), "The job is canceled.");
    assert_eq!(status().await, JobStatus::Canceled);
    assert_eq!(notice(&done(&browser, "/retry", &form).await), "The job is scheduled again.");
    assert_eq!(status().await, JobStatus::Scheduled);
    let later = t.seconds_from_now(3_600);
    t.execute(&format!("UPDATE jobs_job SET scheduled_at = {later}")).await;
    let page = browser.get(&format!("/job?id={id}")).await.page();
    assert!(page.contains("action=\"run-now\"") && !page.contains("action=\"retry\""), "{page}");
    assert_eq!(notice(&done(&browser, "/run-now", &form).await), "The job is due now.");
    assert!(jobs::list(t.db(), "is:due".parse().unwrap()).await.unwrap().jobs.len() == 1);
    t.execute(&format!("UPDATE jobs_job SET status = 1, started_at = {later}")).await;
    assert!(notice(&done(&browser, "/cancel", &form).await).contains("asked to stop"));
    t.execute("UPDATE jobs_job SET status = 2").await;
    let question = browser.get(&format!("/delete?{form}")).await.page();
    assert!(question.contains(&format!("<h1>Delete job {id}?</h1>")), "{question}");
    assert!(question.contains("method=\"post\" action=\"delete\""), "{question}");
    assert_eq!(notice(&done(&browser, "/delete", &form).await), "The job is deleted.");
    assert!(jobs::record(t.db(), id).await.is_err());
}

async fn a_queue_is_paused_and_resumed(t: Database) {
    let browser = Browser::of(&t, Role::Operator);
    let paused = done(&browser, "/pause-queue", "queue=talks%20%26%20more").await;
    assert!(notice(&paused).starts_with("Queue talks &#38; more is paused"), "{paused}");
    assert!(paused.contains("action=\"resume-queue\""), "{paused}");
    assert!(jobs::queues(t.db()).await.unwrap()[0].paused_at.is_some());
    let resumed = done(&browser, "/resume-queue", "queue=talks%20%26%20more").await;
    assert!(resumed.contains("No queue has anything to do."), "{resumed}");
    assert_eq!(jobs::queues(t.db()).await.unwrap(), []);
}

async fn a_queue_is_paused_for_a_while_and_with_a_reason(t: Database) {
    let browser = Browser::of(&t, Role::Operator);
    let form = browser.get("/pause-queue?queue=talks%20%26%20more").await.page();
    assert!(form.contains("<h1>Pause talks &#38; more</h1>"), "{form}");
    assert!(form.contains("name=\"queue\" value=\"talks &#38; more\""), "{form}");
    let form = "queue=talks%20%26%20more&pause.reason=no%20%3Cpaper%3E&pause.lasting=";
    for (lasting, problem) in [("soon", "`soon` is not a duration"), ("0s", "It is zero."), ("101d", "")] {
        let reply = browser.post("/pause-queue", &format!("{form}{lasting}")).await;
        if problem.is_empty() {
            reply.leads_to();
            continue;
        }
        assert_eq!(reply.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", reply.body);
        assert!(reply.body.contains(problem) && reply.body.contains("no &#60;paper&#62;"), "{}", reply.body);
        assert_eq!(jobs::queues(t.db()).await.unwrap(), []);
    }
    let paused = browser.get("/queues").await.page();
    assert!(paused.contains("no &#60;paper&#62;") && paused.contains(">by ada, ends "), "{paused}");
    let queue = jobs::queues(t.db()).await.unwrap().remove(0);
    assert!(queue.paused_until > queue.paused_at && queue.pause_reason.as_deref() == Some("no <paper>"), "{queue:?}");
    // The form begins with what is so.
    let again = browser.get("/pause-queue?queue=talks%20%26%20more").await.page();
    assert!(again.contains("value=\"no &#60;paper&#62;\""), "{again}");
}

async fn a_schedule_is_run_paused_resumed_and_removed(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let job = NamedJob::new("Talk", json!({ "end": "well" }));
    cron::add(t.db(), "nightly", Cron::new("0 3 * * *").timezone("Europe/Paris"), job).await.unwrap();
    let page = browser.get("/cron").await.page();
    assert!(page.contains("At 03:00") && page.contains("Europe/Paris") && page.contains(" 03:00:00 CE"), "{page}");
    assert!(
        done(&browser, "/pause-schedule", "name=nightly").await.contains("<span class=\"status paused\">paused</span>")
    );
    assert!(cron::list(t.db()).await.unwrap()[0].paused_at.is_some());
    done(&browser, "/resume-schedule", "name=nightly").await;
    assert!(cron::list(t.db()).await.unwrap()[0].paused_at.is_none());
    let run = done(&browser, "/run-schedule", "name=nightly").await;
    let job = jobs::list(t.db(), "name:Talk".parse().unwrap()).await.unwrap().jobs[0].id;
    assert_eq!(notice(&run), format!("Schedule nightly runs now as job {job}."));
    let history = browser.get("/schedule?name=nightly").await.page();
    assert_eq!(history.matches("<li>").count(), 5, "{history}");
    assert!(browser.get("/remove-schedule?name=nightly").await.page().contains("<h1>Remove nightly?</h1>"));
    let removed = done(&browser, "/remove-schedule", "name=nightly").await;
    assert!(removed.contains("There are no schedules."), "{removed}");
}

async fn a_link_can_not_say_what_is_not_so(t: Database) {
    let browser = Browser::of(&t, Role::Admin);
    let id = later(&t).await;
    let job = NamedJob::new("Talk", json!({ "end": "well" }));
    cron::add(t.db(), "nightly", Cron::new("0 3 * * *"), job).await.unwrap();
    for address in [
        "/queues?done=paused&queue=call%20this%20number".to_owned(),
        "/queues?done=paused&queue=talks".to_owned(),
        format!("/job?id={id}&done=canceled"),
        format!("/job?id={id}&done=asked"),
        format!("/job?id={id}&done=due"),
        format!("/jobs?deleted={id}"),
        "/cron?done=paused&name=nightly".to_owned(),
        "/cron?done=paused&name=call%20this%20number".to_owned(),
        "/cron?done=run&name=nightly&job=7".to_owned(),
        "/cron?done=run&name=nightly".to_owned(),
        "/cron?done=removed&name=nightly".to_owned(),
        "/cron?done=added&name=call%20this%20number".to_owned(),
    ] {
        let page = browser.get(&address).await.page();
        assert!(!page.contains("role=\"status\""), "{address}: {page}");
    }
    for address in ["/queues?done=resumed&queue=call%20this%20number", "/cron?done=removed&name=call%20this%20number"] {
        let page = browser.get(address).await.page();
        assert!(!page.contains("call this number"), "{address}: {page}");
    }
}

async fn what_is_done_is_in_the_audit_with_who_has_done_it(t: Database) {
    let id = ended(&t, "well").await;
    let ada = Principal::new("ada", Role::Admin).with_origin("203.0.113.7");
    let browser = Browser::of_principal(&t, ada.clone());
    done(&browser, "/retry", &format!("id={id}")).await;
    let session = jobs::acting_as(t.db(), ada);
    let records = session.audit(AuditFilter::new().job(id)).await.unwrap().records;
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((record.principal.as_str(), record.action), ("ada", AuditAction::Retry));
    for address in [format!("/job?id={id}"), format!("/audit?job={id}&principal=ada&action=retry")] {
        let page = browser.get(&address).await.page();
        assert!(page.contains("203.0.113.7") && page.contains("retry"), "{address}: {page}");
    }
    let none = browser.get("/audit?principal=grace").await.page();
    assert!(none.contains("Nothing is recorded that matches."), "{none}");
}
