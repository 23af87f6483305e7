//! Values that are refused when a job is scheduled: by name, and before anything is inserted.

use std::time::Duration;

use chrono::{DateTime, TimeZone as _, Utc};
use jobs::prelude::*;
use jobs::{Error, MAX_JSON_BYTES};
use jobs_tests::{Database, cases};
use serde_json::{Value, json};

use crate::support::common::{refused, total};
use crate::support::definitions::{Add, Note, Ping};

cases![
    parameters_at_the_size_limit_are_kept_and_above_it_refused,
    nul_in_a_parameter_is_refused,
    a_parameter_that_not_every_database_can_read_is_refused,
    a_priority_out_of_range_is_refused,
    a_number_of_attempts_out_of_range_is_refused,
    a_name_that_databases_would_not_keep_alike_is_refused,
    a_duration_out_of_range_is_refused,
    a_time_out_of_range_is_refused,
    parameters_that_are_no_object_are_refused,
    one_refused_job_refuses_its_batch,
];

async fn parameters_at_the_size_limit_are_kept_and_above_it_refused(t: Database) {
    let room = MAX_JSON_BYTES - r#"{"text":""}"#.len();
    assert_eq!(refused(Note::new("x".repeat(room + 1)).schedule(t.db()).await), "text");
    assert_eq!(refused(Note::new("ü".repeat(room / 2 + 1)).schedule(t.db()).await), "text");
    let by_name = json!({"small": 1, "large": "x".repeat(room), "medium": [2, 2, 2]});
    assert_eq!(refused(jobs_tests::schedule_by_name(t.db(), "nobody knows", by_name).await), "large");
    assert_eq!(total(&t).await, 0);
    let text = "x".repeat(room);
    let handle = Note::new(text.as_str()).schedule(t.db()).await.unwrap();
    assert!(handle.record(t.db()).await.unwrap().parameter::<String>("text").unwrap() == text);
}

async fn nul_in_a_parameter_is_refused(t: Database) {
    assert_eq!(refused(Note::new("a\0b").schedule(t.db()).await), "text");
    for (parameters, name) in [
        (json!({"fine": 1, "list": [["a\0"]]}), "list"),
        (json!({"map": {"a\0": 1}}), "map"),
        (json!({"na\0me": 1}), "na\\0me"),
    ] {
        assert_eq!(refused(jobs_tests::schedule_by_name(t.db(), "nobody knows", parameters).await), name);
    }
    assert_eq!(total(&t).await, 0);
}

async fn a_parameter_that_not_every_database_can_read_is_refused(t: Database) {
    let nested = |levels| (0..levels).fold(json!("deep"), |value, _| json!([value]));
    assert_eq!(
        refused(jobs_tests::schedule_by_name(t.db(), "nobody knows", json!({"nest": nested(29)})).await),
        "nest"
    );
    assert_eq!(total(&t).await, 0);
    let id = jobs_tests::schedule_by_name(t.db(), "nobody knows", json!({"nest": nested(28)})).await.unwrap();
    let record = jobs::record(t.db(), id).await.unwrap();
    assert_eq!(record.parameter::<Value>("nest").unwrap(), nested(28));
}

async fn a_priority_out_of_range_is_refused(t: Database) {
    for priority in [-101, 101, i16::MIN, i16::MAX] {
        assert_eq!(refused(Ping::new().schedule(t.db()).priority(priority).await), "priority");
    }
    assert_eq!(total(&t).await, 0);
}

async fn a_number_of_attempts_out_of_range_is_refused(t: Database) {
    for attempts in [0, 32768, u32::MAX] {
        assert_eq!(refused(Ping::new().schedule(t.db()).max_attempts(attempts).await), "max_attempts");
    }
    assert_eq!(total(&t).await, 0);
}

async fn a_name_that_databases_would_not_keep_alike_is_refused(t: Database) {
    let too_long = "é".repeat(201);
    for bad in ["", " ", "a ", "\ta", "a\nb", "a\0b", &too_long] {
        assert_eq!(refused(Ping::new().schedule(t.db()).queue(bad).await), "queue", "{bad:?}");
        assert_eq!(refused(Ping::new().schedule(t.db()).user(bad).await), "user", "{bad:?}");
        assert_eq!(refused(Ping::new().schedule(t.db()).session(bad).await), "session", "{bad:?}");
        assert_eq!(refused(Ping::new().schedule(t.db()).event(bad).await), "event", "{bad:?}");
        assert_eq!(refused(jobs_tests::schedule_by_name(t.db(), bad, Value::Null).await), "name", "{bad:?}");
    }
    assert_eq!(total(&t).await, 0);
}

async fn a_duration_out_of_range_is_refused(t: Database) {
    let hundred_years = Duration::from_hours(876_000);
    for long in [hundred_years + Duration::from_millis(1), Duration::MAX] {
        assert_eq!(refused(Ping::new().schedule(t.db()).timeout(long).await), "timeout");
        assert_eq!(refused(Ping::new().schedule(t.db()).delay(long).await), "delay");
    }
    assert_eq!(refused(Ping::new().schedule(t.db()).timeout(Duration::ZERO).await), "timeout");
    assert_eq!(total(&t).await, 0);
    Ping::new().schedule(t.db()).timeout(hundred_years).delay(hundred_years).await.unwrap();
    Ping::new().schedule(t.db()).timeout(Duration::from_nanos(1)).delay(Duration::ZERO).await.unwrap();
}

async fn a_time_out_of_range_is_refused(t: Database) {
    let year = |year| Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0).unwrap();
    for time in [DateTime::<Utc>::MIN_UTC, year(1969), year(9001), DateTime::<Utc>::MAX_UTC] {
        assert_eq!(refused(Ping::new().schedule(t.db()).at(time).await), "at", "{time}");
    }
    assert_eq!(total(&t).await, 0);
}

async fn parameters_that_are_no_object_are_refused(t: Database) {
    for parameters in [json!([1]), json!("text"), json!(1), json!(true)] {
        assert_eq!(refused(jobs_tests::schedule_by_name(t.db(), "nobody knows", parameters).await), "parameters");
    }
    assert_eq!(total(&t).await, 0);
}

async fn one_refused_job_refuses_its_batch(t: Database) {
    let notes = (0..150).map(|number| Note::new(if number == 120 { "a\0b" } else { "fine" }));
    assert_eq!(refused(jobs::schedule_all(t.db(), notes).await), "text");
    let options = [1, 2, 101].map(|priority| Add::new(1).with_options(JobOptions::new().priority(priority)));
    let error = jobs::schedule_all(t.db(), options).await.unwrap_err();
    assert!(matches!(&error, Error::InvalidValue { name, .. } if name == "priority"), "{error}");
    assert!(!error.is_retryable(), "{error}");
    assert_eq!(total(&t).await, 0);
}
