//! Querying a job, by its handle and by its id.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{AttemptEnd, Error, Level};
use jobs_tests::{Database, cases, soon};
use serde_json::{Value, json};

use crate::support::common::{assert_not_closed, assert_not_found, assert_read_back, refused, undecodable, work};
use crate::support::definitions::{Add, Ping, Talk};

cases![
    a_job_tells_the_same_by_handle_and_by_id,
    messages_come_in_order_with_level_and_attempt,
    results_are_typed_and_named,
    the_output_of_a_job_that_has_not_ended_is_not_there_yet,
    the_output_of_a_failed_job_is_why_it_failed,
    the_output_of_a_canceled_job_is_that_it_was_canceled,
    attempts_that_ended_well_leave_no_history,
    every_attempt_that_did_not_end_well_is_in_the_history,
    times_follow_the_life_of_a_job,
    an_id_that_nobody_has_is_not_found,
    a_parameter_is_typed,
    a_message_of_a_level_that_is_not_known_is_shown_as_that,
    a_record_serializes_with_its_values,
    records_are_read_as_they_are_written,
];

async fn a_job_tells_the_same_by_handle_and_by_id(t: Database) {
    let well = Talk::new("well").schedule(t.db()).await.unwrap();
    let failed = Talk::new("fail").schedule(t.db()).await.unwrap();
    work(&t).await;
    for (handle, status, progress, attempts) in
        [(well, JobStatus::Terminated, 100, 0), (failed, JobStatus::Failed, 70, 1)]
    {
        let (db, id) = (t.db(), handle.id());
        let record = handle.record(db).await.unwrap();
        assert_eq!(jobs::record(db, id.get()).await.unwrap(), record);
        assert_eq!((record.status, record.progress, record.attempt), (status, progress, 1));
        assert_eq!((handle.status(db).await.unwrap(), jobs::status(db, id).await.unwrap()), (status, status));
        assert_eq!((handle.progress(db).await.unwrap(), jobs::progress(db, id).await.unwrap()), (progress, progress));
        assert_eq!(handle.results(db).await.unwrap(), record.results);
        assert_eq!(jobs::results(db, id).await.unwrap(), record.results);
        assert_eq!(handle.messages(db).await.unwrap().len(), 3);
        assert_eq!(jobs::messages(db, id).await.unwrap(), handle.messages(db).await.unwrap());
        assert_eq!(handle.failed_attempts(db).await.unwrap().len(), attempts);
        assert_eq!(jobs::failed_attempts(db, id).await.unwrap(), handle.failed_attempts(db).await.unwrap());
    }
    assert_eq!(well.output(t.db()).await.unwrap(), "done");
    assert_eq!(jobs::output::<String>(t.db(), well).await.unwrap(), "done");
    assert_eq!(well.record(t.db()).await.unwrap().output::<String>().unwrap(), "done");
}

async fn messages_come_in_order_with_level_and_attempt(t: Database) {
    let handle = Talk::new("error").schedule(t.db()).await.unwrap();
    assert_eq!(handle.messages(t.db()).await.unwrap(), []);
    work(&t).await;
    t.make_due().await;
    work(&t).await;
    let messages = handle.messages(t.db()).await.unwrap();
    let said: Vec<_> = messages.iter().map(|said| (said.attempt, said.level, said.text.as_str())).collect();
    let once = [(Level::Info, "it begins"), (Level::Warn, "it is odd"), (Level::Error, "it is wrong")];
    let twice: Vec<_> =
        [1, 2].into_iter().flat_map(|attempt| once.map(|(level, text)| (attempt, level, text))).collect();
    assert_eq!(said, twice);
    let record = handle.record(t.db()).await.unwrap();
    assert!(messages.iter().all(|said| said.time >= record.created_at), "{messages:?} {record:?}");
    assert!(messages[0].time <= messages[3].time);
}

async fn a_message_of_a_level_that_is_not_known_is_shown_as_that(t: Database) {
    let handle = Talk::new("well").schedule(t.db()).await.unwrap();
    work(&t).await;
    t.execute("UPDATE jobs_message SET level = 7 WHERE level = 1").await;
    let messages = handle.messages(t.db()).await.unwrap();
    let said: Vec<_> = messages.iter().map(|said| (said.level, said.text.as_str())).collect();
    let expected = [(Level::Info, "it begins"), (Level::Unknown, "it is odd"), (Level::Error, "it is wrong")];
    assert_eq!(said, expected);
}

