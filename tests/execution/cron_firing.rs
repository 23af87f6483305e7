//! Schedules as workers fire them: each time once, whichever worker does.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use jobs::cron::{self, Cron, CronRecord, Firing, Missed};
use jobs::prelude::*;
use jobs::testing::advance;
use jobs::{JobFilter, JobOptions, JobRecord};
use jobs_tests::{Database, Gate, Running, cases, soon};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use crate::cron_definitions::Far;
use crate::support::definitions::{Add, Play, Script, idle_worker, work, worker};
use crate::support::rows::until;

cases![
    four_workers_fire_each_time_once,
    a_schedule_that_is_added_while_a_worker_runs_fires,
    a_job_knows_the_time_for_which_it_was_scheduled,
    a_job_that_was_scheduled_by_itself_has_no_such_time,
    what_was_run_now_is_executed_and_the_next_time_stays,
    a_worker_fires_only_the_schedules_of_jobs_that_it_knows,
    jobs_of_a_schedule_go_to_the_default_queue_of_the_worker,
    a_time_for_which_a_schedule_has_fired_is_not_fired_again,
    the_latest_hundred_firings_are_kept,
    a_thousand_schedules_that_are_due_together_fire_once_each,
];

pub(crate) const HOUR: Duration = Duration::from_hours(1);

fn every_second() -> Cron {
    Cron::new("* * * * * *")
}

/// Every hour, half an hour from now: what was due last is long past, and no full hour comes meanwhile.
pub(crate) fn hourly() -> Cron {
    let minute = (Utc::now() + TimeDelta::minutes(30)).minute();
    Cron::new(format!("{minute} * * * *"))
}

pub(crate) async fn all_jobs(t: &Database) -> Vec<JobRecord> {
    let mut jobs = jobs::list(t.db(), JobFilter::new().limit(1000)).await.unwrap().jobs;
    jobs.reverse();
    jobs
}

pub(crate) async fn schedule(t: &Database, name: &str) -> CronRecord {
    let found = cron::list(t.db()).await.unwrap().into_iter().find(|schedule| schedule.name == name);
    found.unwrap_or_else(|| panic!("no schedule `{name}`"))
}

pub(crate) async fn history(t: &Database, name: &str) -> Vec<Firing> {
    cron::history(t.db(), name).await.unwrap()
}

/// Fires what is due, and executes it.
pub(crate) async fn idle(t: &Database) {
    work(t, |_| async { Ok(()) }).await;
}

async fn four_workers_fire_each_time_once(t: Database) {
    let gate = Gate::default();
    let mut workers = Vec::new();
    for _ in 0..4 {
        let gate = gate.clone();
        let script = Script::new(move |_| {
            gate.arrive();
            async { Ok(()) }
        });
        workers.push(Running::start(Worker::new(t.connect().await).state(script)));
    }
    // All of them: on a busy machine a worker may be late by more than a second.
    cron::add(t.db(), "often", every_second().missed(Missed::All(100)), Play::new()).await.unwrap();
    gate.arrivals(3).await;
    cron::pause(t.db(), "often").await.unwrap();
    for worker in workers {
        worker.stop().await;
    }
    let (jobs, history) = (all_jobs(&t).await, history(&t, "often").await);
    assert!(jobs.len() >= 3 && jobs.len() == history.len(), "{} jobs of {history:?}", jobs.len());
    let times: HashSet<_> = jobs.iter().map(|job| job.nominal_time.unwrap()).collect();
    assert_eq!(times.len(), jobs.len(), "each has a time of its own");
    assert_eq!(times, history.iter().map(|firing| firing.nominal_time).collect());
    assert!(times.iter().all(|time| time.nanosecond() == 0), "{times:?}");
    // Those in between are there, too.
    let (first, last) = (times.iter().min().unwrap(), times.iter().max().unwrap());
    assert_eq!(usize::try_from((*last - first).num_seconds()).unwrap() + 1, times.len());
}

async fn a_schedule_that_is_added_while_a_worker_runs_fires(t: Database) {
    let gate = Gate::default();
    let arrivals = gate.clone();
    let worker = Running::start(worker(&t, move |_| {
        arrivals.arrive();
        async { Ok(()) }
    }));
    // The worker is up, and has polled.
    Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let begun = std::time::Instant::now();
    cron::add(t.db(), "often", every_second(), Play::new()).await.unwrap();
    gate.arrivals(1).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "it heard of it: {:?}", begun.elapsed());
    worker.stop().await;
}

async fn a_job_knows_the_time_for_which_it_was_scheduled(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Play::new()).await.unwrap();
    let next = schedule(&t, "hourly").await.next_at.unwrap();
    advance(t.db(), HOUR).await.unwrap();
    work(&t, |job| async move { Ok((job.nominal_time(), job.created_at())) }).await;
    let [job] = &all_jobs(&t).await[..] else { panic!("one job") };
    let nominal = next - TimeDelta::hours(1);
    assert_eq!((job.nominal_time, job.status), (Some(nominal), JobStatus::Terminated));
    let (seen, _): (Option<DateTime<Utc>>, DateTime<Utc>) = job.output().unwrap();
    assert_eq!(seen, Some(nominal));
    assert_eq!(history(&t, "hourly").await[0].job, Some(job.id));
    let after = schedule(&t, "hourly").await;
    assert_eq!(after.last_at, Some(nominal));
    assert!(after.next_at > Some(nominal));
}

