//! Workers and paused queues. Each queue here has a name that no other case uses: workers in one process hear of what other cases
//! schedule and pause.

use std::time::Duration;

use jobs::PauseOptions;
use jobs::prelude::*;
use jobs_tests::{Database, Gate, Kind, Running, cases, soon};
use sea_orm::TransactionTrait as _;

use crate::support::definitions::{Play, idle_worker, worker};
use crate::support::rows::{insert_job, until, until_status};

cases![
    a_paused_queue_is_not_claimed_from_and_others_go_on,
    a_job_that_runs_when_its_queue_is_paused_goes_on,
    a_queue_stays_paused_for_a_new_worker,
    a_worker_without_any_other_queue_returns_when_idle,
    a_resumed_queue_is_claimed_from_at_once,
    a_pause_that_ends_by_itself_is_obeyed_till_then,
    a_resume_that_commits_late_is_found,
    workers_obey_within_a_poll_interval_what_nobody_told_them_of,
    a_worker_with_more_than_it_can_do_obeys_within_a_poll_interval,
    what_was_claimed_ahead_goes_back_untouched,
    the_database_wakes_a_worker_for_a_resumed_queue if Kind::notifies,
];

/// So long that polling does not find the job in time.
const NEVER: Duration = Duration::from_mins(1);

/// How often workers poll that are not notified.
const OFTEN: Duration = Duration::from_millis(100);

async fn play<C: jobs::Connection>(db: &C, queue: &str) -> JobHandle<Play> {
    Play::new().schedule(db).queue(queue).await.unwrap()
}

/// Executes jobs of this queue, one after the other: by then, every worker that polls has polled a few times.
async fn let_workers_poll(t: &Database, queue: &str) {
    for _ in 0..10 {
        soon(play(t.db(), queue).await.wait(t.db())).await.unwrap();
    }
}

/// Asserts that it was neither claimed nor given back.
async fn assert_untouched(t: &Database, handle: JobHandle<Play>) {
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, record.version), (JobStatus::Scheduled, 0, 0));
}

/// Pauses a queue as another process would if the database notifies nobody.
async fn pause_in_silence(t: &Database, queue: &str) {
    let now = t.seconds_from_now(0);
    t.execute(&format!("INSERT INTO jobs_queue (name, paused_at) VALUES ('{queue}', {now})")).await;
}

async fn running(t: &Database, queue: &str) -> i64 {
    t.number(&format!("SELECT COUNT(*) FROM jobs_job WHERE status = 1 AND queue = '{queue}'")).await
}

async fn a_paused_queue_is_not_claimed_from_and_others_go_on(t: Database) {
    jobs::pause(t.db(), "shut").await.unwrap();
    let waiting = play(t.db(), "shut").await;
    let running = Running::start(idle_worker(&t).queue("shut", 2).queue("open beside", 2));
    let_workers_poll(&t, "open beside").await;
    // One that comes later wakes nobody either.
    let later = play(t.db(), "shut").await;
    let_workers_poll(&t, "open beside").await;
    assert_untouched(&t, waiting).await;
    assert_untouched(&t, later).await;
    jobs::resume(t.db(), "shut").await.unwrap();
    soon(waiting.wait(t.db())).await.unwrap();
    soon(later.wait(t.db())).await.unwrap();
    running.stop().await;
}

async fn a_job_that_runs_when_its_queue_is_paused_goes_on(t: Database) {
    let gate = Gate::default();
    let gated = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok("done")
    });
    let running = Running::start(gated.state(gate.clone()).queue("caught", 1).queue("open meanwhile", 1));
    let (caught, behind) = (play(t.db(), "caught").await, play(t.db(), "caught").await);
    gate.arrivals(1).await;
    jobs::pause(t.db(), "caught").await.unwrap();
    gate.open(11);
    let_workers_poll(&t, "open meanwhile").await;
    assert_eq!(soon(caught.wait(t.db())).await.unwrap(), "done");
    assert_eq!(behind.record(t.db()).await.unwrap().attempt, 0);
    running.stop().await;
}

