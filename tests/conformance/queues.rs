//! Queues and workers as operators see them, and what pausing leaves in the tables.

use std::time::Duration;

use chrono::{SubsecRound as _, Utc};
use jobs::prelude::*;
use jobs::{JobCounts, JobFilter, PauseOptions, Principal, QueueRecord, Role};
use jobs_tests::{Database, Gate, Running, cases};
use sea_orm::TransactionTrait as _;
use serde_json::json;

use crate::support::common::{assert_read_back, closed_jobs, refused};
use crate::support::definitions::{Add, Configured, Gated, Ping, Talk};

cases![
    a_queue_is_paused_from_the_first_pause_to_the_resume,
    a_pause_says_why_until_when_and_by_whom,
    a_pause_ends_by_itself,
    a_pause_that_can_t_be_is_refused,
    a_queue_is_paused_if_the_transaction_commits,
    a_name_that_no_queue_can_have_is_refused,
    queues_are_listed_that_have_open_jobs_are_paused_or_are_served,
    a_dead_worker_serves_no_queue,
    jobs_of_a_queue_are_counted_by_status,
    the_oldest_job_that_is_due_gives_the_age,
    a_worker_is_listed_with_what_it_serves_and_runs,
    a_worker_whose_lease_is_over_is_not_live,
    records_are_read_as_they_are_written,
];

async fn queue(t: &Database, name: &str) -> Option<QueueRecord> {
    jobs::queues(t.db()).await.unwrap().into_iter().find(|queue| queue.name == name)
}

async fn names(t: &Database) -> Vec<String> {
    jobs::queues(t.db()).await.unwrap().into_iter().map(|queue| queue.name).collect()
}

async fn a_queue_is_paused_from_the_first_pause_to_the_resume(t: Database) {
    Add::new(1).schedule(t.db()).await.unwrap();
    assert_eq!(queue(&t, "long-running").await.unwrap().paused_at, None);
    jobs::resume(t.db(), "long-running").await.unwrap();
    jobs::pause(t.db(), "long-running").await.unwrap();
    let paused_at = queue(&t, "long-running").await.unwrap().paused_at;
    let job = Add::new(2).schedule(t.db()).await.unwrap().record(t.db()).await.unwrap();
    assert!(paused_at.is_some_and(|at| at <= job.created_at), "{paused_at:?} {job:?}");
    // Later, on a database whose clock counts milliseconds.
    tokio::time::sleep(Duration::from_millis(5)).await;
    jobs::pause(t.db(), "long-running").await.unwrap();
    assert_eq!(queue(&t, "long-running").await.unwrap().paused_at, paused_at);
    for _ in 0..2 {
        jobs::resume(t.db(), "long-running").await.unwrap();
        assert_eq!(queue(&t, "long-running").await.unwrap().paused_at, None);
    }
    jobs::pause(t.db(), "long-running").await.unwrap();
    assert!(queue(&t, "long-running").await.unwrap().paused_at > paused_at);
}

async fn a_pause_says_why_until_when_and_by_whom(t: Database) {
    let until = (Utc::now() + Duration::from_hours(2)).trunc_subsecs(0);
    jobs::pause_with(t.db(), "mail", PauseOptions::new().reason("the provider is down").until(until)).await.unwrap();
    let mail = queue(&t, "mail").await.unwrap();
    assert_eq!((mail.paused_until, mail.paused_by), (Some(until), None));
    assert_eq!(mail.pause_reason.as_deref(), Some("the provider is down"));

    // What is said last counts; since when does not change.
    let ada = jobs::acting_as(t.db(), Principal::new("ada", Role::Operator));
    let lasting = Duration::from_hours(1);
    ada.pause_with("mail", PauseOptions::new().until(until).lasting(lasting)).await.unwrap();
    let changed = queue(&t, "mail").await.unwrap();
    assert_eq!((changed.paused_at, changed.pause_reason), (mail.paused_at, None));
    assert_eq!(changed.paused_by.as_deref(), Some("ada"));
    let left = changed.paused_until.unwrap() - mail.paused_at.unwrap();
    assert!((lasting..lasting + Duration::from_mins(5)).contains(&left.to_std().unwrap()), "{left}");

    // Later than a TIMESTAMP of MariaDB can be.
    let far = "2126-11-28T10:30:00Z".parse().unwrap();
    jobs::pause_with(t.db(), "mail", PauseOptions::new().until(far)).await.unwrap();
    assert_eq!(queue(&t, "mail").await.unwrap().paused_until, Some(far));

    jobs::pause(t.db(), "mail").await.unwrap();
    let plain = queue(&t, "mail").await.unwrap();
    assert_eq!((plain.paused_at, plain.paused_until, plain.paused_by), (mail.paused_at, None, None));
    jobs::resume(t.db(), "mail").await.unwrap();
    assert_eq!(queue(&t, "mail").await, None);
}

