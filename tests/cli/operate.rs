//! `cancel`, `retry`, `delete`, `run-now`, `set-parameter`, and `migrate --down`.

use std::time::Duration;

use jobs::{JobFilter, JobId, JobOptions, JobStatus, NamedJob};
use jobs_tests::{Database, Kind, cases};
use serde_json::json;

use crate::support::command::{call, done, json as call_json, unread};

cases![
    jobs_are_canceled_retried_and_deleted_by_their_ids,
    what_can_not_be_done_to_one_job_is_said_and_done_to_the_others,
    what_nobody_reads_is_done_all_the_same,
    a_filter_without_yes_says_how_many_and_does_nothing,
    a_filter_with_yes_means_more_jobs_than_a_page_has,
    a_filter_leaves_alone_what_the_command_can_not_change,
    a_retry_by_a_filter_means_failed_jobs,
    waiting_jobs_are_made_due,
    a_unique_job_that_can_not_be_retried_holds_up_no_other,
    a_status_that_a_command_can_not_change_is_refused,
    a_filter_may_be_written_as_text,
    what_was_done_before_an_error_is_said,
    ids_and_conditions_are_not_given_at_once,
    a_job_whose_parameters_do_not_decode_is_mended,
    a_secret_that_is_set_is_not_shown,
    a_queue_is_paused_and_resumed,
    tables_are_made_and_dropped,
];

async fn schedule(t: &Database, queue: &str) -> JobId {
    let options = JobOptions::new().queue(queue);
    jobs_tests::schedule_by_name_with(t.db(), "Elsewhere", json!({}), options).await.unwrap()
}

async fn set_status(t: &Database, id: JobId, status: JobStatus) {
    let code = status.code();
    t.execute(&format!("UPDATE jobs_job SET status = {code}, attempt = 1 WHERE id = {id}")).await;
}

async fn status(t: &Database, id: JobId) -> JobStatus {
    jobs::status(t.db(), id).await.unwrap()
}

async fn jobs_are_canceled_retried_and_deleted_by_their_ids(t: Database) {
    let (one, two) = (schedule(&t, "a").await.to_string(), schedule(&t, "a").await.to_string());
    assert_eq!(done(&t, &["cancel", &one, &two]).await, format!("job {one} is canceled\njob {two} is canceled\n"));
    assert_eq!(done(&t, &["retry", &one]).await, format!("job {one} is scheduled again\n"));
    assert_eq!(done(&t, &["delete", &two]).await, format!("job {two} is deleted\n"));
    let left = jobs::list(t.db(), JobFilter::new()).await.unwrap().jobs;
    assert_eq!(
        left.iter().map(|job| (job.id.to_string(), job.status)).collect::<Vec<_>>(),
        [(one, JobStatus::Scheduled)]
    );
}

async fn what_can_not_be_done_to_one_job_is_said_and_done_to_the_others(t: Database) {
    let id = schedule(&t, "a").await;
    let called = call(&t, &["cancel", "999", &id.to_string(), "--json"]).await;
    assert_eq!(called.code, 1, "{called:#?}");
    assert!(called.errors.contains("there is no job 999"), "{called:#?}");
    let expected = json!([
        { "id": 999, "done": null, "error": "there is no job 999" },
        { "id": id, "done": "canceled", "error": null },
    ]);
    assert_eq!(called.json(), expected);
    let called = call(&t, &["cancel", &id.to_string()]).await;
    assert_eq!((called.code, called.output.as_str()), (1, ""), "{called:#?}");
    assert!(called.errors.contains("is closed (CANCELED)"), "{called:#?}");
    let waiting = schedule(&t, "a").await;
    for command in ["delete", "retry"] {
        let called = call(&t, &[command, &waiting.to_string()]).await;
        assert!(called.errors.contains("is SCHEDULED: it has to end first, by itself or by `cancel`"), "{called:#?}");
    }
}

async fn what_nobody_reads_is_done_all_the_same(t: Database) {
    let ids = [schedule(&t, "a").await, schedule(&t, "a").await];
    let [one, two] = ids.map(|id| id.to_string());
    assert_eq!(unread(&t, &["cancel", &one, &two]).await, Some(0));
    for id in ids {
        assert_eq!(status(&t, id).await, JobStatus::Canceled);
    }
    assert_eq!(unread(&t, &["cancel", &one, &two]).await, Some(1));
}

async fn a_filter_without_yes_says_how_many_and_does_nothing(t: Database) {
    let ids = [schedule(&t, "a").await, schedule(&t, "a").await, schedule(&t, "b").await];
    let called = call(&t, &["cancel", "--queue", "a"]).await;
    assert_eq!((called.code, called.output.as_str()), (2, ""), "{called:#?}");
    assert!(called.errors.contains("this would cancel 2 job(s): add --yes"), "{called:#?}");
    for id in ids {
        assert_eq!(status(&t, id).await, JobStatus::Scheduled);
    }
}

