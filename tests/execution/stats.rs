//! What workers count, for charts.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{StatsFilter, StatsRange, StatsTotals};
use jobs_tests::{Database, Gate, Running, cases};
use sea_orm::TransactionTrait as _;

use crate::support::definitions::{Aside, Encore, Once, Play, idle_worker, work, worker, wrong};
use crate::support::rows::{insert_worker, take_over, until};

cases![
    each_end_is_counted_once_as_what_it_is,
    a_row_that_is_written_again_does_not_count_twice,
    what_was_counted_is_written_before_the_worker_leaves,
    workers_that_follow_each_other_have_rows_of_their_own,
    an_end_that_is_fenced_out_is_not_counted,
    an_end_in_the_job_s_own_transaction_is_counted,
    a_job_of_a_dead_worker_is_counted_by_who_rescues_it,
    more_pairs_than_are_counted_one_by_one_are_counted_together,
    jobs_go_on_if_nothing_can_be_counted,
    rows_that_are_kept_no_longer_are_deleted,
];

async fn total(t: &Database, filter: impl Into<StatsFilter>) -> StatsTotals {
    jobs::stats(t.db(), filter).await.unwrap().total
}

/// The number of jobs that ended well, failed, were canceled, and of attempts that were retried.
fn ends(totals: &StatsTotals) -> [u64; 4] {
    [totals.terminated, totals.failed, totals.canceled, totals.retried]
}

async fn each_end_is_counted_once_as_what_it_is(t: Database) {
    for name in ["well", "well", "fail", "cancel", "error", "snooze"] {
        Play::new().with_name(name).schedule(t.db()).await.unwrap();
    }
    Aside::new().with_name("error").schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        match job.parameter::<String>("name")?.as_str() {
            "fail" => Err(JobError::fail("failed")),
            "cancel" => Err(JobError::cancel("canceled")),
            "error" => wrong("it went wrong"),
            "snooze" => Err(JobError::snooze(Duration::from_hours(1))),
            _ => Ok(()),
        }
    })
    .await;
    for range in StatsRange::ALL {
        let all = total(&t, *range).await;
        // The one that is aside has two attempts.
        assert_eq!(ends(&all), [2, 2, 1, 2], "{range}");
        assert!(all.wait.median <= all.wait.p95 && all.wait.mean.is_some() && all.run.mean.is_some(), "{all:?}");
        let of = |filter: fn(StatsFilter) -> StatsFilter| total(&t, filter(StatsFilter::new(*range)));
        assert_eq!(ends(&of(|filter| filter.queue("play")).await), [2, 1, 1, 1], "{range}");
        assert_eq!(ends(&of(|filter| filter.name("Aside")).await), [0, 1, 0, 1], "{range}");
        assert_eq!(ends(&of(|filter| filter.queue("play").name("Aside")).await), [0; 4], "{range}");
    }
}

async fn a_row_that_is_written_again_does_not_count_twice(t: Database) {
    let running = Running::start(idle_worker(&t));
    for jobs in 1..=3 {
        Play::new().schedule(t.db()).await.unwrap();
        until(|| async { total(&t, StatsRange::Hour).await.terminated == jobs }).await;
    }
    running.stop().await;
    for range in StatsRange::ALL {
        assert_eq!(ends(&total(&t, *range).await), [3, 0, 0, 0], "{range}");
    }
}

async fn what_was_counted_is_written_before_the_worker_leaves(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(())
    });
    Play::new().schedule(t.db()).await.unwrap();
    let running = Running::start(worker.state(gate.clone()));
    gate.arrivals(1).await;
    running.tell_to_stop();
    gate.open(1);
    running.ended().await.unwrap();
    for range in StatsRange::ALL {
        assert_eq!(ends(&total(&t, *range).await), [1, 0, 0, 0], "{range}");
    }
}

async fn workers_that_follow_each_other_have_rows_of_their_own(t: Database) {
    for jobs in 1..=2 {
        Play::new().schedule(t.db()).await.unwrap();
        work(&t, |_| async { Ok(()) }).await;
        assert_eq!(t.number("SELECT COUNT(DISTINCT worker_id) FROM jobs_stat").await, jobs);
    }
    assert_eq!(ends(&total(&t, StatsRange::Day).await), [2, 0, 0, 0]);
}

