//! The network between a worker and its database fails.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jobs::prelude::*;
use jobs::{AttemptEnd, JobFilter};
use jobs_tests::{Database, Gate, Kind, Proxy, Running, cases, soon};

use crate::support::definitions::{Aside, Once, Play, Script, worker};
use crate::support::rows::{history, take_over, until, until_status, workers};

cases![
    a_worker_whose_connections_are_cut_goes_on if Kind::locks_rows,
    a_worker_whose_connections_are_silently_dead_goes_on if Kind::locks_rows,
    a_long_lease_does_not_make_a_worker_wait_long_for_an_answer if Kind::locks_rows,
    a_worker_that_always_claims_gives_back_what_a_claim_without_an_answer_took if Kind::locks_rows,
    ends_that_are_too_much_at_once_are_divided_and_one_that_is_too_much_alone_fails if Kind::locks_rows,
    an_end_that_gets_no_answer_is_written_all_the_same if Kind::locks_rows,
    what_a_report_without_an_answer_says_is_kept_once if Kind::locks_rows,
    reports_that_are_too_much_at_once_are_divided_and_one_that_is_too_much_alone_is_left_to_the_end if Kind::locks_rows,
    a_worker_that_is_cut_off_stops_its_jobs_before_others_take_them if Kind::locks_rows,
    what_a_worker_that_is_cut_off_has_locked_is_executed_by_another if Kind::speaks_mysql,
];

const LEASE: Duration = Duration::from_secs(6);

/// Starts a worker that reaches the database through the proxy.
async fn start_behind(proxy: &Proxy, script: Script) -> Running {
    let db = jobs::connect(proxy.url()).await.unwrap();
    Running::start(hurried(Worker::new(db).state(script)))
}

fn hurried(worker: Worker) -> Worker {
    worker.lease(LEASE).heartbeat(Duration::from_millis(300)).cancel_grace(Duration::from_secs(1))
}

fn nothing() -> Script {
    Script::new(|_| async { Ok(()) })
}

/// How long it takes until a job is executed.
async fn executed(t: &Database) -> Duration {
    let begin = Instant::now();
    let handle = Play::new().schedule(t.db()).await.unwrap();
    soon(handle.wait(t.db())).await.unwrap();
    begin.elapsed()
}

async fn a_worker_whose_connections_are_cut_goes_on(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    let running = Running::start(Worker::new(db).state(nothing()).lease(Duration::from_mins(10)));
    executed(&t).await;
    let worker = t.number("SELECT id FROM jobs_worker").await;
    for _ in 0..3 {
        proxy.cut();
        executed(&t).await;
    }
    // It has not been taken for dead: its lease is longer than the patience of the tests.
    assert_eq!(t.number("SELECT id FROM jobs_worker").await, worker);
    running.stop().await;
}

/// Such a connection neither answers nor fails.
async fn a_worker_whose_connections_are_silently_dead_goes_on(t: Database) {
    let proxy = Proxy::before(&t).await;
    let running = start_behind(&proxy, nothing()).await;
    for _ in 0..2 {
        executed(&t).await;
        proxy.forget();
        let took = executed(&t).await;
        assert!(took < LEASE * 3, "{took:?}");
    }
    running.stop().await;
}

async fn a_long_lease_does_not_make_a_worker_wait_long_for_an_answer(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    let running = Running::start(Worker::new(db).state(nothing()).lease(Duration::from_hours(1)));
    executed(&t).await;
    proxy.forget();
    // Within the patience of the tests.
    executed(&t).await;
    running.stop().await;
}

