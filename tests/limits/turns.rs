//! Who starts next: among the jobs of a key, between keys, and beside jobs without a limit.

use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Database, cases, soon};

use crate::support::{Call, Free, Stage, call, start, stop, until, watch_until_terminated, work};

cases![
    the_jobs_of_a_key_start_in_their_order,
    a_key_at_its_limit_holds_up_no_others,
    the_better_priority_starts_first_whatever_its_key,
    a_limited_job_that_was_due_before_a_long_backlog_starts_before_it_is_through,
    a_limited_job_that_must_not_wait_for_a_slot_starts_in_the_midst_of_a_backlog,
    a_job_without_a_limit_starts_beside_a_long_backlog_of_limited_ones,
    a_job_that_is_due_later_starts_when_it_is_due_though_others_are_held_back,
];

async fn the_jobs_of_a_key_start_in_their_order(t: Database) {
    let now = chrono::Utc::now();
    let calls = (0..30_i16).map(|number| {
        let due = now - Duration::from_secs(u64::try_from(number * 7 % 5).unwrap());
        call("acme").with_options(JobOptions::new().priority(number % 3).at(due))
    });
    jobs::schedule_all(t.db(), calls).await.unwrap();
    let stage = Stage::default();
    work(&t, &stage, 1).await;
    let order = "SELECT id FROM jobs_job ORDER BY priority, scheduled_at, id";
    let expected = t.numbers(order).await;
    let started: Vec<_> = stage.started().into_iter().map(JobId::get).collect();
    assert_eq!(started, expected);
}

async fn a_key_at_its_limit_holds_up_no_others(t: Database) {
    jobs::schedule_all(t.db(), (0..3_000).map(|_| call("acme"))).await.unwrap();
    jobs::schedule_all(t.db(), [call("b"), call("c")]).await.unwrap();
    Free { ms: 0 }.schedule(t.db()).await.unwrap();
    let (stage, gate) = Stage::with_gate();
    let workers = start(&t, &stage, 2, 10);
    gate.arrivals(5).await;
    assert_eq!((stage.most("acme"), stage.most("b"), stage.most("c"), stage.most("Free")), (2, 1, 1, 1));
    gate.open(10_000);
    stop(workers).await;
}

async fn the_better_priority_starts_first_whatever_its_key(t: Database) {
    let calls = (0..250_i16).map(|number| {
        let priority = if number == 249 { -5 } else { number % 4 };
        call(&format!("account {number}")).with_options(JobOptions::new().priority(priority))
    });
    let handles = jobs::schedule_all(t.db(), calls).await.unwrap();
    let stage = Stage::default();
    work(&t, &stage, 1).await;
    let started = stage.started();
    assert_eq!(started[0], handles[249].id());
    let expected = t.numbers("SELECT priority + 0 * id FROM jobs_job ORDER BY priority").await;
    let mut priorities = Vec::new();
    for id in started {
        priorities.push(t.number(&format!("SELECT priority + 0 * id FROM jobs_job WHERE id = {}", id.get())).await);
    }
    assert_eq!(priorities, expected);
}

async fn a_limited_job_that_was_due_before_a_long_backlog_starts_before_it_is_through(t: Database) {
    jobs::schedule_all(t.db(), (0..20_000).map(|_| Free { ms: 0 })).await.unwrap();
    let old = JobOptions::new().at(chrono::Utc::now() - Duration::from_secs(10)).max_attempts(1);
    let limited = call("acme").with_options(old).schedule(t.db()).await.unwrap();
    let stage = Stage::default();
    let workers = start(&t, &stage, 1, 10);
    soon(limited.wait(t.db())).await.unwrap();
    let done = t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4").await;
    assert!(done < 10_000, "{done} were executed before");
    stop(workers).await;
}

async fn a_limited_job_that_must_not_wait_for_a_slot_starts_in_the_midst_of_a_backlog(t: Database) {
    jobs::schedule_all(t.db(), (0..20_000).map(|_| Free { ms: 0 })).await.unwrap();
    let stage = Stage::default();
    let workers = start(&t, &stage, 1, 10);
    let done = || t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 4");
    until(|| async { done().await > 1_000 }).await;
    let urgent = call("acme").with_options(JobOptions::new().priority(-5).max_attempts(1));
    soon(urgent.schedule(t.db()).await.unwrap().wait(t.db())).await.unwrap();
    let done = done().await;
    assert!(done < 15_000, "{done} were executed before");
    stop(workers).await;
}

async fn a_job_without_a_limit_starts_beside_a_long_backlog_of_limited_ones(t: Database) {
    let calls = (0..400).map(|number| Call { account: format!("account {}", number % 40), ms: 20 });
    jobs::schedule_all(t.db(), calls).await.unwrap();
    let free = Free { ms: 0 }.schedule(t.db()).await.unwrap();
    let stage = Stage::default();
    let workers = start(&t, &stage, 1, 5);
    soon(free.wait(t.db())).await.unwrap();
    stop(workers).await;
}

async fn a_job_that_is_due_later_starts_when_it_is_due_though_others_are_held_back(t: Database) {
    jobs::schedule_all(t.db(), (0..5).map(|_| call("acme"))).await.unwrap();
    let (stage, gate) = Stage::with_gate();
    let workers = start(&t, &stage, 1, 10);
    gate.arrivals(2).await;
    call("later").schedule(t.db()).delay(Duration::from_millis(700)).await.unwrap();
    gate.arrivals(1).await;
    assert_eq!((stage.most("acme"), stage.most("later")), (2, 1));
    gate.open(10_000);
    watch_until_terminated(&t, 6).await;
    stop(workers).await;
}