async fn results_are_typed_and_named(t: Database) {
    let handle = Talk::new("well").schedule(t.db()).await.unwrap();
    assert!(handle.results(t.db()).await.unwrap().is_empty());
    work(&t).await;
    let results: Vec<_> = handle.results(t.db()).await.unwrap().into_iter().collect();
    let expected = [("half", json!(0.5)), ("names", json!(["ada", "grace"])), ("output", json!("done"))];
    assert_eq!(results, expected.map(|(name, value)| (name.to_owned(), value)));
    let half: f64 = handle.result(t.db(), "half").await.unwrap();
    let names: Vec<String> = jobs::result(t.db(), handle, "names").await.unwrap();
    assert_eq!((half.to_string().as_str(), names), ("0.5", vec!["ada".to_owned(), "grace".to_owned()]));
    assert_eq!(undecodable(handle.result::<u8>(t.db(), "half").await), "half");
    assert_eq!(undecodable(jobs::output::<u8>(t.db(), handle).await), "output");
    let missing = handle.result::<Value>(t.db(), "Half").await;
    assert!(
        matches!(&missing, Err(Error::NoResult { id, name, .. }) if *id == handle.id() && name == "Half"),
        "{missing:?}"
    );
}

async fn the_output_of_a_job_that_has_not_ended_is_not_there_yet(t: Database) {
    let handle = Talk::new("error").schedule(t.db()).await.unwrap();
    assert_not_closed(handle.output(t.db()).await, JobStatus::Scheduled);
    work(&t).await;
    assert_not_closed(jobs::output::<String>(t.db(), handle).await, JobStatus::Scheduled);
}

async fn the_output_of_a_failed_job_is_why_it_failed(t: Database) {
    let handle = Talk::new("fail").schedule(t.db()).await.unwrap();
    work(&t).await;
    let output = handle.output(t.db()).await;
    assert!(
        matches!(&output, Err(Error::JobFailed { id, reason, .. }) if *id == handle.id() && reason == "it can't be done"),
        "{output:?}"
    );
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!(record.last_error.as_deref(), Some("it can't be done"));
    assert!(!record.results.contains_key("output"), "{record:?}");
    assert_eq!(record.result::<f64>("half").unwrap().to_string(), "0.5", "what it had by then is kept");
}

async fn the_output_of_a_canceled_job_is_that_it_was_canceled(t: Database) {
    let by_itself = Talk::new("cancel").schedule(t.db()).await.unwrap();
    work(&t).await;
    let from_outside = Talk::new("well").schedule(t.db()).await.unwrap();
    from_outside.cancel(t.db()).await.unwrap();
    for handle in [by_itself, from_outside] {
        let output = handle.output(t.db()).await;
        assert!(matches!(&output, Err(Error::JobCanceled { id, .. }) if *id == handle.id()), "{output:?}");
    }
    assert_eq!(by_itself.record(t.db()).await.unwrap().last_error.as_deref(), Some("nobody wants it"));
}

async fn attempts_that_ended_well_leave_no_history(t: Database) {
    let handle = Talk::new("well").schedule(t.db()).await.unwrap();
    work(&t).await;
    assert_eq!(handle.failed_attempts(t.db()).await.unwrap(), []);
    assert_eq!(handle.record(t.db()).await.unwrap().last_error, None);
}

async fn every_attempt_that_did_not_end_well_is_in_the_history(t: Database) {
    let handle = Talk::new("error").schedule(t.db()).await.unwrap();
    for _ in 0..2 {
        soon(Worker::new(t.db().clone()).name("the worker").run_until_idle()).await.unwrap();
        t.make_due().await;
    }
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 2));
    let attempts = handle.failed_attempts(t.db()).await.unwrap();
    assert_eq!(attempts.iter().map(|attempt| attempt.attempt).collect::<Vec<_>>(), [1, 2]);
    for attempt in &attempts {
        assert_eq!((attempt.how, attempt.error.as_deref()), (AttemptEnd::Error, Some("it went wrong")));
        assert!(attempt.worker.contains("the worker"), "{attempt:?}");
        assert!(attempt.started_at.is_some_and(|started| started <= attempt.ended_at), "{attempt:?}");
    }
    assert!(attempts[0].ended_at <= attempts[1].ended_at);
}

