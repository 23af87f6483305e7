//! Scheduling by name, with parameters as JSON.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{Error, JobFilter, NamedJob};
use jobs_tests::{Database, cases};
use serde_json::{Value, json};

use crate::support::common::{total, undecodable, work};

cases![
    a_job_scheduled_by_name_is_executed,
    the_definition_s_defaults_apply_and_options_override_them,
    an_alias_is_a_name_too,
    a_name_that_nobody_knows_is_accepted_and_waits,
    names_differ_by_case,
    parameters_that_do_not_decode_are_refused,
    parameters_may_be_left_out_where_none_is_needed,
    parameters_that_the_definition_does_not_know_are_kept,
    a_named_job_tells_whether_it_existed,
    named_jobs_are_scheduled_in_bulk,
];

async fn a_job_scheduled_by_name_is_executed(t: Database) {
    let id = jobs_tests::schedule_by_name(t.db(), "Add", json!({"a": 40, "b": 2})).await.unwrap();
    work(&t).await;
    assert_eq!(jobs::output::<i64>(t.db(), id).await.unwrap(), 42);
}

async fn the_definition_s_defaults_apply_and_options_override_them(t: Database) {
    let defaults = jobs_tests::schedule_by_name(t.db(), "configured", Value::Null).await.unwrap();
    let record = jobs::record(t.db(), defaults).await.unwrap();
    assert_eq!((record.queue.as_str(), record.priority, record.max_attempts), ("images", -5, 3));
    assert_eq!(record.timeout, Some(Duration::from_mins(5)));
    let options = JobOptions::new().queue("elsewhere").priority(1).max_attempts(2).timeout(Duration::from_secs(1));
    let overridden = jobs_tests::schedule_by_name_with(t.db(), "configured", json!({}), options).await.unwrap();
    let record = jobs::record(t.db(), overridden).await.unwrap();
    assert_eq!((record.queue.as_str(), record.priority, record.max_attempts), ("elsewhere", 1, 2));
    assert_eq!(record.timeout, Some(Duration::from_secs(1)));
}

async fn an_alias_is_a_name_too(t: Database) {
    for alias in ["formerly", "Früher"] {
        let id = jobs_tests::schedule_by_name(t.db(), alias, json!({"number": 7})).await.unwrap();
        let record = jobs::record(t.db(), id).await.unwrap();
        assert_eq!((record.name.as_str(), record.queue.as_str(), record.priority), (alias, "images", -5));
        work(&t).await;
        assert_eq!(jobs::output::<String>(t.db(), id).await.unwrap(), format!("{alias} 7 in images"));
    }
    let wrong = jobs_tests::schedule_by_name(t.db(), "formerly", json!({"number": 256})).await;
    assert_eq!(undecodable(wrong), "number");
}

async fn a_name_that_nobody_knows_is_accepted_and_waits(t: Database) {
    let given = json!({"anything": ["goes"]});
    let id = jobs_tests::schedule_by_name(t.db(), "of another program", given.clone()).await.unwrap();
    work(&t).await;
    let record = jobs::record(t.db(), id).await.unwrap();
    assert_eq!((record.status, record.attempt, record.version), (JobStatus::Scheduled, 0, 0));
    assert_eq!((record.queue.as_str(), record.priority, record.max_attempts), ("long-running", 0, 5));
    assert_eq!(record.parameters, given);
}

async fn names_differ_by_case(t: Database) {
    let known = jobs_tests::schedule_by_name(t.db(), "Add", json!({"a": 1})).await.unwrap();
    let unknown = jobs_tests::schedule_by_name(t.db(), "add", json!({"a": 1})).await.unwrap();
    let accented = jobs_tests::schedule_by_name(t.db(), "Ädd", json!({"a": 1})).await.unwrap();
    work(&t).await;
    assert_eq!(jobs::status(t.db(), known).await.unwrap(), JobStatus::Terminated);
    for id in [unknown, accented] {
        assert_eq!(jobs::status(t.db(), id).await.unwrap(), JobStatus::Scheduled);
    }
    let found = jobs::list(t.db(), JobFilter::new().name("add")).await.unwrap().jobs;
    assert_eq!(found.iter().map(|record| record.id).collect::<Vec<_>>(), [unknown]);
}

async fn parameters_that_do_not_decode_are_refused(t: Database) {
    for (name, parameters, bad) in [
        ("Add", json!({"a": "one"}), "a"),
        ("Add", json!({"a": 1, "b": 0.5}), "b"),
        ("Add", json!({"b": 1}), "a"),
        ("Add", json!({}), "a"),
        ("Add", Value::Null, "a"),
        ("Note", json!({"text": null}), "text"),
        ("configured", json!({"number": -1}), "number"),
    ] {
        let error = jobs_tests::schedule_by_name(t.db(), name, parameters.clone()).await;
        assert_eq!(undecodable(error), bad, "{name} {parameters}");
    }
    assert_eq!(total(&t).await, 0);
}

async fn parameters_may_be_left_out_where_none_is_needed(t: Database) {
    for (name, parameters) in [("Ping", Value::Null), ("Ping", json!({})), ("configured", Value::Null)] {
        let id = jobs_tests::schedule_by_name(t.db(), name, parameters).await.unwrap();
        work(&t).await;
        assert_eq!(jobs::status(t.db(), id).await.unwrap(), JobStatus::Terminated, "{name}");
    }
}

async fn parameters_that_the_definition_does_not_know_are_kept(t: Database) {
    for (name, given) in [("Add", json!({"a": 1, "extra": "kept"})), ("Ping", json!({"extra": "kept"}))] {
        let id = jobs_tests::schedule_by_name(t.db(), name, given).await.unwrap();
        work(&t).await;
        let record = jobs::record(t.db(), id).await.unwrap();
        assert_eq!(
            (record.status, record.parameter::<String>("extra").unwrap()),
            (JobStatus::Terminated, "kept".into())
        );
        assert!(matches!(record.parameter::<String>("missing"), Err(Error::InvalidValue { .. })));
    }
}

async fn a_named_job_tells_whether_it_existed(t: Database) {
    let named = || NamedJob::new("Elsewhere", json!({})).schedule(t.db()).unique_key("one");
    let (first, again) = (named().await.unwrap(), named().await.unwrap());
    assert_eq!((first.existed(), again.existed()), (false, true));
    assert_eq!(first, again);
}

async fn named_jobs_are_scheduled_in_bulk(t: Database) {
    let named = ["Add", "Elsewhere"].map(|name| NamedJob::new(name, json!({"a": 40, "b": 2})));
    let urgent = named.map(|job| job.with_options(JobOptions::new().priority(-7)));
    let handles = jobs::schedule_all(t.db(), urgent).await.unwrap();
    for (handle, name) in handles.iter().zip(["Add", "Elsewhere"]) {
        let record = jobs::record(t.db(), *handle).await.unwrap();
        assert_eq!((record.name.as_str(), record.priority), (name, -7));
    }
    work(&t).await;
    assert_eq!(jobs::output::<i64>(t.db(), handles[0]).await.unwrap(), 42);
    let wrong = ["Add", "Elsewhere"].map(|name| NamedJob::new(name, json!({"a": "one"})));
    assert_eq!(undecodable(jobs::schedule_all(t.db(), wrong).await), "a");
    assert_eq!(total(&t).await, 2);
}
