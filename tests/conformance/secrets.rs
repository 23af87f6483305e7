//! Secret parameters: available to `execute` and to callers that ask by name, and shown nowhere else.

use std::error::Error as _;
use std::fmt::Debug;

use jobs::prelude::*;
use jobs::{Error, JobFilter, JobRecord, MAX_JSON_BYTES};
use jobs_tests::{Database, cases};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use crate::support::common::{refused, total, undecodable, work};

cases![
    a_secret_is_shown_nowhere,
    execute_reads_its_secrets,
    a_secret_is_revealed_to_who_asks_for_it,
    a_program_without_the_definition_hides_secrets_too,
    a_secret_that_another_program_has_stored_as_it_is_is_hidden_where_the_definition_is_known,
    a_secret_that_is_changed_stays_secret,
    a_parameter_that_is_given_as_secret_is_secret,
    a_secret_that_does_not_decode_is_not_quoted_where_it_is_given,
    a_secret_that_does_not_decode_is_not_quoted_by_its_worker,
    a_parameter_that_looks_like_a_stored_secret_is_refused,
    a_secret_has_the_limits_of_any_parameter,
    parameters_that_are_no_object_are_not_quoted,
];

const SECRET: &str = "hunter2";
const HIDDEN: &str = "•••";

/// Reports the length of the password.
#[derive(Job)]
#[job(max_attempts = 1)]
#[job_params]
struct LogIn {
    user: String,
    #[param(secret)]
    #[serde(rename = "passWord", alias = "passphrase")]
    password: String,
    #[param(secret, default = 1234)]
    pin: u16,
    #[param(secret, default)]
    anything: Value,
    #[param(default)]
    open: Value,
}

impl Execute for LogIn {
    type Output = usize;

    async fn execute(&self, job: &JobContext) -> JobResult<usize> {
        let by_name = job.parameter::<String>("passWord").or_else(|_| job.parameter("passphrase"))?;
        assert_eq!((self.password(), self.user()), (by_name.as_str(), "ada"));
        job.message(format!("{job:?} logs in: {self:?}"));
        assert!(!said(job.parameter::<u8>("passWord")).contains(SECRET));
        Ok(self.password().len())
    }
}

/// Everything that an error says.
fn said<T: Debug>(result: Result<T, Error>) -> String {
    let error = result.unwrap_err();
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    format!("{error}: {source} {error:?}")
}

#[track_caller]
fn assert_hidden(record: &JobRecord, secret: &[&str]) {
    let shown = format!("{record:?} {}", serde_json::to_string(record).unwrap());
    assert!(!shown.contains(SECRET), "{shown}");
    assert_eq!(record.secrets, secret);
    for name in secret {
        assert_eq!(record.parameters[name], HIDDEN);
        assert_eq!(refused(record.parameter::<Value>(name)), *name);
    }
}

/// Renames all jobs, so that what their definition says does not apply to them.
async fn rename_all(t: &Database, name: &str) {
    t.db().execute_unprepared(&format!("UPDATE jobs_job SET name = '{name}'")).await.unwrap();
}

async fn a_secret_is_shown_nowhere(t: Database) {
    let handle = LogIn::new("ada", SECRET).schedule(t.db()).await.unwrap();
    LogIn::new("ada", SECRET).schedule(t.db()).priority(1).await.unwrap();
    let many = jobs::schedule_all(t.db(), [1, 2].map(|pin| LogIn::new("ada", SECRET).with_pin(pin)));
    assert!(!format!("{many:?}").contains(SECRET), "{many:?}");
    many.await.unwrap();
    jobs_tests::schedule_by_name(t.db(), "LogIn", json!({"user": "ada", "passWord": SECRET})).await.unwrap();
    jobs_tests::schedule_by_name(t.db(), "LogIn", json!({"user": "ada", "passphrase": SECRET})).await.unwrap();
    for _ in 0..2 {
        let mut records = jobs::list(t.db(), JobFilter::new()).await.unwrap().jobs;
        assert_hidden(&records.remove(0), &["passphrase"]);
        assert_hidden(&records.remove(0), &["passWord"]);
        records.push(handle.record(t.db()).await.unwrap());
        records.push(jobs::record(t.db(), handle.id()).await.unwrap());
        assert_eq!(records.len(), 6);
        for record in records {
            assert_hidden(&record, &["anything", "passWord", "pin"]);
            assert_eq!(record.parameter::<String>("user").unwrap(), "ada");
        }
        work(&t).await;
    }
    let record = jobs::wait(t.db(), handle).await.unwrap();
    assert_hidden(&record, &["anything", "passWord", "pin"]);
    let messages = handle.messages(t.db()).await.unwrap();
    assert!(messages[0].text.contains(HIDDEN) && !messages[0].text.contains(SECRET), "{messages:?}");
}