async fn a_filter_with_yes_means_more_jobs_than_a_page_has(t: Database) {
    for _ in 0..101 {
        schedule(&t, "a").await;
    }
    let other = schedule(&t, "b").await;
    assert_eq!(done(&t, &["cancel", "--queue", "a", "--yes"]).await, "101 job(s) canceled, 0 asked to stop\n");
    let expected = json!({ "done": 101, "requested": 0, "duplicates": 0, "changed": 0, "locked": 0 });
    assert_eq!(call_json(&t, &["delete", "--queue", "a", "--yes"]).await, expected);
    assert_eq!(jobs::counts(t.db(), JobFilter::new()).await.unwrap().total(), 1);
    assert_eq!(status(&t, other).await, JobStatus::Scheduled);
}

async fn a_filter_leaves_alone_what_the_command_can_not_change(t: Database) {
    let (waiting, ended) = (schedule(&t, "a").await, schedule(&t, "a").await);
    set_status(&t, ended, JobStatus::Terminated).await;
    assert_eq!(done(&t, &["delete", "--queue", "a", "--yes"]).await, "1 job(s) deleted\n");
    assert_eq!(status(&t, waiting).await, JobStatus::Scheduled);
    assert!(jobs::status(t.db(), ended).await.is_err());
}

async fn a_retry_by_a_filter_means_failed_jobs(t: Database) {
    let (failed, ended) = (schedule(&t, "a").await, schedule(&t, "a").await);
    set_status(&t, failed, JobStatus::Failed).await;
    set_status(&t, ended, JobStatus::Terminated).await;
    assert_eq!(done(&t, &["retry", "--name", "Elsewhere", "--yes"]).await, "1 job(s) scheduled again\n");
    assert_eq!((status(&t, failed).await, status(&t, ended).await), (JobStatus::Scheduled, JobStatus::Terminated));
}

async fn waiting_jobs_are_made_due(t: Database) {
    let later = async |queue: &str| {
        let options = JobOptions::new().queue(queue).delay(Duration::from_hours(1));
        jobs_tests::schedule_by_name_with(t.db(), "Elsewhere", json!({}), options).await.unwrap()
    };
    let (one, many) = (later("a").await, [later("b").await, later("b").await]);
    assert_eq!(done(&t, &["run-now", &one.to_string()]).await, format!("job {one} is due now\n"));
    let called = call(&t, &["run-now", "--queue", "b"]).await;
    assert!(called.errors.contains("this would make 2 job(s) due now: add --yes"), "{called:#?}");
    assert_eq!(done(&t, &["run-now", "--queue", "b", "--yes"]).await, "2 job(s) due now\n");
    for id in many.into_iter().chain([one]) {
        let job = jobs::record(t.db(), id).await.unwrap();
        assert!(job.scheduled_at < job.created_at + Duration::from_mins(30), "{job:?}");
    }
}

async fn a_unique_job_that_can_not_be_retried_holds_up_no_other(t: Database) {
    let plain = schedule(&t, "a").await;
    let unique = async || {
        let options = JobOptions::new().queue("a").unique_key("k");
        jobs_tests::schedule_by_name_with(t.db(), "Elsewhere", json!({}), options).await.unwrap()
    };
    let older = unique().await;
    for failed in [plain, older] {
        set_status(&t, failed, JobStatus::Failed).await;
    }
    unique().await;
    let called = call(&t, &["retry", "--queue", "a", "--yes", "--json"]).await;
    assert_eq!(called.code, 1, "{called:#?}");
    assert!(called.errors.contains("1 job(s) are left, because other jobs hold their keys"), "{called:#?}");
    assert_eq!(called.json(), json!({ "done": 1, "requested": 0, "duplicates": 1, "changed": 0, "locked": 0 }));
    assert_eq!((status(&t, older).await, status(&t, plain).await), (JobStatus::Failed, JobStatus::Scheduled));
    let called = call(&t, &["retry", "--queue", "a", "--yes"]).await;
    assert_eq!((called.code, called.output.as_str()), (1, "0 job(s) scheduled again\n"), "{called:#?}");
}

async fn a_status_that_a_command_can_not_change_is_refused(t: Database) {
    let id = schedule(&t, "a").await;
    let called = call(&t, &["delete", "--status", "scheduled", "--yes"]).await;
    assert_eq!(called.code, 2, "{called:#?}");
    assert!(called.errors.contains("delete does nothing to jobs that are SCHEDULED"), "{called:#?}");
    let called = call(&t, &["run-now", "--status", "failed", "--yes"]).await;
    assert!(called.errors.contains("run-now does nothing to jobs that are FAILED"), "{called:#?}");
    for command in ["delete", "retry", "run-now"] {
        let called = call(&t, &[command, "--unserved", "--yes"]).await;
        assert_eq!(called.code, 2, "{called:#?}");
        assert!(called.errors.contains(&format!("{command} does nothing to unserved jobs")), "{called:#?}");
    }
    assert_eq!(status(&t, id).await, JobStatus::Scheduled);
}

