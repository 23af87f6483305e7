//! Schedules of unique jobs: one that waits or runs is also the job of later times.

use std::time::Duration;

use jobs::cron::{self, Missed};
use jobs::testing::advance;
use jobs::{JobOptions, OnConflict};
use jobs_tests::{Database, cases};

use crate::cron_firing::{HOUR, all_jobs, history, hourly, idle};
use crate::support::definitions::Play;

cases![
    times_of_a_unique_job_are_those_of_the_one_that_waits_or_runs,
    schedules_whose_jobs_replace_each_other_fire_together,
    the_time_for_which_a_job_of_a_schedule_holds_its_key_counts_from_its_nominal_time,
];

async fn times_of_a_unique_job_are_those_of_the_one_that_waits_or_runs(t: Database) {
    let all = || hourly().missed(Missed::All(9));
    let job = |name: &str, on_conflict| {
        let options = JobOptions::new().unique_key(name).on_conflict(on_conflict);
        Play::new().with_name(name).with_options(options)
    };
    for (name, on_conflict) in [("use", OnConflict::UseExisting), ("fail", OnConflict::Fail)] {
        cron::add(t.db(), name, all(), job(name, on_conflict)).await.unwrap();
    }
    advance(t.db(), 3 * HOUR).await.unwrap();
    idle(&t).await;
    let jobs = all_jobs(&t).await;
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    for name in ["use", "fail"] {
        let of_schedule = jobs.iter().find(|job| job.parameter::<String>("name").unwrap() == name).unwrap();
        let history = history(&t, name).await;
        assert_eq!(history.iter().map(|firing| firing.job).collect::<Vec<_>>(), [Some(of_schedule.id); 3]);
        assert_eq!(of_schedule.nominal_time, Some(history[2].nominal_time), "the first, for which it was scheduled");
        // It has ended: the next time has a new job.
        let next = cron::run_now(t.db(), name).await.unwrap();
        assert_ne!(next, of_schedule.id);
        assert_eq!(cron::run_now(t.db(), name).await.unwrap(), next);
    }
}

async fn schedules_whose_jobs_replace_each_other_fire_together(t: Database) {
    for name in ["one", "two", "other"] {
        let on_conflict = if name == "other" { OnConflict::Fail } else { OnConflict::Replace };
        let options = JobOptions::new().unique_key("same").on_conflict(on_conflict);
        cron::add(t.db(), name, hourly(), Play::new().with_name(name).with_options(options)).await.unwrap();
    }
    cron::add(t.db(), "without a key", hourly(), Play::new()).await.unwrap();
    let due = t.seconds_from_now(-1);
    t.execute(&format!("UPDATE jobs_cron SET next_at = {due}")).await;
    idle(&t).await;
    let jobs = all_jobs(&t).await;
    assert_eq!(jobs.len(), 2, "{jobs:?}");
    for name in ["one", "two", "other"] {
        let fired = history(&t, name).await[0].job.unwrap();
        let fired = jobs.iter().find(|job| job.id == fired).unwrap();
        assert_ne!(fired.parameter::<String>("name").unwrap(), "", "the one with the key");
    }
}

async fn the_time_for_which_a_job_of_a_schedule_holds_its_key_counts_from_its_nominal_time(t: Database) {
    let options = JobOptions::new().unique_key("key").unique_within(Duration::from_secs(50));
    cron::add(t.db(), "unique", hourly(), Play::new().with_options(options)).await.unwrap();
    let fire_late = async |seconds: i64| {
        let before = history(&t, "unique").await.len();
        let due = t.seconds_from_now(-seconds);
        t.execute(&format!("UPDATE jobs_cron SET next_at = {due}")).await;
        idle(&t).await;
        assert_eq!(history(&t, "unique").await.len(), before + 1, "it has fired");
        history(&t, "unique").await.into_iter().max_by_key(|firing| firing.fired_at).unwrap().job.unwrap()
    };
    let first = fire_late(60).await;
    let second = fire_late(1).await;
    assert_ne!(first, second, "the first was late, and the second a minute after it");
    assert_eq!(fire_late(0).await, second, "it holds the key for 50 seconds");
    // What was missed counts from when it is made up for.
    t.execute("DELETE FROM jobs_unique").await;
    let made_up = fire_late(600).await;
    assert_eq!(fire_late(590).await, made_up);
}