async fn execute_reads_its_secrets(t: Database) {
    let typed = LogIn::new("ada", SECRET).schedule(t.db()).await.unwrap();
    let named = jobs_tests::schedule_by_name(t.db(), "LogIn", json!({"user": "ada", "passphrase": "1"})).await.unwrap();
    work(&t).await;
    assert_eq!(typed.output(t.db()).await.unwrap(), SECRET.len());
    assert_eq!(jobs::output::<usize>(t.db(), named).await.unwrap(), 1);
}

async fn a_secret_is_revealed_to_who_asks_for_it(t: Database) {
    let handle = LogIn::new("ada", SECRET).schedule(t.db()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(handle.reveal_parameter::<String>(t.db(), "passWord").await.unwrap(), SECRET);
        assert_eq!(jobs::reveal_parameter::<u16>(t.db(), handle, "pin").await.unwrap(), 1234);
        assert_eq!(jobs::reveal_parameter::<String>(t.db(), handle.id(), "user").await.unwrap(), "ada");
        work(&t).await;
    }
    assert_eq!(refused(handle.reveal_parameter::<String>(t.db(), "nothing").await), "nothing");
    let wrong = handle.reveal_parameter::<u16>(t.db(), "passWord").await;
    assert!(!said(wrong).contains(SECRET));
}

async fn a_program_without_the_definition_hides_secrets_too(t: Database) {
    let handle = LogIn::new("ada", SECRET).schedule(t.db()).await.unwrap();
    rename_all(&t, "of another program").await;
    assert_hidden(&handle.record(t.db()).await.unwrap(), &["anything", "passWord", "pin"]);
    handle.set_parameter(t.db(), "passWord", "hunter2, changed").await.unwrap();
    assert_hidden(&handle.record(t.db()).await.unwrap(), &["anything", "passWord", "pin"]);
    let changed: String = handle.reveal_parameter(t.db(), "passWord").await.unwrap();
    assert_eq!(changed, "hunter2, changed");
    rename_all(&t, "LogIn").await;
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), changed.len());
}

async fn a_secret_that_another_program_has_stored_as_it_is_is_hidden_where_the_definition_is_known(t: Database) {
    let given = json!({"user": "ada", "passWord": SECRET});
    let id = jobs_tests::schedule_by_name(t.db(), "of another program", given.clone()).await.unwrap();
    assert_eq!(jobs::record(t.db(), id).await.unwrap().parameters, given);
    rename_all(&t, "LogIn").await;
    assert_hidden(&jobs::record(t.db(), id).await.unwrap(), &["passWord"]);
    assert!(!said(jobs::reveal_parameter::<u16>(t.db(), id, "passWord").await).contains(SECRET));
    jobs::set_parameter(t.db(), id, "user", "ada").await.unwrap();
    rename_all(&t, "of another program").await;
    assert_hidden(&jobs::record(t.db(), id).await.unwrap(), &["passWord"]);
}

async fn a_secret_that_is_changed_stays_secret(t: Database) {
    let handle = LogIn::new("ada", "other").schedule(t.db()).await.unwrap();
    handle.set_parameter(t.db(), "passWord", SECRET).await.unwrap();
    assert_hidden(&handle.record(t.db()).await.unwrap(), &["anything", "passWord", "pin"]);
    let wrong = handle.set_parameter(t.db(), "pin", SECRET).await;
    assert!(!said(wrong).contains(SECRET));
    handle.set_parameter(t.db(), "pin", json!({"$secret": 7})).await.unwrap();
    assert_eq!(handle.reveal_parameter::<u16>(t.db(), "pin").await.unwrap(), 7);
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), SECRET.len());
}

async fn a_parameter_that_is_given_as_secret_is_secret(t: Database) {
    let unknown = json!({"token": {"$secret": SECRET}, "list": [{"$secret": "only a name"}]});
    let id = jobs_tests::schedule_by_name(t.db(), "of another program", unknown).await.unwrap();
    let record = jobs::record(t.db(), id).await.unwrap();
    assert_hidden(&record, &["token"]);
    assert_eq!(record.parameters["list"], json!([{"$secret": "only a name"}]));
    jobs::set_parameter(t.db(), id, "second", json!({"$secret": SECRET})).await.unwrap();
    assert_hidden(&jobs::record(t.db(), id).await.unwrap(), &["second", "token"]);
    let known = json!({"user": {"$secret": "ada"}, "passWord": {"$secret": SECRET}});
    let id = jobs_tests::schedule_by_name(t.db(), "LogIn", known).await.unwrap();
    assert_hidden(&jobs::record(t.db(), id).await.unwrap(), &["passWord", "user"]);
    work(&t).await;
    assert_eq!(jobs::output::<usize>(t.db(), id).await.unwrap(), SECRET.len());
}

