//! Schedules, as those see them who make them while programs run.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use jobs::cron::{self, Cron, CronRecord, CronSource, Missed};
use jobs::prelude::*;
use jobs::{Error, JobOptions};
use jobs_tests::{Database, cases};
use sea_orm::TransactionTrait as _;
use serde_json::json;

use crate::common::{refused, total, undecodable};
use crate::definitions::{Add, Configured, Note, Ping};

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
    replacing_adds_what_is_not_there,
    replacing_changes_all_but_whether_it_is_paused,
    replacing_keeps_the_next_time_where_the_times_are_the_same,
    a_definition_s_schedule_is_not_replaced,
    replacing_what_another_removes_in_the_same_moment_adds_or_changes_it,
    a_paused_schedule_has_no_next_time_until_it_is_resumed,
    pausing_again_and_resuming_again_change_nothing,
    what_is_removed_is_gone_with_its_history,
    a_schedule_that_is_not_there_is_said_to_be_missing,
    running_now_schedules_a_job_as_the_schedule_would,
    running_now_in_a_transaction_that_is_rolled_back_leaves_nothing,
    a_schedule_that_is_removed_while_it_is_run_now_leaves_no_firing,
    a_schedule_that_is_run_now_while_it_is_removed_is_not_there,
    secret_parameters_are_not_shown,
    records_serialise,
];

async fn schedule(t: &Database, name: &str) -> CronRecord {
    let found = cron::list(t.db()).await.unwrap().into_iter().find(|schedule| schedule.name == name);
    found.unwrap_or_else(|| panic!("no schedule `{name}`"))
}

async fn names(t: &Database) -> Vec<String> {
    cron::list(t.db()).await.unwrap().into_iter().map(|schedule| schedule.name).collect()
}

fn hourly() -> Cron {
    Cron::new("0 * * * *")
}

/// An hour that does not come for a while.
fn yearly() -> Cron {
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
    assert!(matches!(again, Err(Error::ScheduleExists { name }) if name == "hourly"));
    assert_eq!(schedule(&t, "hourly").await.job, "Ping");
    // Names compare byte by byte.
    cron::add(t.db(), "Hourly", hourly(), Ping::new()).await.unwrap();
    // Inside a transaction, what follows is not lost with it.
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
    let add = |parameters| cron::add_by_name(t.db(), "add", hourly(), "Add", parameters, JobOptions::new());
    assert_eq!(undecodable(add(json!({"a": "one"})).await), "a");
    assert_eq!(undecodable(add(json!({})).await), "a");
    assert_eq!(refused(add(json!(3)).await), "parameters");
    add(json!({"a": 1})).await.unwrap();
    let replace = cron::replace_by_name(t.db(), "add", hourly(), "Add", json!({"a": "one"}), JobOptions::new());
    assert_eq!(undecodable(replace.await), "a");
    assert_eq!(schedule(&t, "add").await.parameters, json!({"a": 1}));
}

async fn a_job_that_nobody_here_knows_can_have_a_schedule(t: Database) {
    let options = JobOptions::new().queue("elsewhere");
    cron::add_by_name(t.db(), "far", hourly(), "Far", json!({"a": [1]}), options).await.unwrap();
    let far = schedule(&t, "far").await;
    assert_eq!((far.job.as_str(), far.parameters), ("Far", json!({"a": [1]})));
    let job = jobs::record(t.db(), cron::run_now(t.db(), "far").await.unwrap()).await.unwrap();
    assert_eq!((job.name.as_str(), job.queue.as_str()), ("Far", "elsewhere"));
}

async fn replacing_adds_what_is_not_there(t: Database) {
    cron::replace(t.db(), "hourly", hourly(), Ping::new()).await.unwrap();
    assert_eq!(schedule(&t, "hourly").await.expression, "0 * * * *");
    let add = |_| cron::replace(t.db(), "another", hourly(), Ping::new());
    let replaced = futures_util::future::join_all((0..8).map(add)).await;
    assert!(replaced.iter().all(Result::is_ok), "{replaced:?}");
}

async fn replacing_changes_all_but_whether_it_is_paused(t: Database) {
    cron::add(t.db(), "report", hourly(), Ping::new()).await.unwrap();
    cron::pause(t.db(), "report").await.unwrap();
    let before = schedule(&t, "report").await;
    let nightly = Cron::new("0 3 * * *").timezone("Asia/Tokyo").missed(Missed::Skip);
    let options = JobOptions::new().user("ada");
    cron::replace(t.db(), "report", nightly, Add::new(5).with_options(options.clone())).await.unwrap();
    let after = schedule(&t, "report").await;
    assert_eq!((after.job.as_str(), after.expression.as_str()), ("Add", "0 3 * * *"));
    assert_eq!((after.timezone.as_str(), after.missed), ("Asia/Tokyo", Missed::Skip));
    assert_eq!((after.parameters, after.options), (json!({"a": 5, "b": 1}), options));
    assert_eq!((after.paused_at, after.created_at), (before.paused_at, before.created_at));
    cron::resume(t.db(), "report").await.unwrap();
    let next = schedule(&t, "report").await.next_at.unwrap();
    assert_eq!(next.format("%H:%M").to_string(), "18:00");
}

