//! Schedules that are paused, resumed, removed and run now.

use std::time::Duration;

use chrono::TimeDelta;
use jobs::cron;
use jobs::prelude::*;
use jobs::{Error, JobOptions};
use jobs_tests::{Database, cases};
use sea_orm::TransactionTrait as _;
use serde_json::json;

use crate::cron::{hourly, names, schedule, yearly};
use crate::support::common::total;
use crate::support::definitions::{Configured, Ping};

cases![
    a_paused_schedule_has_no_next_time_until_it_is_resumed,
    pausing_again_and_resuming_again_change_nothing,
    what_is_removed_is_gone_with_its_history,
    a_schedule_that_is_not_there_is_said_to_be_missing,
    running_now_schedules_a_job_as_the_schedule_would,
    running_now_in_a_transaction_that_is_rolled_back_leaves_nothing,
    a_schedule_that_is_removed_while_it_is_run_now_leaves_no_firing,
    a_schedule_that_is_run_now_while_it_is_removed_is_not_there,
];

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
    // Later, on a database whose clock counts milliseconds.
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
    let missing = |error: Error| matches!(error, Error::NoSchedule { name, .. } if name == "none");
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
    // Simultaneous calls get a job each, the newest first.
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

/// Awaits `what` when others have had the time to get there, and wait.
async fn after_a_while<T>(what: impl Future<Output = T>) -> T {
    tokio::time::sleep(Duration::from_millis(300)).await;
    what.await
}
