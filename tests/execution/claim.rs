//! Which jobs a worker takes, in which order, and how many at once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jobs::prelude::*;
use jobs_tests::{Database, Gate, Running, cases, soon};
use sea_orm::{ConnectionTrait as _, Statement};

use crate::support::definitions::{Aside, Encore, Play, work, worker};
use crate::support::rows::{insert_job, until, until_status};

cases![
    jobs_run_in_the_order_of_priority_due_time_and_id_across_names,
    a_deep_backlog_of_many_priorities_and_names_runs_in_order,
    each_of_several_workers_starts_jobs_in_their_order,
    a_queue_beside_one_that_is_full_has_its_turn,
    each_queue_has_its_own_number_of_jobs_at_once,
    several_workers_execute_each_job_once,
    jobs_of_unknown_names_are_left_alone_and_hold_up_nobody,
    queues_that_are_not_served_are_left_alone,
    slow_jobs_spread_over_the_workers,
    what_was_claimed_ahead_and_does_not_start_is_given_back_untouched,
    a_job_that_was_due_long_before_a_deep_backlog_starts_before_it_is_through,
    jobs_on_their_last_attempt_do_not_leave_slots_free,
];

type Ids = Arc<Mutex<Vec<JobId>>>;

async fn jobs_run_in_the_order_of_priority_due_time_and_id_across_names(t: Database) {
    let ids = Ids::default();
    let now = chrono::Utc::now();
    for number in 0..24 {
        let priority = [0, 3, -2, 0][number % 4];
        let due = now - chrono::Duration::seconds([50, 10, 30][number % 3]);
        let options = JobOptions::new().priority(priority).at(due);
        if number % 5 < 2 {
            Play::new().with_options(options).schedule(t.db()).await.unwrap();
        } else {
            Encore::new().with_options(options).schedule(t.db()).await.unwrap();
        }
    }
    let worker = worker(&t, |job| async move {
        job.state::<Ids>().lock().unwrap().push(job.id());
        Ok(())
    });
    soon(worker.state(ids.clone()).queue("play", 1).run_until_idle()).await.unwrap();
    let mut expected = jobs::list(t.db(), jobs::JobFilter::new()).await.unwrap().jobs;
    expected.sort_by_key(|job| (job.priority, job.scheduled_at, job.id));
    let expected: Vec<_> = expected.into_iter().map(|job| job.id).collect();
    assert_eq!(*ids.lock().unwrap(), expected);
}

async fn a_deep_backlog_of_many_priorities_and_names_runs_in_order(t: Database) {
    const JOBS: usize = 1_500;
    let ids = Ids::default();
    let now = chrono::Utc::now();
    let options = |number: usize| {
        // Some priorities have a hundred times as many jobs as others, and some due times many jobs.
        let priority = if number.is_multiple_of(7) { i16::try_from(number % 40).unwrap() } else { 20 };
        JobOptions::new().priority(priority).at(now - Duration::from_secs(u64::try_from(number * 7_919 % 300).unwrap()))
    };
    let (encores, plays): (Vec<_>, Vec<_>) = (0..JOBS).partition(|number| number.is_multiple_of(11) || *number > 1_300);
    jobs::schedule_all(t.db(), plays.iter().map(|number| Play::new().with_options(options(*number)))).await.unwrap();
    jobs::schedule_all(t.db(), encores.iter().map(|number| Encore::new().with_options(options(*number))))
        .await
        .unwrap();
    let worker = worker(&t, |job| async move {
        job.state::<Ids>().lock().unwrap().push(job.id());
        Ok(())
    });
    soon(worker.state(ids.clone()).queue("play", 1).run_until_idle()).await.unwrap();
    let order = "SELECT id FROM jobs_job ORDER BY priority, scheduled_at, id";
    let rows = t.db().query_all_raw(Statement::from_string(t.db().get_database_backend(), order)).await.unwrap();
    let expected: Vec<i64> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    let ran: Vec<i64> = ids.lock().unwrap().iter().map(|id| id.to_string().parse().unwrap()).collect();
    assert_eq!(ran.len(), JOBS);
    let first_wrong = ran.iter().zip(&expected).position(|(ran, expected)| ran != expected);
    assert_eq!(first_wrong, None);
}

async fn each_of_several_workers_starts_jobs_in_their_order(t: Database) {
    const JOBS: usize = 5_000;
    jobs::schedule_all(t.db(), (0..JOBS).map(|_| Play::new())).await.unwrap();
    let mut workers = Vec::new();
    for _ in 0..10 {
        let ids = Ids::default();
        let worker = worker(&t, |job| async move {
            job.state::<Ids>().lock().unwrap().push(job.id());
            Ok(())
        });
        workers.push((ids.clone(), Running::start(worker.state(ids).queue("play", 1))));
    }
    let started = || workers.iter().map(|(ids, _)| ids.lock().unwrap().len()).sum::<usize>();
    until(|| async { started() == JOBS }).await;
    // A busy worker may have given back what it could not start within a second. Such a job comes later, and its version says so.
    let given_back = t.numbers("SELECT id FROM jobs_job WHERE version > 2").await;
    for (ids, worker) in workers {
        worker.stop().await;
        let mut ids = std::mem::take(&mut *ids.lock().unwrap());
        ids.retain(|id| !given_back.contains(&id.get()));
        let late: Vec<_> = ids.windows(2).filter(|pair| pair[0] > pair[1]).collect();
        assert!(late.is_empty(), "started after a worse one: {late:?}");
    }
}