async fn a_filter_may_be_written_as_text(t: Database) {
    let (failed, other) = (schedule(&t, "a").await, schedule(&t, "b").await);
    for id in [failed, other] {
        set_status(&t, id, JobStatus::Failed).await;
    }
    let listed = call_json(&t, &["list", "status:failed -queue:b"]).await;
    assert_eq!((listed["jobs"][0]["id"].as_i64(), listed["jobs"].as_array().unwrap().len()), (Some(failed.get()), 1));
    let listed = call_json(&t, &["list", "status:failed", "name:Elsewhere", "--queue", "a"]).await;
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1);
    let called = call(&t, &["retry", "queue:a"]).await;
    assert!(called.errors.contains("this would retry 1 job(s): add --yes"), "{called:#?}");
    assert_eq!(done(&t, &["retry", "queue:a", "--yes"]).await, "1 job(s) scheduled again\n");
    assert_eq!(status(&t, other).await, JobStatus::Failed);
    for command in ["list", "retry", "cancel", "delete", "run-now"] {
        let called = call(&t, &[command, "queue:a", "staus:failed"]).await;
        let pointed = "did you mean `status`? (For a parameter of this name, write `param.staus:`)\n  queue:a staus:failed\n          ^^^^^\n";
        assert_eq!((called.code, called.errors.ends_with(pointed)), (2, true), "{called:#?}");
    }
    let called = call(&t, &["cancel", "queue:a -width:64"]).await;
    assert!(called.errors.contains("this would cancel 1 job(s): add --yes"), "{called:#?}");
    assert_eq!(done(&t, &["run-now", "queue:a", "width:64", "--yes"]).await, "0 job(s) due now\n");
    assert_eq!(done(&t, &["cancel", "queue:a -width:64", "--yes"]).await, "1 job(s) canceled, 0 asked to stop\n");
    let called = call(&t, &["delete", "status:failed is:due", "--yes"]).await;
    assert_eq!(
        (
            called.code,
            called.errors.contains("delete does nothing to the jobs that match: it is for jobs that are failed")
        ),
        (2, true),
        "{called:#?}"
    );
}

async fn what_was_done_before_an_error_is_said(t: Database) {
    let job = |priority| NamedJob::new("Elsewhere", json!({})).with_options(JobOptions::new().priority(priority));
    jobs::schedule_all(t.db(), (0..=1_000).map(|number| job(if number == 1_000 { 9 } else { 0 }))).await.unwrap();
    let refuse = match t.kind() {
        Kind::Sqlite => {
            "CREATE TRIGGER refuse BEFORE UPDATE ON jobs_job WHEN NEW.status = 2 AND NEW.priority = 9
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        }
        _ => "ALTER TABLE jobs_job ADD CONSTRAINT refuse CHECK (NOT (status = 2 AND priority = 9))",
    };
    t.execute(refuse).await;
    let called = call(&t, &["cancel", "--name", "Elsewhere", "--yes"]).await;
    assert_eq!((called.code, called.output.as_str()), (1, "1000 job(s) canceled, 0 asked to stop\n"), "{called:#?}");
    assert!(called.errors.contains("refuse"), "{called:#?}");
}

async fn ids_and_conditions_are_not_given_at_once(t: Database) {
    let id = schedule(&t, "a").await.to_string();
    assert_eq!(call(&t, &["cancel", &id, "--queue", "a", "--yes"]).await.code, 2);
    assert_eq!(call(&t, &["cancel", "--yes"]).await.code, 2);
    assert_eq!(done(&t, &["list", "--status", "scheduled"]).await.lines().count(), 2);
}

async fn a_job_whose_parameters_do_not_decode_is_mended(t: Database) {
    let id = jobs_tests::schedule_by_name(t.db(), "Elsewhere", json!({ "left": "two" })).await.unwrap();
    t.execute("UPDATE jobs_job SET name = 'Add'").await;
    let set = |value| ["set-parameter", "1", value];
    let called = call(&t, &set("left=three")).await;
    assert_eq!((called.code, called.output.as_str()), (1, ""), "{called:#?}");
    assert!(called.errors.contains("`left` does not decode"), "{called:#?}");
    assert_eq!(call(&t, &set("left")).await.code, 2);
    assert_eq!(
        done(&t, &set("left=2")).await,
        "parameter left of job 1 is set
"
    );
    let expected = json!({ "id": 1, "parameter": "right", "done": "set" });
    assert_eq!(call_json(&t, &set("right=3")).await, expected);
    assert_eq!(jobs::record(t.db(), id).await.unwrap().parameters, json!({ "left": 2, "right": 3 }));
    set_status(&t, id, JobStatus::Running).await;
    assert!(call(&t, &set("left=1")).await.errors.contains("is running"));
}

