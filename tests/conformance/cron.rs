//! Schedules that are created at run time, as the programs that do so see them.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use jobs::cron::{self, Cron, CronRecord, CronSource, Missed};
use jobs::{Error, JobOptions};
use jobs_tests::{Database, cases};
use sea_orm::TransactionTrait as _;
use serde_json::json;

use crate::support::common::{assert_read_back, refused, undecodable};
use crate::support::definitions::{Add, Note, Ping};

cases![
    a_schedule_is_listed_as_it_was_added,
    the_next_times_are_those_of_the_expression_in_its_zone,
    a_schedule_exists_if_the_transaction_commits,
    a_name_is_given_once,
    of_many_who_add_a_schedule_at_once_one_does,
    what_can_t_be_a_schedule_is_refused,
    options_that_can_t_be_are_refused,
    parameters_that_do_not_decode_are_refused_where_the_definition_is_linked,
    a_job_that_nobody_here_knows_can_have_a_schedule,
    secret_parameters_are_not_shown,
    records_serialize,
];

pub(crate) async fn schedule(t: &Database, name: &str) -> CronRecord {
    let found = cron::list(t.db()).await.unwrap().into_iter().find(|schedule| schedule.name == name);
    found.unwrap_or_else(|| panic!("no schedule `{name}`"))
}

pub(crate) async fn names(t: &Database) -> Vec<String> {
    cron::list(t.db()).await.unwrap().into_iter().map(|schedule| schedule.name).collect()
}

pub(crate) fn hourly() -> Cron {
    Cron::new("0 * * * *")
}

/// A schedule that is not due for a while.
pub(crate) fn yearly() -> Cron {
    Cron::new("@yearly")
}

async fn a_schedule_is_listed_as_it_was_added(t: Database) {
    let weekdays = Cron::new("30 9 * * MON-FRI").timezone("Europe/Paris").missed(Missed::All(7));
    let options =
        JobOptions::new().queue("reports").priority(-3).user("ada").delay(Duration::from_secs(5)).unique_key("ada");
    cron::add(t.db(), "report for ada", weekdays, Add::new(1).with_options(options.clone())).await.unwrap();
    cron::add(t.db(), "a ping", hourly(), Ping::new()).await.unwrap();
    assert_eq!(names(&t).await, ["a ping", "report for ada"]);
    let report = schedule(&t, "report for ada").await;
    assert_eq!((report.job.as_str(), report.expression.as_str()), ("Add", "30 9 * * MON-FRI"));
    assert_eq!((report.timezone.as_str(), report.missed), ("Europe/Paris", Missed::All(7)));
    assert_eq!((report.source, report.paused_at, report.last_at), (CronSource::Runtime, None, None));
    assert_eq!((report.parameters, report.options), (json!({"a": 1, "b": 1}), options));
    assert!(report.description.starts_with("At 09:30, on "), "{}", report.description);
    let ping = schedule(&t, "a ping").await;
    assert_eq!((ping.timezone.as_str(), ping.missed), ("UTC", Missed::Once));
    assert!((Utc::now() - ping.created_at).abs() < TimeDelta::minutes(1), "{ping:?}");
    assert_eq!(cron::history(t.db(), "a ping").await.unwrap(), []);
    cron::run_now(t.db(), "a ping").await.unwrap();
    assert_read_back(&cron::list(t.db()).await.unwrap());
    assert_read_back(&cron::history(t.db(), "a ping").await.unwrap());
}

async fn the_next_times_are_those_of_the_expression_in_its_zone(t: Database) {
    cron::add(t.db(), "nightly", Cron::new("30 3 * * *").timezone("Asia/Kathmandu"), Ping::new()).await.unwrap();
    let nightly = schedule(&t, "nightly").await;
    let times = nightly.next_times(3);
    assert_eq!(Some(times[0]), nightly.next_at);
    // 5 hours and 45 minutes ahead of UTC, all the year.
    assert!(times.iter().all(|time| time.format("%H:%M:%S").to_string() == "21:45:00"), "{times:?}");
    assert_eq!((times[1] - times[0], times[2] - times[1]), (TimeDelta::days(1), TimeDelta::days(1)));
    let wait = times[0] - nightly.created_at;
    assert!(TimeDelta::zero() < wait && wait <= TimeDelta::days(1), "{wait}");
}

async fn a_schedule_exists_if_the_transaction_commits(t: Database) {
    let transaction = t.db().begin().await.unwrap();
    cron::add(&transaction, "hourly", hourly(), Ping::new()).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(names(&t).await, [""; 0]);
    let transaction = t.db().begin().await.unwrap();
    cron::add(&transaction, "hourly", hourly(), Ping::new()).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(names(&t).await, ["hourly"]);
}

async fn a_name_is_given_once(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Ping::new()).await.unwrap();
    let again = cron::add(t.db(), "hourly", yearly(), Add::new(1)).await;
    assert!(matches!(again, Err(Error::ScheduleExists { name, .. }) if name == "hourly"));
    assert_eq!(schedule(&t, "hourly").await.job, "Ping");
    // Names compare byte by byte.
    cron::add(t.db(), "Hourly", hourly(), Ping::new()).await.unwrap();
    // Inside a transaction, an error does not lose what follows.
    let transaction = t.db().begin().await.unwrap();
    assert!(cron::add(&transaction, "hourly", hourly(), Ping::new()).await.is_err());
    cron::add(&transaction, "another", hourly(), Ping::new()).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(names(&t).await, ["Hourly", "another", "hourly"]);
}