async fn replacing_keeps_the_next_time_where_the_times_are_the_same(t: Database) {
    cron::add(t.db(), "nightly", Cron::new("0 3 * * *"), Ping::new()).await.unwrap();
    // It was missed, and is still to be fired.
    let past = t.seconds_from_now(-3600);
    t.execute(&format!("UPDATE jobs_cron SET next_at = {past}")).await;
    let missed = schedule(&t, "nightly").await.next_at;
    cron::replace(t.db(), "nightly", Cron::new("0 3 * * *").missed(Missed::All(3)), Add::new(1)).await.unwrap();
    assert_eq!(schedule(&t, "nightly").await.next_at, missed);
    cron::replace(t.db(), "nightly", Cron::new("0 3 * * *").timezone("Asia/Tokyo"), Add::new(1)).await.unwrap();
    assert!(schedule(&t, "nightly").await.next_at > missed);
}

async fn a_definition_s_schedule_is_not_replaced(t: Database) {
    cron::add(t.db(), "Ping", hourly(), Ping::new()).await.unwrap();
    t.execute("UPDATE jobs_cron SET source = 'definition'").await;
    assert_eq!(refused(cron::replace(t.db(), "Ping", yearly(), Ping::new()).await), "name");
    let ping = schedule(&t, "Ping").await;
    assert_eq!((ping.source, ping.expression.as_str()), (CronSource::Definition, "0 * * * *"));
    // It can be paused and removed.
    cron::pause(t.db(), "Ping").await.unwrap();
    cron::remove(t.db(), "Ping").await.unwrap();
}

async fn replacing_what_another_removes_in_the_same_moment_adds_or_changes_it(t: Database) {
    for _ in 0..100 {
        let replace = cron::replace(t.db(), "sync", hourly(), Ping::new());
        let (replaced, removed) = futures_util::future::join(replace, cron::remove(t.db(), "sync")).await;
        replaced.unwrap();
        assert!(matches!(removed, Ok(()) | Err(Error::NoSchedule { .. })), "{removed:?}");
    }
}

async fn a_paused_schedule_has_no_next_time_until_it_is_resumed(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Ping::new()).await.unwrap();
    let next_at = schedule(&t, "hourly").await.next_at;
    assert!(next_at.is_some());
    cron::pause(t.db(), "hourly").await.unwrap();
    let paused = schedule(&t, "hourly").await;
    assert_eq!((paused.next_at, paused.next_times(3)), (None, vec![]));
    assert!(paused.paused_at >= Some(paused.created_at));
    // Meanwhile its time has passed.
    let past = t.seconds_from_now(-7200);
    t.execute(&format!("UPDATE jobs_cron SET next_at = {past}")).await;
    cron::resume(t.db(), "hourly").await.unwrap();
    let resumed = schedule(&t, "hourly").await;
    assert_eq!(resumed.paused_at, None);
    assert!(resumed.next_at >= next_at, "what has passed while it was paused is not made up for");
}

async fn pausing_again_and_resuming_again_change_nothing(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Ping::new()).await.unwrap();
    cron::pause(t.db(), "hourly").await.unwrap();
    let paused = schedule(&t, "hourly").await;
    // Later, on a database whose clock is a millisecond's.
    tokio::time::sleep(Duration::from_millis(5)).await;
    cron::pause(t.db(), "hourly").await.unwrap();
    assert_eq!(schedule(&t, "hourly").await, paused);
    cron::resume(t.db(), "hourly").await.unwrap();
    let past = t.seconds_from_now(-7200);
    t.execute(&format!("UPDATE jobs_cron SET next_at = {past}")).await;
    let missed = schedule(&t, "hourly").await;
    cron::resume(t.db(), "hourly").await.unwrap();
    assert_eq!(schedule(&t, "hourly").await, missed, "it is still to be fired");
}

async fn what_is_removed_is_gone_with_its_history(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Ping::new()).await.unwrap();
    let job = cron::run_now(t.db(), "hourly").await.unwrap();
    cron::remove(t.db(), "hourly").await.unwrap();
    assert_eq!(names(&t).await, [""; 0]);
    assert_eq!(jobs::status(t.db(), job).await.unwrap(), JobStatus::Scheduled);
    cron::add(t.db(), "hourly", hourly(), Ping::new()).await.unwrap();
    assert_eq!(cron::history(t.db(), "hourly").await.unwrap(), []);
}

async fn a_schedule_that_is_not_there_is_said_to_be_missing(t: Database) {
    let missing = |error: Error| matches!(error, Error::NoSchedule { name } if name == "none");
    assert!(missing(cron::pause(t.db(), "none").await.unwrap_err()));
    assert!(missing(cron::resume(t.db(), "none").await.unwrap_err()));
    assert!(missing(cron::remove(t.db(), "none").await.unwrap_err()));
    assert!(missing(cron::run_now(t.db(), "none").await.unwrap_err()));
    assert!(missing(cron::history(t.db(), "none").await.unwrap_err()));
}