async fn a_queue_stays_paused_for_a_new_worker(t: Database) {
    jobs::pause(t.db(), "kept shut").await.unwrap();
    let (waiting, other) = (play(t.db(), "kept shut").await, play(t.db(), "kept open").await);
    for _ in 0..2 {
        let worker =
            Worker::new(t.connect().await).state(crate::support::definitions::Script::new(|_| async { Ok(()) }));
        soon(worker.queue("kept shut", 1).queue("kept open", 1).run_until_idle()).await.unwrap();
        assert_untouched(&t, waiting).await;
        assert_eq!(other.status(t.db()).await.unwrap(), JobStatus::Terminated);
    }
    jobs::resume(t.db(), "kept shut").await.unwrap();
    soon(idle_worker(&t).queue("kept shut", 1).run_until_idle()).await.unwrap();
    assert_eq!(waiting.status(t.db()).await.unwrap(), JobStatus::Terminated);
}

async fn a_worker_without_any_other_queue_returns_when_idle(t: Database) {
    let worker = worker(&t, |job| async move {
        // Its own queue, as soon as it is claimed.
        jobs::pause(&**job.state::<std::sync::Arc<sea_orm::DatabaseConnection>>(), "alone").await?;
        Ok(())
    });
    let (first, second) = (play(t.db(), "alone").await, play(t.db(), "alone").await);
    let worker = worker.state(std::sync::Arc::new(t.connect().await));
    soon(worker.queue("alone", 1).run_until_idle()).await.unwrap();
    assert_eq!(first.status(t.db()).await.unwrap(), JobStatus::Terminated);
    assert_eq!(second.record(t.db()).await.unwrap().attempt, 0);
    assert_eq!(running(&t, "alone").await, 0);
}

/// Asserts that the job of a queue that was resumed at this time has not waited for a poll.
async fn assert_claimed_at_once(t: &Database, waiting: JobHandle<Play>, resumed_at: std::time::Instant) {
    until_status(t, waiting, JobStatus::Terminated).await;
    let late = resumed_at.elapsed();
    assert!(late < Duration::from_secs(5), "{late:?}");
}

async fn a_resumed_queue_is_claimed_from_at_once(t: Database) {
    jobs::pause(t.db(), "resumed").await.unwrap();
    let waiting = play(t.db(), "resumed").await;
    let running = Running::start(idle_worker(&t).queue("resumed", 1).poll_interval(NEVER).listen(false));
    // It polls at growing intervals: after this long, the next poll is more than six seconds away.
    tokio::time::sleep(Duration::from_millis(6500)).await;
    assert_untouched(&t, waiting).await;
    let resumed_at = std::time::Instant::now();
    jobs::resume(t.db(), "resumed").await.unwrap();
    assert_claimed_at_once(&t, waiting, resumed_at).await;
    running.stop().await;
}

async fn a_pause_that_ends_by_itself_is_obeyed_till_then(t: Database) {
    let waiting = play(t.db(), "shut for a while").await;
    jobs::pause_with(t.db(), "shut for a while", PauseOptions::new().lasting(Duration::from_hours(1))).await.unwrap();
    let running =
        Running::start(idle_worker(&t).poll_interval(OFTEN).queue("shut for a while", 1).queue("open now", 1));
    let_workers_poll(&t, "open now").await;
    assert_untouched(&t, waiting).await;
    // The hour is over, and nobody says so.
    let ended = t.seconds_from_now(-1);
    t.execute(&format!("UPDATE jobs_queue SET paused_until = {ended}")).await;
    soon(waiting.wait(t.db())).await.unwrap();
    running.stop().await;
}

async fn a_resume_that_commits_late_is_found(t: Database) {
    jobs::pause(t.db(), "resumed late").await.unwrap();
    let waiting = play(t.db(), "resumed late").await;
    let running = Running::start(idle_worker(&t).queue("resumed late", 1).poll_interval(NEVER).listen(false));
    let other = t.connect().await;
    let transaction = other.begin().await.unwrap();
    jobs::resume(&transaction, "resumed late").await.unwrap();
    // The worker has been notified, polls, and finds the queue paused.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_untouched(&t, waiting).await;
    transaction.commit().await.unwrap();
    let ended = waiting.wait_timeout(t.db(), NEVER / 2).await;
    assert!(ended.is_ok(), "{ended:?}");
    running.stop().await;
}