async fn a_pause_ends_by_itself(t: Database) {
    Add::new(1).schedule(t.db()).await.unwrap();
    let options = || PauseOptions::new().reason("too much").lasting(Duration::from_mins(1));
    jobs::pause_with(t.db(), "long-running", options()).await.unwrap();
    let paused = queue(&t, "long-running").await.unwrap();
    assert!(paused.paused_at.is_some());
    // A minute later.
    let (at, until) = (t.seconds_from_now(-61), t.seconds_from_now(-1));
    t.execute(&format!("UPDATE jobs_queue SET paused_at = {at}, paused_until = {until}")).await;
    let open = queue(&t, "long-running").await.unwrap();
    assert_eq!((open.paused_at, open.paused_until, open.pause_reason), (None, None, None));
    // The next pause begins when it does.
    jobs::pause_with(t.db(), "long-running", options()).await.unwrap();
    assert!(queue(&t, "long-running").await.unwrap().paused_at >= paused.paused_at);
}

async fn a_pause_that_can_t_be_is_refused(t: Database) {
    let now = Utc::now();
    let (past, far) = (now - Duration::from_hours(1), now + Duration::from_hours(24 * 366 * 7_000));
    let options = PauseOptions::new;
    for (wrong, name) in [
        (options().reason(""), "reason"),
        (options().reason(" "), "reason"),
        (options().reason("one\nanother"), "reason"),
        (options().reason("ä".repeat(501)), "reason"),
        (options().lasting(Duration::ZERO), "lasting"),
        (options().lasting(Duration::MAX), "lasting"),
        (options().until(past), "until"),
        (options().until(far), "until"),
    ] {
        let refused_as = refused(jobs::pause_with(t.db(), "mail", wrong.clone()).await);
        assert_eq!(refused_as, name, "{wrong:?}");
    }
    assert_eq!(names(&t).await, [""; 0]);
    jobs::pause_with(t.db(), "mail", options().reason("ä".repeat(500))).await.unwrap();
    assert_eq!(queue(&t, "mail").await.unwrap().pause_reason, Some("ä".repeat(500)));
}

async fn a_queue_is_paused_if_the_transaction_commits(t: Database) {
    let transaction = t.db().begin().await.unwrap();
    jobs::pause(&transaction, "images").await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!(queue(&t, "images").await, None);
    let transaction = t.db().begin().await.unwrap();
    jobs::pause(&transaction, "images").await.unwrap();
    transaction.commit().await.unwrap();
    assert!(queue(&t, "images").await.unwrap().paused_at.is_some());
    let transaction = t.db().begin().await.unwrap();
    jobs::resume(&transaction, "images").await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(queue(&t, "images").await.unwrap().paused_at.is_some());
}

async fn a_name_that_no_queue_can_have_is_refused(t: Database) {
    for name in ["", " images", "im\nages", "im\0ages", &"x".repeat(201)] {
        assert_eq!(refused(jobs::pause(t.db(), name).await), "queue");
        assert_eq!(refused(jobs::resume(t.db(), name).await), "queue");
    }
    jobs::pause(t.db(), &"ä".repeat(200)).await.unwrap();
    assert_eq!(names(&t).await, ["ä".repeat(200)]);
}