async fn a_queue_beside_one_that_is_full_has_its_turn(t: Database) {
    jobs::schedule_all(t.db(), (0..20_000).map(|_| Play::new())).await.unwrap();
    let worker = worker(&t, |_| async { Ok(()) });
    let running = Running::start(worker.queue("play", 1_000).queue("aside", 10));
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4").await > 500 }).await;
    // As another process schedules it: nothing here is notified.
    let aside = insert_job(&t, "Aside", "aside", "{}").await;
    until_status(&t, aside, JobStatus::Terminated).await;
    running.stop().await;
    let later = started_later(&t, aside).await;
    assert!(later > 1_000, "the other queue was through: {later} jobs had still to start");
}

/// The number of jobs that have not started, or that started later than this one.
async fn started_later(t: &Database, id: impl Into<JobId>) -> i64 {
    let started = format!("SELECT started_at FROM jobs_job WHERE id = {}", id.into());
    t.number(&format!("SELECT COUNT(*) FROM jobs_job WHERE started_at IS NULL OR started_at > ({started})")).await
}

/// How many execute at the moment, and the most that ever did, by queue.
type Executing = Arc<Mutex<HashMap<String, (usize, usize)>>>;

async fn each_queue_has_its_own_number_of_jobs_at_once(t: Database) {
    let (gate, executing) = (Gate::default(), Executing::default());
    let worker = worker(&t, |job| async move {
        let change = |by: isize| {
            let mut executing = job.state::<Executing>().lock().unwrap();
            let (now, most) = executing.entry(job.queue().to_owned()).or_default();
            *now = now.checked_add_signed(by).unwrap();
            *most = (*now).max(*most);
        };
        change(1);
        job.state::<Gate>().pass().await;
        change(-1);
        Ok(())
    });
    jobs::schedule_all(t.db(), (0..30).map(|_| Play::new())).await.unwrap();
    jobs::schedule_all(t.db(), (0..30).map(|_| Aside::new())).await.unwrap();
    let worker = worker.state(gate.clone()).state(executing.clone());
    let running = Running::start(worker.queue("play", 3).queue("aside", 2));
    // All that may run at once do.
    gate.arrivals(5).await;
    gate.open(60);
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4").await == 60 }).await;
    running.stop().await;
    let expected = [("play".to_owned(), (0, 3)), ("aside".to_owned(), (0, 2))];
    assert_eq!(*executing.lock().unwrap(), HashMap::from(expected));
}

async fn several_workers_execute_each_job_once(t: Database) {
    const JOBS: usize = 500;
    type Executed = Arc<Mutex<HashMap<JobId, u32>>>;
    let executed = Executed::default();
    let mut running = Vec::new();
    for _ in 0..3 {
        let script = crate::support::definitions::Script::new(|job| async move {
            *job.state::<Executed>().lock().unwrap().entry(job.id()).or_default() += 1;
            Ok(())
        });
        let worker = Worker::new(t.connect().await).state(script).state(executed.clone());
        running.push(Running::start(worker.concurrency(7)));
    }
    for _ in 0..10 {
        jobs::schedule_all(t.db(), (0..JOBS / 10).map(|_| Play::new())).await.unwrap();
    }
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4").await == 500 }).await;
    for worker in running {
        worker.stop().await;
    }
    let times: Vec<u32> = executed.lock().unwrap().values().copied().collect();
    assert_eq!(times, [1; JOBS]);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE attempt = 1 AND version = 2").await, 500);
}

async fn jobs_of_unknown_names_are_left_alone_and_hold_up_nobody(t: Database) {
    let mut strangers = Vec::new();
    for number in 0..50 {
        let options = JobOptions::new().queue("play").priority(-5);
        let name = format!("Stranger{}", number % 5);
        strangers.push(jobs_tests::schedule_by_name_with(t.db(), &name, serde_json::json!({}), options).await.unwrap());
    }
    let known = jobs::schedule_all(t.db(), (0..10).map(|_| Play::new())).await.unwrap();
    let worker = worker(&t, |_| async { Ok("done") });
    soon(worker.queue("play", 2).run_until_idle()).await.unwrap();
    for handle in known {
        assert_eq!(handle.output(t.db()).await.unwrap(), "done");
    }
    for id in strangers {
        let record = jobs::record(t.db(), id).await.unwrap();
        assert_eq!((record.status, record.attempt, record.version), (JobStatus::Scheduled, 0, 0));
    }
}