async fn an_end_that_is_fenced_out_is_not_counted(t: Database) {
    let (handle, gate) = (Play::new().schedule(t.db()).await.unwrap(), Gate::default());
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()));
    gate.arrivals(1).await;
    let other = insert_worker(&t, 3600, 0).await;
    take_over(&t, handle, other).await;
    gate.open(1);
    running.stop().await;
    assert_eq!(total(&t, StatsRange::Hour).await, StatsTotals::default());
}

async fn an_end_in_the_job_s_own_transaction_is_counted(t: Database) {
    Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        let transaction = job.db().begin().await?;
        job.finish_in(&transaction, &42).await?;
        transaction.commit().await?;
        Ok(())
    })
    .await;
    let all = total(&t, StatsRange::Hour).await;
    assert_eq!(ends(&all), [1, 0, 0, 0]);
    assert!(all.run.mean.is_some());
}

async fn a_job_of_a_dead_worker_is_counted_by_who_rescues_it(t: Database) {
    let (failed, again) = (Once::new().schedule(t.db()).await.unwrap(), Aside::new().schedule(t.db()).await.unwrap());
    let dead = insert_worker(&t, -1, 2).await;
    take_over(&t, failed, dead).await;
    take_over(&t, again, dead).await;
    let running = Running::start(idle_worker(&t).lease(Duration::from_secs(1)));
    again.wait(t.db()).await.unwrap();
    until(|| async { failed.status(t.db()).await.unwrap() == JobStatus::Failed }).await;
    running.stop().await;
    assert_eq!(ends(&total(&t, StatsRange::Hour).await), [1, 1, 0, 1]);
}

async fn more_pairs_than_are_counted_one_by_one_are_counted_together(t: Database) {
    let queue = |number: u32| format!("queue {number}");
    let mut worker = idle_worker(&t);
    for number in 0..60 {
        worker = worker.queue(queue(number), 2);
        Play::new().schedule(t.db()).queue(queue(number)).await.unwrap();
        Encore::new().schedule(t.db()).queue(queue(number)).await.unwrap();
    }
    jobs_tests::soon(worker.run_until_idle()).await.unwrap();
    for range in StatsRange::ALL {
        let of = async |name| total(&t, StatsFilter::new(*range).name(name)).await.terminated;
        let by_name = of("Play").await + of("Encore").await;
        // Once for each minute, if it took more than one.
        assert!((100..=120).contains(&by_name), "{range}: {by_name}");
        assert_eq!(total(&t, *range).await.terminated, 120, "{range}");
    }
}

async fn jobs_go_on_if_nothing_can_be_counted(t: Database) {
    t.execute("ALTER TABLE jobs_stat RENAME TO elsewhere").await;
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |_| async { Ok(()) }).await;
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Terminated);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
}

/// Inserts rows of this many workers for each of these periods, as many hours ago.
async fn insert_stats(t: &Database, period: u8, hours_ago: i64, workers: std::ops::Range<u32>) {
    let at = t.seconds_from_now(-3600 * hours_ago);
    let rows: Vec<_> = workers.map(|worker| format!("({period}, {at}, {worker}, '{{}}', '{{}}')")).collect();
    let columns = "period, starts_at, worker_id, total, by_job";
    t.execute(&format!("INSERT INTO jobs_stat ({columns}) VALUES {}", rows.join(", "))).await;
}

async fn rows_that_are_kept_no_longer_are_deleted(t: Database) {
    const DAY: i64 = 24;
    // More than one statement deletes, at one time and at several.
    for (period, hours_ago) in [(0, 4), (0, 2), (1, 8 * DAY + 1), (1, 8 * DAY - 1)] {
        insert_stats(&t, period, hours_ago, 0..700).await;
    }
    insert_stats(&t, 0, 100 * DAY, 0..700).await;
    insert_stats(&t, 1, 100 * DAY, 0..10).await;
    let rows = async |period| t.number(&format!("SELECT COUNT(*) FROM jobs_stat WHERE period = {period}")).await;
    let running = Running::start(idle_worker(&t));
    until(|| async { rows(0).await == 700 && rows(1).await == 700 }).await;
    running.stop().await;
    let young = t.seconds_from_now(-3600 * 8 * DAY);
    assert_eq!(t.number(&format!("SELECT COUNT(*) FROM jobs_stat WHERE starts_at >= {young}")).await, 1400);
}