async fn of_many_who_add_a_schedule_at_once_one_does(t: Database) {
    let add = |_| cron::add(t.db(), "hourly", hourly(), Ping::new());
    let added = futures_util::future::join_all((0..8).map(add)).await;
    let refused = added.iter().filter(|added| matches!(added, Err(Error::ScheduleExists { .. }))).count();
    assert_eq!((added.iter().filter(|added| added.is_ok()).count(), refused), (1, 7));
}

async fn what_can_t_be_a_schedule_is_refused(t: Database) {
    let ping = || Ping::new();
    for name in ["", " hourly", "hou\nrly", &"x".repeat(201)] {
        assert_eq!(refused(cron::add(t.db(), name, hourly(), ping()).await), "name");
        assert_eq!(refused(cron::replace(t.db(), name, hourly(), ping()).await), "name");
    }
    for expression in ["", "hourly", "0 3 * *", "61 * * * *", "0 0 30 2 *"] {
        assert_eq!(refused(cron::add(t.db(), "x", Cron::new(expression), ping()).await), "cron");
        assert_eq!(refused(cron::replace(t.db(), "x", Cron::new(expression), ping()).await), "cron");
    }
    assert_eq!(refused(cron::add(t.db(), "x", hourly().timezone("Paris"), ping()).await), "timezone");
    for limit in [0, 101] {
        assert_eq!(refused(cron::add(t.db(), "x", hourly().missed(Missed::All(limit)), ping()).await), "missed");
    }
    assert_eq!(names(&t).await, [""; 0]);
    cron::add(t.db(), &"ä".repeat(200), hourly(), ping()).await.unwrap();
}

async fn options_that_can_t_be_are_refused(t: Database) {
    let add = async |options| refused(cron::add(t.db(), "x", hourly(), Ping::new().with_options(options)).await);
    assert_eq!(add(JobOptions::new().queue(" ")).await, "queue");
    assert_eq!(add(JobOptions::new().priority(101)).await, "priority");
    assert_eq!(add(JobOptions::new().max_attempts(0)).await, "max_attempts");
    assert_eq!(add(JobOptions::new().at(Utc::now())).await, "at");
    assert_eq!(names(&t).await, [""; 0]);
}

async fn parameters_that_do_not_decode_are_refused_where_the_definition_is_linked(t: Database) {
    let add = |parameters| cron::add(t.db(), "add", hourly(), jobs::NamedJob::new("Add", parameters));
    assert_eq!(undecodable(add(json!({"a": "one"})).await), "a");
    assert_eq!(undecodable(add(json!({})).await), "a");
    assert_eq!(refused(add(json!(3)).await), "parameters");
    add(json!({"a": 1})).await.unwrap();
    let replace = cron::replace(t.db(), "add", hourly(), jobs::NamedJob::new("Add", json!({"a": "one"})));
    assert_eq!(undecodable(replace.await), "a");
    assert_eq!(schedule(&t, "add").await.parameters, json!({"a": 1}));
}

async fn a_job_that_nobody_here_knows_can_have_a_schedule(t: Database) {
    let options = JobOptions::new().queue("elsewhere");
    cron::add(t.db(), "far", hourly(), jobs::NamedJob::new("Far", json!({"a": [1]})).with_options(options))
        .await
        .unwrap();
    let far = schedule(&t, "far").await;
    assert_eq!((far.job.as_str(), far.parameters), ("Far", json!({"a": [1]})));
    let job = jobs::record(t.db(), cron::run_now(t.db(), "far").await.unwrap()).await.unwrap();
    assert_eq!((job.name.as_str(), job.queue.as_str()), ("Far", "elsewhere"));
}

async fn secret_parameters_are_not_shown(t: Database) {
    let parameters = json!({"text": {"$secret": "hunter2"}});
    cron::add(t.db(), "note", yearly(), jobs::NamedJob::new("Note", parameters)).await.unwrap();
    let note = schedule(&t, "note").await;
    assert_eq!((&note.parameters, &note.secrets[..]), (&json!({"text": "•••"}), &["text".to_owned()][..]));
    assert!(!format!("{note:?}{}", json!(note)).contains("hunter2"));
    let job = cron::run_now(t.db(), "note").await.unwrap();
    assert_eq!(jobs::record(t.db(), job).await.unwrap().parameters, json!({"text": "•••"}));
    assert_eq!(jobs::reveal_parameter::<String>(t.db(), job, "text").await.unwrap(), "hunter2");
    crate::support::common::work(&t).await;
    assert_eq!(jobs::output::<String>(t.db(), job).await.unwrap(), "hunter2");
}

async fn records_serialize(t: Database) {
    cron::add(t.db(), "note", hourly().missed(Missed::All(4)), Note::new("a")).await.unwrap();
    cron::run_now(t.db(), "note").await.unwrap();
    let note = json!(schedule(&t, "note").await);
    assert_eq!((&note["job"], &note["missed"], &note["source"]), (&json!("Note"), &json!("all(4)"), &json!("runtime")));
    assert!(note["next_at"].is_string() && note["paused_at"].is_null(), "{note}");
    assert!(json!(cron::history(t.db(), "note").await.unwrap())[0]["job"].is_number());
}