async fn a_job_that_was_scheduled_by_itself_has_no_such_time(t: Database) {
    Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move { Ok(job.nominal_time()) }).await;
    let [job] = &all_jobs(&t).await[..] else { panic!("one job") };
    assert_eq!((job.nominal_time, job.output::<Option<String>>().unwrap()), (None, None));
}

async fn what_was_run_now_is_executed_and_the_next_time_stays(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Play::new()).await.unwrap();
    let before = schedule(&t, "hourly").await.next_at;
    let id = cron::run_now(t.db(), "hourly").await.unwrap();
    work(&t, |job| async move { Ok(job.nominal_time().is_some()) }).await;
    assert!(jobs::output::<bool>(t.db(), id).await.unwrap());
    assert_eq!(schedule(&t, "hourly").await.next_at, before);
}

async fn a_worker_fires_only_the_schedules_of_jobs_that_it_knows(t: Database) {
    let options = JobOptions::new();
    cron::add(t.db(), "far", hourly(), jobs::NamedJob::new("Far", serde_json::json!({})).with_options(options))
        .await
        .unwrap();
    advance(t.db(), 2 * HOUR).await.unwrap();
    idle(&t).await;
    assert_eq!(all_jobs(&t).await, []);
    soon(idle_worker(&t).register::<Far>().run_until_idle()).await.unwrap();
    let [job] = &all_jobs(&t).await[..] else { panic!("one job: it was missed until now") };
    // Whoever fires knows its definition.
    assert_eq!((job.name.as_str(), job.queue.as_str(), job.max_attempts), ("Far", "far", 7));
}

async fn jobs_of_a_schedule_go_to_the_default_queue_of_the_worker(t: Database) {
    cron::add(t.db(), "add", hourly(), Add::new(1)).await.unwrap();
    advance(t.db(), HOUR).await.unwrap();
    soon(idle_worker(&t).jobs_queue("mine").run_until_idle()).await.unwrap();
    let [job] = &all_jobs(&t).await[..] else { panic!("one job") };
    assert_eq!((job.queue.as_str(), job.status), ("mine", JobStatus::Terminated));
}

async fn a_time_for_which_a_schedule_has_fired_is_not_fired_again(t: Database) {
    cron::add(t.db(), "hourly", hourly(), Play::new()).await.unwrap();
    let past = t.seconds_from_now(-10);
    t.execute(&format!("UPDATE jobs_cron SET next_at = {past}")).await;
    let due = schedule(&t, "hourly").await.next_at.unwrap();
    idle(&t).await;
    let fired = all_jobs(&t).await;
    assert_eq!(fired.len(), 1);
    // The clock of the database is put back, or a backup is restored.
    t.execute("UPDATE jobs_cron SET next_at = (SELECT MAX(nominal_at) FROM jobs_cron_firing)").await;
    assert_eq!(schedule(&t, "hourly").await.next_at, Some(due));
    idle(&t).await;
    assert_eq!(all_jobs(&t).await, fired);
    assert!(schedule(&t, "hourly").await.next_at > Some(due));
}

async fn the_latest_hundred_firings_are_kept(t: Database) {
    cron::add(t.db(), "often", every_second().missed(Missed::All(100)), Play::new()).await.unwrap();
    for _ in 0..2 {
        advance(t.db(), Duration::from_mins(2)).await.unwrap();
        idle(&t).await;
    }
    assert!(all_jobs(&t).await.len() >= 200);
    let kept = history(&t, "often").await;
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_cron_firing").await, 100);
    assert_eq!(kept.len(), 100);
    assert!(kept.iter().all(|firing| firing.job.is_some()), "{kept:?}");
    assert!(kept[0].nominal_time > Utc::now() - TimeDelta::minutes(1), "the latest: {:?}", kept[0]);
}

async fn a_thousand_schedules_that_are_due_together_fire_once_each(t: Database) {
    cron::add(t.db(), "0", hourly(), Play::new()).await.unwrap();
    let copy = |number: u32| {
        format!(
            "INSERT INTO jobs_cron (name, job, expression, timezone, parameters, options, missed, source, next_at, created_at)
             SELECT '{number}', job, expression, timezone, parameters, options, 'skip', source, next_at, created_at
             FROM jobs_cron WHERE name = '0'"
        )
    };
    let transaction = t.db().begin().await.unwrap();
    for number in 1..1000 {
        transaction.execute_unprepared(&copy(number)).await.unwrap();
    }
    transaction.commit().await.unwrap();
    let due = t.seconds_from_now(-1);
    t.execute(&format!("UPDATE jobs_cron SET next_at = {due}")).await;
    let workers = [(); 2].map(|()| Running::start(worker(&t, |_| async { Ok(()) })));
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_cron_firing").await == 1000 }).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE nominal_at IS NOT NULL").await, 1000, "each once");
    assert_eq!(t.number("SELECT COUNT(DISTINCT job_id) FROM jobs_cron_firing").await, 1000);
}