async fn times_follow_the_life_of_a_job(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let before = handle.record(t.db()).await.unwrap();
    work(&t).await;
    let after = handle.record(t.db()).await.unwrap();
    assert_eq!((after.created_at, after.scheduled_at), (before.created_at, before.scheduled_at));
    assert!(after.started_at.is_some_and(|started| started >= after.created_at), "{after:?}");
    assert!(after.finished_at >= after.started_at, "{after:?}");
    assert!(after.worker_id.is_some() && after.version > before.version, "{after:?}");
}

async fn an_id_that_nobody_has_is_not_found(t: Database) {
    // The last id, one that never existed, and numbers that can't be ids.
    let last = Ping::new().schedule(t.db()).await.unwrap();
    last.cancel(t.db()).await.unwrap();
    last.delete(t.db()).await.unwrap();
    for number in [last.id().get(), last.id().get() + 1, 0, -1, i64::MAX, i64::MIN] {
        let handle: JobHandle<Talk> = JobId::from(number).into();
        let (db, id) = (t.db(), handle.id());
        assert_not_found(handle.status(db).await, id);
        assert_not_found(handle.progress(db).await, id);
        assert_not_found(handle.record(db).await, id);
        assert_not_found(handle.messages(db).await, id);
        assert_not_found(handle.failed_attempts(db).await, id);
        assert_not_found(handle.results(db).await, id);
        assert_not_found(handle.result::<f64>(db, "half").await, id);
        assert_not_found(handle.output(db).await, id);
        assert_not_found(handle.wait(db).await, id);
        assert_not_found(handle.cancel(db).await, id);
        assert_not_found(handle.set_parameter(db, "end", "well").await, id);
        assert_not_found(handle.retry(db).await, id);
        assert_not_found(handle.delete(db).await, id);
    }
}

async fn a_parameter_is_typed(t: Database) {
    let given = json!({"number": 7, "text": "t", "list": [1, 2], "none": null});
    let id = jobs_tests::schedule_by_name(t.db(), "nobody knows", given).await.unwrap();
    let record = jobs::record(t.db(), id).await.unwrap();
    assert_eq!(record.parameter::<u8>("number").unwrap(), 7);
    assert_eq!(record.parameter::<String>("text").unwrap(), "t");
    assert_eq!(record.parameter::<Vec<i64>>("list").unwrap(), [1, 2]);
    assert_eq!(record.parameter::<Option<i64>>("none").unwrap(), None);
    assert_eq!(undecodable(record.parameter::<u8>("text")), "text");
    assert_eq!(undecodable(record.parameter::<String>("none")), "none");
    assert_eq!(refused(record.parameter::<u8>("missing")), "missing");
}

async fn a_record_serializes_with_its_values(t: Database) {
    let handle = Add::new(1).schedule(t.db()).user("ada").await.unwrap();
    work(&t).await;
    let json = serde_json::to_value(handle.record(t.db()).await.unwrap()).unwrap();
    assert_eq!(json["id"], handle.id().get());
    assert_eq!((&json["name"], &json["status"], &json["user"]), (&json!("Add"), &json!("terminated"), &json!("ada")));
    assert_eq!((&json["parameters"], &json["results"]), (&json!({"a": 1, "b": 1}), &json!({"output": 2})));
}

async fn records_are_read_as_they_are_written(t: Database) {
    let timeout = Duration::from_millis(90_061_001);
    let handle = Talk::new("fail").schedule(t.db()).timeout(timeout).user("ada").await.unwrap();
    assert_read_back(&handle.record(t.db()).await.unwrap());
    work(&t).await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!(record.timeout, Some(timeout));
    assert_read_back(&record);
    assert_read_back(&handle.failed_attempts(t.db()).await.unwrap());
    assert_read_back(&handle.messages(t.db()).await.unwrap());
}
