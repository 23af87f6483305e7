//! `why`, and what `show` says about a job that waits.

use std::time::Duration;

use jobs::{JobId, JobOptions};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::command::{call, done, json as call_json};

cases![
    why_a_job_waits_is_told_in_a_line_per_reason,
    a_job_that_waits_is_shown_with_the_reasons,
    a_job_that_has_ended_does_not_wait,
    a_job_that_is_not_there_is_an_error,
    an_error_does_not_control_the_terminal,
];

async fn schedule(t: &Database) -> JobId {
    let options = JobOptions::new().delay(Duration::from_hours(1));
    jobs_tests::schedule_by_name_with(t.db(), "Add", json!({ "left": 1, "right": 1 }), options).await.unwrap()
}

async fn why_a_job_waits_is_told_in_a_line_per_reason(t: Database) {
    let id = schedule(&t).await.to_string();
    jobs::pause(t.db(), "long-running").await.unwrap();
    let text = done(&t, &["why", &id]).await;
    let lines: Vec<_> = text.lines().collect();
    assert!(lines[0].starts_with("It is due at 2") && lines[0].ends_with("Z."), "{text}");
    assert!(lines[1].starts_with("Queue `long-running` has been paused since 2"), "{text}");
    assert_eq!(lines[2..], ["No live worker serves queue `long-running`."]);
    let why = call_json(&t, &["why", &id]).await;
    assert_eq!((why["id"].to_string(), &why["status"]), (id, &json!("scheduled")));
    let reasons: Vec<_> = why["reasons"].as_array().unwrap().iter().map(|reason| &reason["reason"]).collect();
    assert_eq!(reasons, ["due_later", "queue_paused", "no_worker"]);
    assert!(why["reasons"][1]["since"].is_string() && why["reasons"][2]["last_seen_at"].is_null(), "{why}");
}

async fn a_job_that_waits_is_shown_with_the_reasons(t: Database) {
    let id = schedule(&t).await;
    let show = async || done(&t, &["show", &id.to_string()]).await;
    let shown = show().await;
    assert!(shown.contains("why") && shown.contains("No live worker serves queue `long-running`."), "{shown}");
    assert_eq!(call_json(&t, &["show", &id.to_string()]).await["why"]["reasons"][1]["reason"], "no_worker");
    jobs::cancel(t.db(), id).await.unwrap();
    assert!(!show().await.contains("why"));
    assert!(call_json(&t, &["show", &id.to_string()]).await["why"].is_null());
}

async fn a_job_that_has_ended_does_not_wait(t: Database) {
    let id = schedule(&t).await;
    jobs::cancel(t.db(), id).await.unwrap();
    let text = done(&t, &["why", &id.to_string()]).await;
    assert_eq!(text, format!("Job {id} does not wait: it is CANCELED.\n"));
}

async fn a_job_that_is_not_there_is_an_error(t: Database) {
    let called = call(&t, &["why", "7"]).await;
    assert_eq!((called.code, called.output.as_str()), (1, ""), "{called:#?}");
    assert!(called.errors.contains("there is no job 7"), "{called:#?}");
}

async fn an_error_does_not_control_the_terminal(t: Database) {
    let id = schedule(&t).await;
    let now = t.seconds_from_now(0);
    t.execute(&format!("UPDATE jobs_job SET attempt = 1, last_error = 'a\u{1b}[2J' WHERE id = {id}")).await;
    t.execute(&format!(
        "INSERT INTO jobs_attempt (job_id, attempt, version, worker, ended_at, how)
         VALUES ({id}, 1, 1, 'elsewhere', {now}, 'error')"
    ))
    .await;
    for command in ["why", "show"] {
        let text = done(&t, &[command, &id.to_string()]).await;
        assert!(text.contains(r"a\u{1b}[2J") && !text.contains('\u{1b}'), "{text:?}");
    }
}