async fn queues_that_are_not_served_are_left_alone(t: Database) {
    let served = Play::new().schedule(t.db()).await.unwrap();
    let elsewhere = Play::new().schedule(t.db()).queue("elsewhere").await.unwrap();
    // Names of queues compare byte by byte, on every database.
    let upper = insert_job(&t, "Aside", "ASIDE", "{}").await;
    work(&t, |_| async { Ok(()) }).await;
    assert_eq!(served.status(t.db()).await.unwrap(), JobStatus::Terminated);
    assert_eq!(elsewhere.record(t.db()).await.unwrap().attempt, 0);
    assert_eq!(jobs::status(t.db(), upper).await.unwrap(), JobStatus::Scheduled);
    let worker = worker(&t, |_| async { Ok(()) });
    soon(worker.queue("elsewhere", 1).run_until_idle()).await.unwrap();
    assert_eq!(elsewhere.status(t.db()).await.unwrap(), JobStatus::Terminated);
}

async fn slow_jobs_spread_over_the_workers(t: Database) {
    let gate = Gate::default();
    jobs::schedule_all(t.db(), (0..40).map(|_| Play::new())).await.unwrap();
    let slow = || {
        let slow = worker(&t, |job| async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            job.state::<Gate>().pass().await;
            Ok(())
        });
        slow.state(gate.clone())
    };
    let workers = [(); 2].map(|()| Running::start(slow().queue("play", 10)));
    for _ in 0..2 {
        gate.arrivals(20).await;
        gate.open(20);
    }
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4").await == 40 }).await;
    for worker in workers {
        worker.stop().await;
    }
    let shares = "SELECT COUNT(*) FROM jobs_job GROUP BY worker_id HAVING COUNT(*) = 20";
    assert_eq!(t.number(&format!("SELECT COUNT(*) FROM ({shares}) AS shares")).await, 2);
    // No worker had more than it could start, and gave it back.
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE version = 2").await, 40);
}

async fn what_was_claimed_ahead_and_does_not_start_is_given_back_untouched(t: Database) {
    let gate = Gate::default();
    let schedule_quick = async || jobs::schedule_all(t.db(), (0..300).map(|_| Play::new())).await.unwrap();
    schedule_quick().await;
    let behind = (0..200).map(|_| Encore::new().with_options(JobOptions::new().priority(1)));
    jobs::schedule_all(t.db(), behind).await.unwrap();
    let mixed = worker(&t, |job| async move {
        if job.name() == "Encore" {
            job.state::<Gate>().pass().await;
        }
        Ok(())
    });
    let running = Running::start(mixed.state(gate.clone()).queue("play", 2));
    let untouched =
        "SELECT COUNT(*) FROM jobs_job WHERE name = 'Encore' AND status = 0 AND attempt = 0 AND max_attempts = budget";
    let given_back = format!("{untouched} AND version = 2");
    let mut started = 0;
    loop {
        gate.arrivals(2).await;
        started += 2;
        // They have waited for a slot for too long: other workers may have them.
        until(|| async { t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 1").await == 2 }).await;
        if t.number(&given_back).await > 0 {
            break;
        }
        // On a busy machine, the quick jobs before them may not be quick enough for these to be prefetched.
        schedule_quick().await;
        gate.open(2);
    }
    running.tell_to_stop();
    gate.open(2);
    running.ended().await.unwrap();
    assert_eq!(t.number(untouched).await, 200 - started);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_attempt").await, 0);
}

async fn a_job_that_was_due_long_before_a_deep_backlog_starts_before_it_is_through(t: Database) {
    jobs::schedule_all(t.db(), (0..6_000).map(|_| Play::new())).await.unwrap();
    let quick = worker(&t, |_| async {
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(())
    });
    let running = Running::start(quick.queue("play", 4));
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4").await > 500 }).await;
    let early = Play::new().schedule(t.db()).at(chrono::Utc::now() - chrono::Duration::hours(1)).await.unwrap();
    // It looks behind its cursor every second; until then, the backlog stays large.
    let is_found = async {
        while early.status(t.db()).await.unwrap() == JobStatus::Scheduled {
            if t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 0").await < 3_000 {
                jobs::schedule_all(t.db(), (0..1_000).map(|_| Play::new())).await.unwrap();
            }
        }
    };
    soon(is_found).await;
    soon(early.wait(t.db())).await.unwrap();
    running.stop().await;
    assert!(started_later(&t, early).await > 0, "the backlog was through");
}

/// They are not prefetched: each has to be claimed when a slot is free.
async fn jobs_on_their_last_attempt_do_not_leave_slots_free(t: Database) {
    const SLEEP: Duration = Duration::from_millis(5);
    let time = async |max_attempts: u32| {
        let job = |_| Play::new().with_options(JobOptions::new().max_attempts(max_attempts));
        jobs::schedule_all(t.db(), (0..400).map(job)).await.unwrap();
        let worker = worker(&t, |_| async {
            tokio::time::sleep(SLEEP).await;
            Ok(())
        });
        let start = Instant::now();
        soon(worker.queue("play", 8).run_until_idle()).await.unwrap();
        start.elapsed()
    };
    let mut times = Vec::new();
    for _ in 0..5 {
        times.push((time(5).await, time(1).await));
        // If slots stayed free until the next poll, it would take nine times as long, each time.
        if times.iter().any(|(ahead, last)| *last < 6 * *ahead) {
            return;
        }
    }
    panic!("{times:?}");
}