async fn a_secret_that_does_not_decode_is_not_quoted_where_it_is_given(t: Database) {
    for (parameters, bad) in [
        (json!({"user": "ada", "passWord": {SECRET: SECRET}}), "passWord"),
        (json!({"user": "ada", "passphrase": [SECRET]}), "passphrase"),
        (json!({"user": "ada", "passWord": "1", "pin": SECRET}), "pin"),
        (json!({"user": "ada", "passWord": "1", "pin": {"$secret": SECRET}}), "pin"),
        (json!({"user": {"$secret": {SECRET: 1}}, "passWord": "1"}), "user"),
        (json!({"user": "ada", "pin": {"$secret": 1}}), "passWord"),
    ] {
        let given = jobs_tests::schedule_by_name(t.db(), "LogIn", parameters.clone()).await;
        let again = jobs_tests::schedule_by_name(t.db(), "LogIn", parameters).await;
        assert_eq!(undecodable(given), bad);
        assert!(!said(again).contains(SECRET), "{bad}");
    }
    assert_eq!(total(&t).await, 0);
}

async fn a_secret_that_does_not_decode_is_not_quoted_by_its_worker(t: Database) {
    for pin in [json!(SECRET), json!({"$secret": [SECRET]})] {
        let given = json!({"user": "ada", "passWord": "1", "pin": pin});
        let once = JobOptions::new().max_attempts(1);
        let id = jobs_tests::schedule_by_name_with(t.db(), "of another program", given, once).await.unwrap();
        rename_all(&t, "LogIn").await;
        work(&t).await;
        let record = jobs::record(t.db(), id).await.unwrap();
        assert_hidden(&record, &["passWord", "pin"]);
        let reason = record.last_error.clone().unwrap();
        assert!(record.status == JobStatus::Failed && reason.contains("`pin` does not decode"), "{reason}");
        let attempts = format!("{:?}", jobs::failed_attempts(t.db(), id).await.unwrap());
        assert!(attempts.contains(&reason) && !attempts.contains(SECRET), "{attempts}");
        assert!(!said(record.output::<usize>()).contains(SECRET));
    }
}

async fn a_parameter_that_looks_like_a_stored_secret_is_refused(t: Database) {
    let lookalike = json!({"$secret": SECRET});
    let open = LogIn::new("ada", "1").with_open(lookalike.clone()).schedule(t.db()).await;
    assert!(said(open).starts_with("`open` is invalid"));
    let secret = LogIn::new("ada", "1").with_anything(lookalike.clone()).schedule(t.db()).await;
    assert!(!said(secret).contains(SECRET));
    assert_eq!(total(&t).await, 0);
    let more = json!({"$secret": 1, "other": 2});
    let handle =
        LogIn::new("ada", "1").with_anything(json!([lookalike])).with_open(more.clone()).schedule(t.db()).await;
    let handle = handle.unwrap();
    assert_eq!(handle.record(t.db()).await.unwrap().parameters["open"], more);
    assert_eq!(handle.reveal_parameter::<Value>(t.db(), "anything").await.unwrap(), json!([lookalike]));
}

async fn a_secret_has_the_limits_of_any_parameter(t: Database) {
    let nested = |levels| (0..levels).fold(json!(SECRET), |value, _| json!([value]));
    let log_in = |anything: Value| LogIn::new("ada", "1").with_anything(anything).schedule(t.db());
    let nul = json!(format!("{SECRET}\0"));
    for bad in [nested(29), nul, json!(SECRET.repeat(MAX_JSON_BYTES / SECRET.len()))] {
        let said = said(log_in(bad).await);
        assert!(said.starts_with("`anything` is invalid") && !said.contains(SECRET), "{said}");
    }
    assert_eq!(total(&t).await, 0);
    let handle = log_in(nested(28)).await.unwrap();
    assert_eq!(handle.reveal_parameter::<Value>(t.db(), "anything").await.unwrap(), nested(28));
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 1);
}

async fn parameters_that_are_no_object_are_not_quoted(t: Database) {
    for parameters in [json!(SECRET), json!([SECRET]), json!(format!(r#"{{"passWord": "{SECRET}"}}"#))] {
        let said = said(jobs_tests::schedule_by_name(t.db(), "LogIn", parameters).await);
        assert!(said.starts_with("`parameters` is invalid") && !said.contains(SECRET), "{said}");
    }
}
