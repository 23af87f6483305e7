//! The policy for times of schedules that have passed, with and without a worker that was up.

use chrono::{DateTime, TimeDelta, Utc};
use jobs::cron::{self, Cron, Missed};
use jobs::prelude::*;
use jobs::testing::advance;
use jobs_tests::{Database, Gate, Running, cases};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use crate::cron_firing::{HOUR, all_jobs, history, hourly, idle, schedule};
use crate::support::definitions::{Play, worker};
use crate::support::rows::until;

cases![
    missed_times_are_skipped_fired_once_or_all_fired,
    times_that_come_while_a_schedule_is_paused_are_not_missed,
    time_that_passes_in_a_test_passes_for_schedules,
    what_had_to_wait_while_a_worker_was_up_is_not_missed,
    what_came_while_a_worker_was_not_heard_of_is_missed,
];

async fn missed_times_are_skipped_fired_once_or_all_fired(t: Database) {
    for (name, missed) in
        [("skip", Missed::Skip), ("once", Missed::Once), ("two", Missed::All(2)), ("all", Missed::All(9))]
    {
        cron::add(t.db(), name, hourly().missed(missed), Play::new().with_name(name)).await.unwrap();
    }
    // The next time was in half an hour: it lies two and a half hours back, and two others have come after it.
    advance(t.db(), 3 * HOUR).await.unwrap();
    let missed: Vec<_> = (0..3).map(|hours| hours_after(&t, "all", hours)).collect();
    let missed = futures_util::future::join_all(missed).await;
    idle(&t).await;
    let jobs = all_jobs(&t).await;
    assert!(jobs.iter().all(|job| job.status == JobStatus::Terminated), "{jobs:?}");
    for (name, fired) in [("skip", &missed[3..]), ("once", &missed[2..]), ("two", &missed[1..]), ("all", &missed[..])] {
        let of_schedule = jobs.iter().filter(|job| job.parameter::<String>("name").unwrap() == name);
        let times: Vec<_> = of_schedule.map(|job| job.nominal_time.unwrap()).collect();
        assert_eq!(times, fired, "{name}: the latest, the oldest first");
        assert_eq!(schedule(&t, name).await.next_at, Some(missed[2] + TimeDelta::hours(1)));
    }
    // Nothing is left to be made up for.
    idle(&t).await;
    assert_eq!(all_jobs(&t).await.len(), jobs.len());
}

async fn hours_after(t: &Database, name: &str, hours: i64) -> DateTime<Utc> {
    schedule(t, name).await.next_at.unwrap() + TimeDelta::hours(hours)
}

async fn times_that_come_while_a_schedule_is_paused_are_not_missed(t: Database) {
    cron::add(t.db(), "hourly", hourly().missed(Missed::All(9)), Play::new()).await.unwrap();
    cron::pause(t.db(), "hourly").await.unwrap();
    advance(t.db(), 3 * HOUR).await.unwrap();
    idle(&t).await;
    cron::resume(t.db(), "hourly").await.unwrap();
    idle(&t).await;
    assert_eq!(all_jobs(&t).await, []);
    advance(t.db(), HOUR).await.unwrap();
    idle(&t).await;
    assert_eq!(all_jobs(&t).await.len(), 1);
}

async fn time_that_passes_in_a_test_passes_for_schedules(t: Database) {
    cron::add(t.db(), "nightly", Cron::new("0 3 * * *"), Play::new()).await.unwrap();
    for day in 1..=3 {
        advance(t.db(), 24 * HOUR).await.unwrap();
        idle(&t).await;
        assert_eq!(all_jobs(&t).await.len(), day, "one for each day");
        assert_eq!(history(&t, "nightly").await.len(), day);
    }
    idle(&t).await;
    assert_eq!(all_jobs(&t).await.len(), 3);
}

/// A worker that is up, has polled the schedules, and fires those that are added.
async fn a_worker(t: &Database) -> (Running, Gate) {
    let gate = Gate::default();
    let arrivals = gate.clone();
    let worker = Running::start(worker(t, move |_| {
        arrivals.arrive();
        async { Ok(()) }
    }));
    Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    (worker, gate)
}

/// Adds schedules that were due ten minutes ago and have not been fired.
async fn add_late(t: &Database, name: &str, missed: Missed) {
    let late = t.seconds_from_now(-600);
    let transaction = t.db().begin().await.unwrap();
    cron::add(&transaction, name, hourly().missed(missed), Play::new()).await.unwrap();
    transaction
        .execute_unprepared(&format!("UPDATE jobs_cron SET next_at = {late} WHERE name = '{name}'"))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    // The worker is notified of this one when the other exists.
    cron::add(t.db(), &format!("{name}, not due"), hourly(), Play::new()).await.unwrap();
}

async fn what_had_to_wait_while_a_worker_was_up_is_not_missed(t: Database) {
    let (worker, gate) = a_worker(&t).await;
    let long_ago = t.seconds_from_now(-3600);
    t.execute(&format!("UPDATE jobs_worker SET started_at = {long_ago}")).await;
    add_late(&t, "waited", Missed::Skip).await;
    gate.arrivals(1).await;
    worker.stop().await;
    assert_eq!(history(&t, "waited").await.len(), 1);
}

async fn what_came_while_a_worker_was_not_heard_of_is_missed(t: Database) {
    let (worker, gate) = a_worker(&t).await;
    let (long_ago, over) = (t.seconds_from_now(-3600), t.seconds_from_now(-1));
    // Its next heartbeat shows that it is alive.
    t.execute(&format!("UPDATE jobs_worker SET started_at = {long_ago}, expires_at = {over}")).await;
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_worker WHERE resumed_at IS NOT NULL").await == 1 }).await;
    add_late(&t, "skip", Missed::Skip).await;
    add_late(&t, "once", Missed::Once).await;
    gate.arrivals(1).await;
    worker.stop().await;
    idle(&t).await;
    assert_eq!((history(&t, "once").await.len(), history(&t, "skip").await.len()), (1, 0));
}