async fn queues_are_listed_that_have_open_jobs_are_paused_or_are_served(t: Database) {
    assert_eq!(names(&t).await, [""; 0]);
    Configured::new().schedule(t.db()).await.unwrap();
    // Names compare byte by byte.
    Configured::new().schedule(t.db()).queue("Images").await.unwrap();
    jobs::pause(t.db(), "unheard of").await.unwrap();
    let gate = Gate::default();
    Gated::new().schedule(t.db()).queue("served too").await.unwrap();
    let worker = Worker::new(t.db().clone()).state(gate.clone()).queue("served", 1).queue("served too", 1);
    let worker = Running::start(worker);
    gate.arrivals(1).await;
    assert_eq!(names(&t).await, ["Images", "images", "served", "served too", "unheard of"]);
    gate.open(1);
    worker.stop().await;
    jobs::resume(t.db(), "unheard of").await.unwrap();
    assert_eq!(names(&t).await, ["Images", "images"], "what was served is closed");
}

/// Inserts a worker elsewhere, whose lease ends in this many seconds.
async fn insert_worker(t: &Database, lease: i64) -> i64 {
    let (now, end) = (t.seconds_from_now(0), t.seconds_from_now(lease));
    t.execute(&format!(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves)
         VALUES ('far', 'elsewhere', 4711, {now}, {now}, {end}, '{{\"queues\": [\"far\"], \"names\": [\"Ping\", \"Add\"]}}')"
    ))
    .await;
    t.number("SELECT MAX(id) FROM jobs_worker").await
}

async fn a_dead_worker_serves_no_queue(t: Database) {
    insert_worker(&t, -1).await;
    assert_eq!(names(&t).await, [""; 0]);
    insert_worker(&t, 3600).await;
    assert_eq!(names(&t).await, ["far"]);
}

async fn jobs_of_a_queue_are_counted_by_status(t: Database) {
    closed_jobs(&t).await;
    Talk::new("well").schedule(t.db()).await.unwrap();
    let delayed = Talk::new("well").schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
    jobs::schedule_all(t.db(), [Gated::new(), Gated::new(), Gated::new()]).await.unwrap();
    let gate = Gate::default();
    let worker = Running::start(Worker::new(t.db().clone()).state(gate.clone()).queue("gated", 1));
    gate.arrivals(1).await;
    let open = async |name| queue(&t, name).await.map(|queue| (queue.scheduled, queue.running));
    let by_queue = async |name: &str| {
        let counts = jobs::counts_by_queue(t.db()).await.unwrap().remove(name)?;
        Some((counts.scheduled, counts.running, counts.canceled, counts.failed, counts.terminated, counts.total()))
    };
    assert_eq!(open("long-running").await, Some((2, 0)));
    assert_eq!(open("gated").await, Some((2, 1)));
    assert_eq!(by_queue("long-running").await, Some((2, 0, 1, 1, 1, 5)));
    assert_eq!(by_queue("gated").await, Some((2, 1, 0, 0, 0, 3)));
    delayed.cancel(t.db()).await.unwrap();
    assert_eq!(open("long-running").await, Some((1, 0)));
    assert_eq!(by_queue("long-running").await, Some((1, 0, 2, 1, 1, 5)));
    jobs::pause(t.db(), "empty").await.unwrap();
    assert_eq!((open("empty").await, by_queue("empty").await), (Some((0, 0)), None));
    let all: JobCounts = jobs::counts_by_queue(t.db()).await.unwrap().into_values().sum();
    assert_eq!(all, jobs::counts(t.db(), JobFilter::new()).await.unwrap());
    worker.tell_to_stop();
    gate.open(3);
    worker.ended().await.unwrap();
}

