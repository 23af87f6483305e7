//! Schedules that can't be fired: they do not hold up any other.

use std::time::Duration;

use chrono::Utc;
use jobs::JobOptions;
use jobs::cron;
use jobs::testing::advance;
use jobs_tests::{Database, Gate, Kind, Running, cases, soon};
use sea_orm::TransactionTrait as _;

use crate::cron_firing::{HOUR, all_jobs, history, hourly, idle, schedule};
use crate::support::definitions::{Play, idle_worker, worker};
use crate::support::rows::until;
use crate::support::telemetry::seen;

cases![
    a_schedule_that_can_t_be_read_holds_up_no_other_and_is_left_to_who_can,
    a_schedule_whose_key_an_open_transaction_holds_holds_up_no_other,
    a_schedule_that_the_database_refuses_holds_up_no_other,
    a_schedule_that_can_t_be_read_is_told_of_where_others_are_refused,
];

async fn a_schedule_that_can_t_be_read_holds_up_no_other_and_is_left_to_who_can(t: Database) {
    for name in ["bad expression", "bad zone", "bad policy", "bad options", "good"] {
        cron::add(t.db(), name, hourly(), Play::new()).await.unwrap();
    }
    t.execute("UPDATE jobs_cron SET expression = 'daily' WHERE name = 'bad expression'").await;
    t.execute("UPDATE jobs_cron SET timezone = 'Europe/Atlantis' WHERE name = 'bad zone'").await;
    t.execute("UPDATE jobs_cron SET missed = 'perhaps' WHERE name = 'bad policy'").await;
    t.execute("UPDATE jobs_cron SET options = '{\"priority\": 1000}' WHERE name = 'bad options'").await;
    advance(t.db(), HOUR).await.unwrap();
    idle(&t).await;
    let jobs = all_jobs(&t).await;
    assert_eq!(jobs.len(), 1, "{jobs:?}");
    assert_eq!(history(&t, "good").await[0].job, Some(jobs[0].id));
    for name in ["bad expression", "bad zone", "bad policy", "bad options"] {
        assert!(schedule(&t, name).await.next_at.is_some_and(|due| due < Utc::now()), "{name}");
    }
    assert!(schedule(&t, "bad zone").await.description.contains("`Europe/Atlantis` is not a time zone"));
    // Once it is corrected, its time is made up for.
    t.execute("UPDATE jobs_cron SET timezone = 'UTC' WHERE name = 'bad zone'").await;
    idle(&t).await;
    assert_eq!(history(&t, "bad zone").await[0].job, Some(all_jobs(&t).await[1].id));
}

async fn a_schedule_whose_key_an_open_transaction_holds_holds_up_no_other(t: Database) {
    if !t.kind().locks_rows() {
        // An open transaction that has written holds up all writers.
        return;
    }
    let unique = || Play::new().with_options(JobOptions::new().unique_key("held"));
    cron::add(t.db(), "held", hourly(), unique()).await.unwrap();
    for name in ["one", "two", "three"] {
        cron::add(t.db(), name, hourly(), Play::new()).await.unwrap();
    }
    let (early, late) = (t.seconds_from_now(-60), t.seconds_from_now(-1));
    t.execute(&format!("UPDATE jobs_cron SET next_at = CASE WHEN name = 'held' THEN {early} ELSE {late} END")).await;
    let transaction = t.db().begin().await.unwrap();
    let holder = unique().schedule(&transaction).await.unwrap();
    let gate = Gate::default();
    let arrivals = gate.clone();
    let worker = Running::start(worker(&t, move |_| {
        arrivals.arrive();
        async { Ok(()) }
    }));
    let begun = std::time::Instant::now();
    gate.arrivals(3).await;
    assert!(begun.elapsed() < Duration::from_secs(20), "not when the lease is over: {:?}", begun.elapsed());
    assert_eq!(history(&t, "held").await, []);
    // Another that becomes due meanwhile.
    let due = t.seconds_from_now(0);
    t.execute(&format!("UPDATE jobs_cron SET next_at = {due} WHERE name = 'one'")).await;
    cron::add(t.db(), "not due", hourly(), Play::new()).await.unwrap();
    gate.arrivals(1).await;
    transaction.commit().await.unwrap();
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_cron_firing WHERE schedule = 'held'").await == 1 }).await;
    worker.stop().await;
    let fired = history(&t, "held").await[0].job;
    assert!(fired.is_some_and(|fired| fired >= holder.id()), "the one that held the key, or the next: {fired:?}");
}

async fn a_schedule_that_the_database_refuses_holds_up_no_other(t: Database) {
    for name in ["refused", "one", "two"] {
        cron::add(t.db(), name, hourly(), Play::new()).await.unwrap();
    }
    refuse(&t).await;
    idle(&t).await;
    assert_eq!(all_jobs(&t).await.len(), 2);
    assert!(schedule(&t, "refused").await.next_at.is_some_and(|due| due < Utc::now()), "it is still due");
}

/// Schedules with such a name are due, before all others, and the database refuses their firings, for example by a user's own check.
async fn refuse(t: &Database) {
    let check = match t.kind() {
        Kind::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON jobs_cron_firing WHEN NEW.schedule LIKE 'refused%'
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        }
        _ => "ALTER TABLE jobs_cron_firing ADD CONSTRAINT refuse CHECK (schedule NOT LIKE 'refused%')",
    };
    t.execute(check).await;
    let (early, late) = (t.seconds_from_now(-60), t.seconds_from_now(-1));
    let is_refused = "name LIKE 'refused%'";
    t.execute(&format!("UPDATE jobs_cron SET next_at = CASE WHEN {is_refused} THEN {early} ELSE {late} END")).await;
}

async fn a_schedule_that_can_t_be_read_is_told_of_where_others_are_refused(t: Database) {
    // So many that the schedules are not at fault.
    for number in 0..10 {
        cron::add(t.db(), &format!("refused {number}"), hourly(), Play::new()).await.unwrap();
    }
    let unreadable = format!("unreadable in {}", t.name());
    cron::add(t.db(), &unreadable, hourly(), Play::new()).await.unwrap();
    t.execute("UPDATE jobs_cron SET expression = 'daily' WHERE name LIKE 'unreadable%'").await;
    refuse(&t).await;
    soon(idle_worker(&t).run_until_idle()).await.unwrap_err();
    assert_eq!(seen("schedule", &unreadable).len(), 1);
}
