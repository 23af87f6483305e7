//! What frees a slot of a limit, and who learns of it.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{JobStatus, WaitReason};
use jobs_tests::{Database, Running, cases, soon};

use crate::support::{Call, Free, Stage, Three, call, start, stop, until, watch_until_terminated, work, worker};

cases![
    the_next_job_starts_when_one_has_ended_and_not_at_the_next_poll,
    whatever_ends_an_attempt_frees_its_slot,
    the_jobs_of_a_worker_that_is_gone_hold_their_slots_until_they_are_rescued,
    a_worker_that_runs_until_idle_returns_when_only_limits_hold_jobs_back,
    why_says_which_limit_is_reached_and_who_holds_it,
    a_running_job_that_was_claimed_without_a_limit_counts_once_there_is_one,
];

async fn the_next_job_starts_when_one_has_ended_and_not_at_the_next_poll(t: Database) {
    jobs::schedule_all(t.db(), (0..40).map(|_| Call { account: "acme".into(), ms: 1 })).await.unwrap();
    let stage = Stage::default();
    let patient = worker(&t, &stage, 10).poll_interval(Duration::from_mins(1));
    let workers = vec![Running::start(patient)];
    // Twenty polls would take far longer than the patience of the tests.
    watch_until_terminated(&t, 40).await;
    stop(workers).await;
    assert_eq!(stage.most("acme"), 2);
}

async fn whatever_ends_an_attempt_frees_its_slot(t: Database) {
    /// Ends in every way.
    #[derive(Job, Debug)]
    #[job(queue = "ends", retry = fixed("1h"), timeout = "200ms", limit(running = 1))]
    #[job_params]
    struct End {
        how: u32,
    }

    impl Execute for End {
        type Output = ();

        async fn execute(&self, job: &JobContext) -> JobResult {
            match self.how() {
                0 => Ok(()),
                1 => Err("an error".into()),
                2 => panic!("a panic"),
                3 => Err(JobError::snooze(Duration::from_hours(1))),
                4 => {
                    job.stop_requested().await;
                    Ok(())
                }
                5 => Err(JobError::cancel("not wanted")),
                _ => Err(JobError::fail("for good")),
            }
        }
    }

    let ends = (0..21).map(|number| End { how: number % 7 });
    jobs::schedule_all(t.db(), ends).await.unwrap();
    soon(Worker::new(t.db().clone()).state(Stage::default()).queue("ends", 5).run_until_idle()).await.unwrap();
    // Each has had its attempt: a snooze counts none, and leaves the number of the last one higher.
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE version < 2").await, 0);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 1").await, 0);
}

async fn the_jobs_of_a_worker_that_is_gone_hold_their_slots_until_they_are_rescued(t: Database) {
    jobs::schedule_all(t.db(), (0..6).map(|_| call("acme"))).await.unwrap();
    let (stage, gate) = Stage::with_gate();
    let lost = Running::start(worker(&t, &stage, 10).lease(Duration::from_secs(2)));
    gate.arrivals(2).await;
    lost.crash();
    let (second, open) = Stage::with_gate();
    open.open(10_000);
    let workers = vec![Running::start(worker(&t, &second, 10).lease(Duration::from_secs(2)))];
    let rows = watch_until_terminated(&t, 6).await;
    stop(workers).await;
    assert!(rows.values().all(|most| *most <= 2), "{rows:?}");
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_attempt WHERE how = 'lost'").await, 2);
}

async fn a_worker_that_runs_until_idle_returns_when_only_limits_hold_jobs_back(t: Database) {
    jobs::schedule_all(t.db(), (0..5).map(|_| call("acme"))).await.unwrap();
    let (stage, gate) = Stage::with_gate();
    let workers = start(&t, &stage, 1, 10);
    gate.arrivals(2).await;
    jobs::schedule_all(t.db(), [call("other")]).await.unwrap();
    gate.arrivals(1).await;
    let idle = Stage::default();
    work(&t, &idle, 10).await;
    assert_eq!(idle.started(), []);
    gate.open(10_000);
    watch_until_terminated(&t, 6).await;
    stop(workers).await;
}

async fn why_says_which_limit_is_reached_and_who_holds_it(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..4).map(|_| call("acme"))).await.unwrap();
    let (stage, gate) = Stage::with_gate();
    let workers = start(&t, &stage, 1, 10);
    gate.arrivals(2).await;
    let why = jobs::why(t.db(), handles[3]).await.unwrap();
    let WaitReason::LimitReached { definition, counted_by, most, holders, .. } = &why.reasons[0] else {
        panic!("{why:?}")
    };
    assert_eq!((definition.as_str(), counted_by.as_deref(), *most), ("Call", Some("account=\"acme\""), 2));
    assert_eq!(*holders, [handles[0].id(), handles[1].id()]);
    assert!(matches!(why.reasons[1], WaitReason::Behind { jobs: 1, or_more: false, .. }), "{why:?}");
    // Another account is not held up by it.
    let other = call("other").schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    assert_eq!(other.status(t.db()).await.unwrap(), JobStatus::Running);
    gate.open(10_000);
    watch_until_terminated(&t, 5).await;
    stop(workers).await;
}

async fn a_running_job_that_was_claimed_without_a_limit_counts_once_there_is_one(t: Database) {
    jobs::schedule_all(t.db(), (0..3).map(|_| Three { ms: 0 })).await.unwrap();
    let (stage, gate) = Stage::with_gate();
    let mut workers = start(&t, &stage, 1, 10);
    gate.arrivals(3).await;
    // As if these three had been claimed by a release without a limit.
    t.execute("UPDATE jobs_job SET limit_key = '-' WHERE status = 1").await;
    t.execute("UPDATE jobs_limit SET running = NULL, counted_by = 'of another release' WHERE scope = 'Three'").await;
    workers.extend(start(&t, &stage, 1, 10));
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 1 AND limit_key = '*'").await == 3 }).await;
    jobs::schedule_all(t.db(), (0..5).map(|_| Three { ms: 0 })).await.unwrap();
    Free { ms: 0 }.schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    gate.open(10_000);
    watch_until_terminated(&t, 9).await;
    stop(workers).await;
    assert_eq!((stage.most("Three"), stage.most("Free")), (3, 1));
}
