//! Schedules, as workers fire them: each time once, whoever does.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use jobs::cron::{self, Cron, CronRecord, Firing, Missed};
use jobs::prelude::*;
use jobs::testing::advance;
use jobs::{JobFilter, JobOptions, JobRecord, OnConflict};
use jobs_tests::{Database, Gate, Kind, Running, cases, soon};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use crate::cron_definitions::Far;
use crate::definitions::{Add, Play, Script, idle_worker, work, worker};
use crate::faults::until;

cases![
    four_workers_fire_each_time_once,
    a_schedule_that_is_added_while_a_worker_runs_fires,
    missed_times_are_skipped_fired_once_or_all_fired,
    times_that_come_while_a_schedule_is_paused_are_not_missed,
    a_job_knows_the_time_for_which_it_was_scheduled,
    a_job_that_was_scheduled_by_itself_has_no_such_time,
    what_was_run_now_is_executed_and_the_next_time_stays,
    a_worker_fires_only_the_schedules_of_jobs_that_it_knows,
    jobs_of_a_schedule_go_to_the_default_queue_of_the_worker,
    a_schedule_that_can_t_be_read_holds_up_no_other_and_is_left_to_who_can,
    a_time_for_which_a_schedule_has_fired_is_not_fired_again,
    times_of_a_unique_job_are_those_of_the_one_that_waits_or_runs,
    the_latest_hundred_firings_are_kept,
    time_that_passes_in_a_test_passes_for_schedules,
    a_thousand_schedules_that_are_due_together_fire_once_each,
    what_had_to_wait_while_a_worker_was_up_is_not_missed,
    what_came_while_a_worker_was_not_heard_of_is_missed,
    a_schedule_whose_key_an_open_transaction_holds_holds_up_no_other,
    a_schedule_that_the_database_refuses_holds_up_no_other,
    schedules_whose_jobs_replace_each_other_fire_together,
    the_time_for_which_a_job_of_a_schedule_holds_its_key_counts_from_its_nominal_time,
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
    let mut jobs = jobs::list(t.db(), JobFilter::new().limit(1000)).await.unwrap();
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
    // The worker is there, and has looked.
    Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let begun = std::time::Instant::now();
    cron::add(t.db(), "often", every_second(), Play::new()).await.unwrap();
    gate.arrivals(1).await;
    assert!(begun.elapsed() < Duration::from_secs(15), "it heard of it: {:?}", begun.elapsed());
    worker.stop().await;
}

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
    cron::add_by_name(t.db(), "far", hourly(), "Far", serde_json::json!({}), options).await.unwrap();
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
    assert!(schedule(&t, "bad zone").await.description.contains("`Europe/Atlantis` is no time zone"));
    // Put right, its time is made up for.
    t.execute("UPDATE jobs_cron SET timezone = 'UTC' WHERE name = 'bad zone'").await;
    idle(&t).await;
    assert_eq!(history(&t, "bad zone").await[0].job, Some(all_jobs(&t).await[1].id));
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
        // It has ended: the next time has a job of its own.
        let next = cron::run_now(t.db(), name).await.unwrap();
        assert_ne!(next, of_schedule.id);
        assert_eq!(cron::run_now(t.db(), name).await.unwrap(), next);
    }
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

/// A worker that is there, has looked at the schedules, and fires what is added.
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

/// Schedules that were due ten minutes ago, and for which nobody has fired.
async fn add_late(t: &Database, name: &str, missed: Missed) {
    let late = t.seconds_from_now(-600);
    let transaction = t.db().begin().await.unwrap();
    cron::add(&transaction, name, hourly().missed(missed), Play::new()).await.unwrap();
    transaction
        .execute_unprepared(&format!("UPDATE jobs_cron SET next_at = {late} WHERE name = '{name}'"))
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    // The worker hears of this one when the other is there.
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
    // It is heard of again with its next beat.
    t.execute(&format!("UPDATE jobs_worker SET started_at = {long_ago}, expires_at = {over}")).await;
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_worker WHERE resumed_at IS NOT NULL").await == 1 }).await;
    add_late(&t, "skip", Missed::Skip).await;
    add_late(&t, "once", Missed::Once).await;
    gate.arrivals(1).await;
    worker.stop().await;
    idle(&t).await;
    assert_eq!((history(&t, "once").await.len(), history(&t, "skip").await.len()), (1, 0));
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
    // Such as a check that somebody has added.
    let check = match t.kind() {
        Kind::Sqlite => {
            "CREATE TRIGGER refuse BEFORE INSERT ON jobs_cron_firing WHEN NEW.schedule = 'refused'
             BEGIN SELECT RAISE(ABORT, 'refused'); END"
        }
        _ => "ALTER TABLE jobs_cron_firing ADD CONSTRAINT refuse CHECK (schedule <> 'refused')",
    };
    t.execute(check).await;
    let (early, late) = (t.seconds_from_now(-60), t.seconds_from_now(-1));
    t.execute(&format!("UPDATE jobs_cron SET next_at = CASE WHEN name = 'refused' THEN {early} ELSE {late} END")).await;
    idle(&t).await;
    assert_eq!(all_jobs(&t).await.len(), 2);
    assert!(schedule(&t, "refused").await.next_at.is_some_and(|due| due < Utc::now()), "it is still due");
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