async fn workers_obey_within_a_poll_interval_what_nobody_told_them_of(t: Database) {
    let start = async || {
        let worker =
            Worker::new(t.connect().await).state(crate::support::definitions::Script::new(|_| async { Ok(()) }));
        Running::start(worker.queue("obeyed", 2).queue("open to both", 2).poll_interval(OFTEN).listen(false))
    };
    let (one, other) = (start().await, start().await);
    soon(play(t.db(), "obeyed").await.wait(t.db())).await.unwrap();
    until(|| async { crate::support::rows::workers(&t).await == 2 }).await;
    pause_in_silence(&t, "obeyed").await;
    let waiting = soon(async {
        loop {
            // The interval, and time for what each had begun before. On a busy machine it may take longer.
            tokio::time::sleep(OFTEN * 3).await;
            let waiting = play(t.db(), "obeyed").await;
            for _ in 0..5 {
                let_workers_poll(&t, "open to both").await;
            }
            if waiting.record(t.db()).await.unwrap().version == 0 {
                return waiting;
            }
        }
    })
    .await;
    assert_untouched(&t, waiting).await;
    t.execute("UPDATE jobs_queue SET paused_at = NULL").await;
    soon(waiting.wait(t.db())).await.unwrap();
    one.stop().await;
    other.stop().await;
}

async fn a_worker_with_more_than_it_can_do_obeys_within_a_poll_interval(t: Database) {
    let short = worker(&t, |_| async {
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(())
    });
    let flood = |_| Play::new().with_options(JobOptions::new().queue("flooded"));
    jobs::schedule_all(t.db(), (0..6_000).map(flood)).await.unwrap();
    let worker = Running::start(short.queue("flooded", 2).poll_interval(OFTEN).listen(false));
    let waiting = || t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 0");
    until(|| async { waiting().await < 5_800 }).await;
    pause_in_silence(&t, "flooded").await;
    // Nothing more is claimed.
    until(|| async {
        let before = waiting().await;
        tokio::time::sleep(OFTEN * 3).await;
        (waiting().await, running(&t, "flooded").await) == (before, 0)
    })
    .await;
    worker.stop().await;
    assert!(waiting().await > 0, "the worker was through before it could obey");
}

async fn what_was_claimed_ahead_goes_back_untouched(t: Database) {
    let short = worker(&t, |_| async {
        tokio::time::sleep(Duration::from_millis(2)).await;
        Ok(())
    });
    let flood = |_| Play::new().with_options(JobOptions::new().queue("ahead"));
    let worker = Running::start(short.queue("ahead", 2).poll_interval(NEVER));
    let ended = || t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4");
    // Claimed, and given back: other jobs of this version have been executed.
    let given_back =
        "SELECT COUNT(*) FROM jobs_job WHERE status = 0 AND version = 2 AND attempt = 0 AND max_attempts = budget";
    let mut scheduled = 0;
    // Sometimes everything claimed has started when the pause comes, or everything has ended.
    while t.number(given_back).await == 0 {
        assert!(scheduled < 30_000, "nothing was given back");
        jobs::schedule_all(t.db(), (0..500).map(flood)).await.unwrap();
        scheduled += 500;
        jobs::resume(t.db(), "ahead").await.unwrap();
        until(|| async { ended().await > scheduled - 400 }).await;
        jobs::pause(t.db(), "ahead").await.unwrap();
        until(|| async { running(&t, "ahead").await == 0 }).await;
    }
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_attempt").await, 0);
    jobs::resume(t.db(), "ahead").await.unwrap();
    until(|| async { ended().await == scheduled }).await;
    worker.stop().await;
}

async fn the_database_wakes_a_worker_for_a_resumed_queue(t: Database) {
    pause_in_silence(&t, "told of").await;
    let running = Running::start(idle_worker(&t).queue("told of", 1).poll_interval(NEVER));
    let waiting = insert_job(&t, "Play", "told of", "{}").await;
    tokio::time::sleep(Duration::from_millis(6500)).await;
    assert_untouched(&t, waiting.into()).await;
    let resumed_at = std::time::Instant::now();
    t.execute("UPDATE jobs_queue SET paused_at = NULL").await;
    t.execute("SELECT pg_notify('jobs_queue', 'told of')").await;
    assert_claimed_at_once(&t, waiting.into(), resumed_at).await;
    running.stop().await;
}