async fn running_now_schedules_a_job_as_the_schedule_would(t: Database) {
    let options = JobOptions::new().user("ada").priority(4).delay(Duration::from_hours(1));
    cron::add(t.db(), "configured", yearly(), Configured::new().with_number(7).with_options(options)).await.unwrap();
    cron::pause(t.db(), "configured").await.unwrap();
    let before = schedule(&t, "configured").await;
    let job = jobs::record(t.db(), cron::run_now(t.db(), "configured").await.unwrap()).await.unwrap();
    assert_eq!((job.name.as_str(), job.queue.as_str(), job.max_attempts), ("configured", "images", 3));
    assert_eq!((job.priority, job.user.as_deref(), &job.parameters), (4, Some("ada"), &json!({"number": 7})));
    assert_eq!((job.scheduled_at - job.created_at).num_minutes(), 60);
    let nominal = job.nominal_time.unwrap();
    assert!((nominal - job.created_at).abs() < TimeDelta::seconds(10), "{job:?}");
    let history = cron::history(t.db(), "configured").await.unwrap();
    assert_eq!((history.len(), history[0].job, history[0].nominal_time), (1, Some(job.id), nominal));
    let after = schedule(&t, "configured").await;
    assert_eq!((after.next_at, after.last_at), (before.next_at, Some(nominal)));
    // Those who ask at once have a job each, the newest first.
    let again = futures_util::future::join_all((0..4).map(|_| cron::run_now(t.db(), "configured"))).await;
    assert!(again.iter().all(Result::is_ok), "{again:?}");
    let history = cron::history(t.db(), "configured").await.unwrap();
    assert_eq!((history.len(), total(&t).await), (5, 5));
    assert!(history.is_sorted_by(|newer, older| newer.nominal_time > older.nominal_time), "{history:?}");
}

async fn running_now_in_a_transaction_that_is_rolled_back_leaves_nothing(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Ping::new()).await.unwrap();
    let transaction = t.db().begin().await.unwrap();
    cron::run_now(&transaction, "hourly").await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!((total(&t).await, cron::history(t.db(), "hourly").await.unwrap().len()), (0, 0));
}

async fn a_schedule_that_is_removed_while_it_is_run_now_leaves_no_firing(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Ping::new()).await.unwrap();
    let transaction = t.db().begin().await.unwrap();
    cron::run_now(&transaction, "hourly").await.unwrap();
    let (removed, committed) =
        futures_util::future::join(cron::remove(t.db(), "hourly"), after_a_while(transaction.commit())).await;
    removed.unwrap();
    committed.unwrap();
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_cron_firing").await, 0);
}

async fn a_schedule_that_is_run_now_while_it_is_removed_is_not_there(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Ping::new()).await.unwrap();
    let transaction = t.db().begin().await.unwrap();
    cron::remove(&transaction, "hourly").await.unwrap();
    let (run, committed) =
        futures_util::future::join(cron::run_now(t.db(), "hourly"), after_a_while(transaction.commit())).await;
    committed.unwrap();
    assert!(matches!(run, Err(Error::NoSchedule { .. })), "{run:?}");
    assert_eq!((total(&t).await, t.number("SELECT COUNT(*) FROM jobs_cron_firing").await), (0, 0));
}

/// When others have had the time to come to it, and wait.
async fn after_a_while<T>(what: impl Future<Output = T>) -> T {
    tokio::time::sleep(Duration::from_millis(300)).await;
    what.await
}

async fn secret_parameters_are_not_shown(t: Database) {
    let parameters = json!({"text": {"$secret": "hunter2"}});
    cron::add_by_name(t.db(), "note", yearly(), "Note", parameters, JobOptions::new()).await.unwrap();
    let note = schedule(&t, "note").await;
    assert_eq!((&note.parameters, &note.secrets[..]), (&json!({"text": "•••"}), &["text".to_owned()][..]));
    assert!(!format!("{note:?}{}", json!(note)).contains("hunter2"));
    let job = cron::run_now(t.db(), "note").await.unwrap();
    assert_eq!(jobs::record(t.db(), job).await.unwrap().parameters, json!({"text": "•••"}));
    assert_eq!(jobs::reveal_parameter::<String>(t.db(), job, "text").await.unwrap(), "hunter2");
    crate::common::work(&t).await;
    assert_eq!(jobs::output::<String>(t.db(), job).await.unwrap(), "hunter2");
}

async fn records_serialise(t: Database) {
    cron::add(t.db(), "note", hourly().missed(Missed::All(4)), Note::new("a")).await.unwrap();
    cron::run_now(t.db(), "note").await.unwrap();
    let note = json!(schedule(&t, "note").await);
    assert_eq!((&note["job"], &note["missed"], &note["source"]), (&json!("Note"), &json!("all(4)"), &json!("runtime")));
    assert!(note["next_at"].is_string() && note["paused_at"].is_null(), "{note}");
    assert!(json!(cron::history(t.db(), "note").await.unwrap())[0]["job"].is_number());
}