/// Claims follow each other, and each takes a while.
async fn a_worker_that_always_claims_gives_back_what_a_claim_without_an_answer_took(t: Database) {
    let proxy = Proxy::before(&t).await;
    let db = jobs::connect(proxy.url()).await.unwrap();
    let running = Running::start(hurried(Worker::new(db).state(nothing())).queue("play", 1));
    until(|| async { workers(&t).await == 1 }).await;
    let id = t.number("SELECT id FROM jobs_worker").await;
    let lost = Aside::new().schedule(t.db()).await.unwrap();
    // They are not prefetched, so each takes its own claim.
    jobs::schedule_all(t.db(), (0..500).map(|_| Once::new())).await.unwrap();
    proxy.delay(Duration::from_millis(50));
    take_over(&t, lost, id).await;
    until_status(&t, lost, JobStatus::Scheduled).await;
    assert!(jobs::counts(t.db(), JobFilter::new()).await.unwrap().scheduled > 1, "it went on claiming");
    assert_eq!(lost.record(t.db()).await.unwrap().attempt, 0);
    proxy.delay(Duration::ZERO);
    running.stop().await;
}

/// The server closes the connection, and can't say why.
async fn ends_that_are_too_much_at_once_are_divided_and_one_that_is_too_much_alone_fails(t: Database) {
    let (proxy, gate) = (Proxy::before(&t).await, Gate::default());
    let here = gate.clone();
    let script = Script::new(move |job: JobContext| {
        let here = here.clone();
        async move {
            here.pass().await;
            let bytes = if job.name() == "Once" { 700_000 } else { 200_000 };
            Ok("x".repeat(bytes))
        }
    });
    let running = start_behind(&proxy, script).await;
    let too_much = Once::new().schedule(t.db()).await.unwrap();
    let handles = jobs::schedule_all(t.db(), (0..8).map(|_| Play::new())).await.unwrap();
    gate.arrivals(9).await;
    proxy.refuse_over(600_000);
    gate.open(9);
    for handle in handles {
        assert_eq!(soon(handle.wait(t.db())).await.unwrap().as_str().unwrap().len(), 200_000);
        assert_eq!(handle.record(t.db()).await.unwrap().attempt, 1);
    }
    until_status(&t, too_much, JobStatus::Failed).await;
    let reason = too_much.record(t.db()).await.unwrap().last_error.unwrap();
    assert!(reason.contains("the database refused what the job wanted to store"), "{reason}");
    running.stop().await;
}

async fn an_end_that_gets_no_answer_is_written_all_the_same(t: Database) {
    let (proxy, gate) = (Proxy::before(&t).await, Gate::default());
    let here = gate.clone();
    let script = Script::new(move |_| {
        let here = here.clone();
        async move {
            here.pass().await;
            Ok(())
        }
    });
    let running = start_behind(&proxy, script).await;
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    proxy.forget();
    gate.open(1);
    soon(handle.wait(t.db())).await.unwrap();
    // Neither given back nor run again.
    assert_eq!(handle.record(t.db()).await.unwrap().attempt, 1);
    assert!(history(&t, handle).await.is_empty());
    running.stop().await;
}

/// It is written, and the worker can't know it.
async fn what_a_report_without_an_answer_says_is_kept_once(t: Database) {
    let (proxy, gate) = (Proxy::before(&t).await, Gate::default());
    let here = gate.clone();
    let script = Script::new(move |job: JobContext| {
        let here = here.clone();
        async move {
            job.message("before");
            here.pass().await;
            job.message("not answered");
            job.message("the same");
            here.pass().await;
            job.message("after");
            here.pass().await;
            job.message("last");
            Ok(())
        }
    });
    let running = start_behind(&proxy, script).await;
    let handle = Play::new().schedule(t.db()).await.unwrap();
    let texts = async || -> Vec<String> {
        handle.messages(t.db()).await.unwrap().into_iter().map(|message| message.text).collect()
    };
    until(|| async { texts().await == ["before"] }).await;
    // On MariaDB and MySQL it is the answer to the commit.
    proxy.lose_reply_to("not answered", usize::from(t.kind().speaks_mysql()));
    gate.open(1);
    until(|| async { texts().await.len() >= 3 }).await;
    gate.open(1);
    // By then the worker has written it again.
    until(|| async { texts().await.contains(&"after".to_owned()) }).await;
    gate.open(1);
    soon(handle.wait(t.db())).await.unwrap();
    assert_eq!(proxy.lost_replies(), 1);
    assert_eq!(texts().await, ["before", "not answered", "the same", "after", "last"]);
    running.stop().await;
}

