//! Replacing schedules.

use jobs::cron::{self, Cron, CronSource, Missed};
use jobs::{Error, JobOptions};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::cron::{hourly, schedule, yearly};
use crate::support::common::refused;
use crate::support::definitions::{Add, Ping};

cases![
    replacing_adds_what_is_not_there,
    replacing_changes_all_but_whether_it_is_paused,
    replacing_keeps_the_next_time_where_the_times_are_the_same,
    a_definition_s_schedule_is_not_replaced,
    replacing_what_another_removes_in_the_same_moment_adds_or_changes_it,
];

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