async fn the_oldest_job_that_is_due_gives_the_age(t: Database) {
    let oldest = async || queue(&t, "long-running").await.unwrap().oldest_due;
    Ping::new().schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
    assert_eq!(oldest().await, None, "it is not due");
    let closed = Ping::new().schedule(t.db()).await.unwrap();
    closed.cancel(t.db()).await.unwrap();
    for seconds in [7200, 600, 60] {
        let id = if seconds == 7200 { closed } else { Ping::new().schedule(t.db()).await.unwrap() };
        let then = t.seconds_from_now(-seconds);
        t.execute(&format!("UPDATE jobs_job SET scheduled_at = {then} WHERE id = {id}")).await;
    }
    let age = oldest().await.unwrap();
    assert!((Duration::from_mins(10)..Duration::from_mins(11)).contains(&age), "{age:?}");
}

async fn a_worker_is_listed_with_what_it_serves_and_runs(t: Database) {
    assert_eq!(jobs::workers(t.db()).await.unwrap(), []);
    let other = insert_worker(&t, 3600).await;
    let gate = Gate::default();
    jobs::schedule_all(t.db(), (0..5).map(|_| Gated::new())).await.unwrap();
    let worker = Worker::new(t.db().clone()).state(gate.clone()).name("the near one").queue("gated", 3);
    let worker = Running::start(worker.queue("images", 2));
    gate.arrivals(3).await;
    let workers = jobs::workers(t.db()).await.unwrap();
    assert_eq!(workers.len(), 2);
    let (far, near) = (&workers[0], &workers[1]);
    assert_eq!((far.id, far.name.as_str(), far.host.as_str(), far.pid), (other, "far", "elsewhere", 4711));
    assert_eq!((&far.queues[..], &far.names[..]), (&["far".into()][..], &["Ping".into(), "Add".into()][..]));
    assert_eq!((far.is_live, far.running), (true, 0));
    assert_eq!((near.name.as_str(), near.pid), ("the near one", std::process::id()));
    assert_eq!(near.queues, ["gated", "images"]);
    assert!(["Gated", "configured", "Add"].iter().all(|name| near.names.contains(&(*name).into())), "{near:?}");
    assert_eq!((near.is_live, near.running), (true, 3));
    assert!(near.id > other && near.started_at <= near.last_seen_at, "{near:?}");
    gate.open(5);
    worker.stop().await;
    let left: Vec<_> = jobs::workers(t.db()).await.unwrap().into_iter().map(|worker| worker.id).collect();
    assert_eq!(left, [other]);
}

async fn a_worker_whose_lease_is_over_is_not_live(t: Database) {
    let dead = insert_worker(&t, -1).await;
    insert_worker(&t, 3600).await;
    let job = Ping::new().schedule(t.db()).await.unwrap();
    t.execute(&format!("UPDATE jobs_job SET status = 1, worker_id = {dead} WHERE id = {job}")).await;
    let workers = jobs::workers(t.db()).await.unwrap();
    let seen: Vec<_> = workers.iter().map(|worker| (worker.is_live, worker.running)).collect();
    assert_eq!(seen, [(false, 1), (true, 0)]);
}

async fn records_are_read_as_they_are_written(t: Database) {
    Ping::new().schedule(t.db()).await.unwrap();
    jobs::pause(t.db(), "long-running").await.unwrap();
    insert_worker(&t, 3600).await;
    let queues = serde_json::to_value(jobs::queues(t.db()).await.unwrap()).unwrap();
    assert_eq!((&queues[1]["name"], &queues[1]["scheduled"]), (&json!("long-running"), &json!(1)));
    assert!(queues[0]["oldest_due_seconds"].is_null() && queues[1]["oldest_due_seconds"].is_number(), "{queues}");
    assert!(queues[0]["paused_at"].is_null() && queues[1]["paused_at"].is_string(), "{queues}");
    let workers = serde_json::to_value(jobs::workers(t.db()).await.unwrap()).unwrap();
    assert_eq!((&workers[0]["queues"], &workers[0]["is_live"]), (&json!(["far"]), &json!(true)));
    Add::new(1).schedule(t.db()).queue("nobody's").await.unwrap();
    assert_read_back(&jobs::queues(t.db()).await.unwrap());
    assert_read_back(&jobs::workers(t.db()).await.unwrap());
    assert_read_back(&jobs::counts_by_queue(t.db()).await.unwrap());
    assert_read_back(&jobs::unserved(t.db()).await.unwrap());
}
