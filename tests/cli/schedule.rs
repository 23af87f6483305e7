//! `schedule` and `worker`.

use jobs::JobStatus;
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::command::{call, done, json as call_json, start};

cases![
    a_job_is_scheduled_with_its_parameters_and_options,
    a_value_that_is_no_json_is_a_string,
    parameters_can_be_given_as_one_document,
    who_waits_gets_the_output_of_a_job,
    who_waits_for_a_job_that_fails_fails_with_its_reason,
    parameters_that_do_not_decode_are_refused,
    a_job_without_a_definition_here_is_scheduled_with_a_note,
    a_worker_executes_only_the_queues_that_it_is_told_to_serve,
];

async fn a_job_is_scheduled_with_its_parameters_and_options(t: Database) {
    let arguments = [
        "schedule",
        "Add",
        "--param",
        "left=2",
        "-p",
        "right=3",
        "--delay",
        "1h30m",
        "--queue",
        "slow",
        "--priority",
        "-7",
    ];
    let id = call_json(&t, &arguments).await["id"].as_i64().unwrap();
    let job = jobs::record(t.db(), id).await.unwrap();
    assert_eq!((job.name.as_str(), job.queue.as_str(), job.priority), ("Add", "slow", -7));
    assert_eq!(job.parameters, json!({ "left": 2, "right": 3 }));
    assert_eq!((job.scheduled_at - job.created_at).num_minutes(), 90);
}

async fn a_value_that_is_no_json_is_a_string(t: Database) {
    let parameters = ["-p", "plain=a=b", "-p", "number=1", "-p", "quoted=\"1\"", "-p", "list=[1,null]", "-p", "empty="];
    let id = call_json(&t, &[&["schedule", "Unknown"], &parameters[..]].concat()).await["id"].as_i64().unwrap();
    let job = jobs::record(t.db(), id).await.unwrap();
    let expected = json!({ "plain": "a=b", "number": 1, "quoted": "1", "list": [1, null], "empty": "" });
    assert_eq!(job.parameters, expected);
}

async fn parameters_can_be_given_as_one_document(t: Database) {
    assert_eq!(done(&t, &["schedule", "Add", "--params", r#"{"left": 4}"#]).await, "job 1 is scheduled\n");
    assert_eq!(jobs::record(t.db(), 1).await.unwrap().parameters, json!({ "left": 4 }));
}

async fn who_waits_gets_the_output_of_a_job(t: Database) {
    let _worker = start(&t, &["worker"]);
    assert_eq!(done(&t, &["schedule", "Add", "-p", "left=2", "--wait"]).await, "job 1 is TERMINATED: 3\n");
    let job = call_json(&t, &["schedule", "Add", "-p", "left=5", "--wait"]).await;
    assert_eq!((&job["status"], &job["results"]["output"]), (&json!("terminated"), &json!(6)));
}

async fn who_waits_for_a_job_that_fails_fails_with_its_reason(t: Database) {
    let _worker = start(&t, &["worker"]);
    let called = call(&t, &["schedule", "Fail", "-p", "reason=no paper", "--wait"]).await;
    assert_eq!((called.code, called.output.as_str()), (1, "job 1 is FAILED: no paper\n"), "{called:#?}");
}

async fn parameters_that_do_not_decode_are_refused(t: Database) {
    let called = call(&t, &["schedule", "Add", "-p", "left=two"]).await;
    assert_eq!(called.code, 1, "{called:#?}");
    assert!(called.errors.contains("`left` does not decode"), "{called:#?}");
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job").await, 0);
}

async fn a_job_without_a_definition_here_is_scheduled_with_a_note(t: Database) {
    let called = call(&t, &["schedule", "Elsewhere"]).await;
    assert_eq!(called.code, 0, "{called:#?}");
    assert!(called.errors.contains("No definition here is named Elsewhere"), "{called:#?}");
}

async fn a_worker_executes_only_the_queues_that_it_is_told_to_serve(t: Database) {
    let failing = jobs_tests::schedule_by_name(t.db(), "Fail", json!({ "reason": "none" })).await.unwrap();
    let _worker = start(&t, &["worker", "--queue", "sums:2"]);
    done(&t, &["schedule", "Add", "-p", "left=1", "--wait"]).await;
    assert_eq!(jobs::status(t.db(), failing).await.unwrap(), JobStatus::Scheduled);
}