/// The server closes the connection, and can't say why.
async fn reports_that_are_too_much_at_once_are_divided_and_one_that_is_too_much_alone_is_left_to_the_end(t: Database) {
    let (proxy, gate) = (Proxy::before(&t).await, Gate::default());
    let here = gate.clone();
    let script = Script::new(move |job: JobContext| {
        let here = here.clone();
        async move {
            here.pass().await;
            let bytes = if job.name() == "Once" { 700_000 } else { 200_000 };
            job.set_result("much", "x".repeat(bytes))?;
            job.message("said");
            here.pass().await;
            Ok(())
        }
    });
    let running = start_behind(&proxy, script).await;
    let too_much = Once::new().schedule(t.db()).await.unwrap();
    let handles = jobs::schedule_all(t.db(), (0..8).map(|_| Play::new())).await.unwrap();
    gate.arrivals(9).await;
    proxy.refuse_over(600_000);
    gate.open(9);
    for handle in &handles {
        until(|| async { !handle.messages(t.db()).await.unwrap().is_empty() }).await;
        assert_eq!(handle.result::<String>(t.db(), "much").await.unwrap().len(), 200_000);
    }
    until(|| async { !too_much.messages(t.db()).await.unwrap().is_empty() }).await;
    assert!(too_much.messages(t.db()).await.unwrap()[0].text.starts_with("1 messages were dropped"));
    gate.open(9);
    for handle in handles {
        soon(handle.wait(t.db())).await.unwrap();
    }
    until_status(&t, too_much, JobStatus::Failed).await;
    let reason = too_much.record(t.db()).await.unwrap().last_error.unwrap();
    assert!(reason.contains("the database refused what the job wanted to store"), "{reason}");
    running.stop().await;
}

async fn a_worker_that_is_cut_off_stops_its_jobs_before_others_take_them(t: Database) {
    let (proxy, gate, times) = (Proxy::before(&t).await, Gate::default(), Arc::new(Mutex::new(Vec::new())));
    let (here, stopped, started) = (gate.clone(), times.clone(), times.clone());
    let until_stopped = Script::new(move |job: JobContext| {
        let (here, stopped) = (here.clone(), stopped.clone());
        async move {
            here.arrive();
            let is_first = stopped.lock().unwrap().is_empty();
            if is_first {
                job.stop_requested().await;
                stopped.lock().unwrap().push("stopped");
            }
            Ok(())
        }
    });
    let cut_off = start_behind(&proxy, until_stopped).await;
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let other = Running::start(hurried(worker(&t, move |_| {
        started.lock().unwrap().push("started elsewhere");
        async { Ok(()) }
    })));

    proxy.stall();
    soon(handle.wait(t.db())).await.unwrap();
    assert_eq!(*times.lock().unwrap(), ["stopped", "started elsewhere"]);
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Lost)]);
    other.stop().await;

    proxy.flow();
    let took = executed(&t).await;
    assert!(took < LEASE * 3, "{took:?}");
    cut_off.stop().await;
}

/// It is cut off when it has written its claim, and before it commits.
async fn what_a_worker_that_is_cut_off_has_locked_is_executed_by_another(t: Database) {
    let proxy = Proxy::before(&t).await;
    let claimer = start_behind(&proxy, nothing()).await;
    until(|| async { workers(&t).await == 1 }).await;
    // The first reply is to the statement's preparation.
    proxy.stall_after_reply_to("AS claimer", 1);
    let handle = Play::new().schedule(t.db()).await.unwrap();
    soon(proxy.stalled()).await;
    let other = Running::start(hurried(Worker::new(t.db().clone()).state(nothing())));
    soon(handle.wait(t.db())).await.unwrap();
    assert_eq!(t.number("SELECT attempt FROM jobs_job").await, 1);
    until(|| async { workers(&t).await == 1 }).await;
    proxy.flow();
    other.stop().await;
    claimer.stop().await;
}