async fn a_secret_that_is_set_is_not_shown(t: Database) {
    let given = json!({ "user": "ada", "password": {"$secret": "hunter1"} });
    // A program without the definition recognizes it by its mark.
    let id = jobs_tests::schedule_by_name(t.db(), "Elsewhere", given).await.unwrap();
    let called = call(&t, &["set-parameter", "1", "password=hunter2"]).await;
    assert_eq!((called.code, called.errors.as_str()), (0, ""), "{called:#?}");
    assert!(!called.output.contains("hunter2"), "{called:#?}");
    assert!(done(&t, &["show", "1"]).await.contains("password = \"•••\""));
    assert_eq!(jobs::reveal_parameter::<String>(t.db(), id, "password").await.unwrap(), "hunter2");
}

async fn a_queue_is_paused_and_resumed(t: Database) {
    schedule(&t, "a").await;
    assert_eq!(done(&t, &["pause", "a"]).await, "queue a is paused\n");
    let queues = call_json(&t, &["queues"]).await;
    assert_eq!((&queues[0]["name"], &queues[0]["scheduled"]), (&json!("a"), &json!(1)));
    assert!(queues[0]["paused_at"].is_string(), "{queues}");
    assert_eq!(done(&t, &["pause", "a", "--reason", "no paper", "--for", "2h"]).await, "queue a is paused\n");
    let queue = call_json(&t, &["queues"]).await[0].take();
    assert!(queue["paused_until"].is_string() && queue["paused_by"].is_string(), "{queue}");
    let listed = done(&t, &["queues"]).await;
    assert!(listed.contains("no paper") && listed.contains(queue["paused_by"].as_str().unwrap()), "{listed}");
    done(&t, &["pause", "a", "--until", "2126-11-28T10:30:00+01:00"]).await;
    let queue = call_json(&t, &["queues"]).await[0].take();
    assert_eq!((&queue["paused_until"], &queue["pause_reason"]), (&json!("2126-11-28T09:30:00Z"), &json!(null)));
    for (wrong, code, problem) in [
        (&["--until", "tomorrow"][..], 2, "write one with its offset"),
        (&["--until", "2006-11-28T10:30:00Z"], 1, "has passed"),
        (&["--for", "1h", "--until", "2126-11-28T10:30:00Z"], 2, "cannot be used with"),
        (&["--reason", ""], 1, "it is empty"),
    ] {
        let called = call(&t, &[&["pause", "a"], wrong].concat()).await;
        assert!(called.code == code && called.errors.contains(problem), "{called:#?}");
    }
    assert_eq!(call_json(&t, &["resume", "a"]).await, json!({ "queue": "a", "done": "resumed" }));
    assert!(call_json(&t, &["queues"]).await[0]["paused_at"].is_null());
    assert_eq!(done(&t, &["queues"]).await.lines().count(), 2);
    assert_eq!(call(&t, &["pause", " a"]).await.code, 1);
    let misspelled = call(&t, &["pause", "b"]).await;
    assert_eq!((misspelled.code, misspelled.output.as_str()), (0, "queue b is paused\n"), "{misspelled:#?}");
    assert!(
        misspelled.errors.starts_with("No job waits or runs in the queue b, no live worker serves it"),
        "{misspelled:#?}"
    );
    assert_eq!(call(&t, &["resume", "b"]).await.errors, "");
}

async fn tables_are_made_and_dropped(t: Database) {
    schedule(&t, "a").await;
    let called = call(&t, &["migrate", "--down"]).await;
    assert_eq!(called.code, 2, "{called:#?}");
    assert!(called.errors.contains("with 1 job(s): add --yes"), "{called:#?}");
    assert_eq!(call_json(&t, &["list"]).await["jobs"].as_array().unwrap().len(), 1);

    assert_eq!(call_json(&t, &["migrate", "--down", "--yes"]).await[0]["is_applied"], false);
    let called = call(&t, &["list"]).await;
    assert_eq!(called.code, 1, "{called:#?}");
    assert!(called.errors.contains("`migrate` creates them"), "{called:#?}");
    assert_eq!(call_json(&t, &["migrate", "--status"]).await[0]["is_applied"], false);
    assert_eq!(call(&t, &["list"]).await.code, 1, "to look is not to migrate");

    assert_eq!(call_json(&t, &["migrate"]).await[0]["is_applied"], true);
    assert_eq!(call_json(&t, &["list"]).await["jobs"], json!([]));
}
