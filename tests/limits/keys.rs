//! What counts as the same key, and jobs whose key is not the one that their definition makes.

use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Database, cases};

use crate::support::{Call, Free, Stage, Three, call, insert_worker, start, stop, until, watch_until_terminated, work};

cases![
    values_that_differ_in_anything_are_different_keys,
    jobs_without_a_key_get_theirs_and_are_counted,
    jobs_under_the_key_of_an_earlier_release_get_the_new_one,
    jobs_with_the_key_of_a_limit_that_no_worker_has_run,
    a_changed_parameter_moves_a_job_to_its_new_key,
    a_replaced_job_has_the_key_of_its_new_parameters,
    jobs_of_more_keys_than_one_statement_looks_at_all_run,
    parameters_that_do_not_decode_fail_as_without_a_limit,
];

async fn values_that_differ_in_anything_are_different_keys(t: Database) {
    let long = "x".repeat(500);
    let accounts =
        ["", " ", "a", "a ", "A", "a\"b", "a'b", "a\\b", "a,b=1", "../a", "é", "e\u{301}", "🦀", "%", "_", &long];
    let mut others = accounts.map(str::to_owned).to_vec();
    others.push(format!("{long}y"));
    for account in &others {
        jobs::schedule_all(t.db(), [call(account), call(account), call(account)]).await.unwrap();
    }
    let (stage, gate) = Stage::with_gate();
    let workers = start(&t, &stage, 1, 100);
    let keys = others.len();
    gate.arrivals(u32::try_from(2 * keys).unwrap()).await;
    for account in &others {
        assert_eq!(stage.most(account), 2, "{account:?}");
    }
    gate.open(10_000);
    watch_until_terminated(&t, i64::try_from(3 * keys).unwrap()).await;
    stop(workers).await;
}

async fn jobs_without_a_key_get_theirs_and_are_counted(t: Database) {
    jobs::schedule_all(t.db(), (0..30).map(|_| Call { account: "acme".into(), ms: 5 })).await.unwrap();
    jobs::schedule_all(t.db(), (0..30).map(|_| Three { ms: 5 })).await.unwrap();
    // As a program has scheduled them that does not know the definition.
    t.execute("UPDATE jobs_job SET limit_key = '-'").await;
    let stage = Stage::default();
    let workers = start(&t, &stage, 3, 10);
    watch_until_terminated(&t, 60).await;
    stop(workers).await;
    assert_eq!((stage.most("acme"), stage.most("Three")), (2, 3));
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE limit_key = '-'").await, 0);
}

async fn jobs_under_the_key_of_an_earlier_release_get_the_new_one(t: Database) {
    jobs::schedule_all(t.db(), (0..30).map(|_| Call { account: "acme".into(), ms: 5 })).await.unwrap();
    t.execute("UPDATE jobs_job SET limit_key = 'region=1' WHERE id % 2 = 0").await;
    t.execute("UPDATE jobs_job SET limit_key = '*' WHERE id % 3 = 0").await;
    let stage = Stage::default();
    let workers = start(&t, &stage, 3, 10);
    watch_until_terminated(&t, 30).await;
    stop(workers).await;
    assert_eq!(stage.most("acme"), 2);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE limit_key <> 'account=\"acme\"'").await, 0);
}

async fn jobs_with_the_key_of_a_limit_that_no_worker_has_run(t: Database) {
    let stage = Stage::default();
    let workers = start(&t, &stage, 1, 10);
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_worker").await == 1 }).await;
    // Another, which has joined later, knows the definition, and serves other queues.
    insert_worker(&t).await;
    let later = JobOptions::new().delay(Duration::from_secs(1));
    jobs::schedule_all(t.db(), (0..3).map(|_| Free { ms: 0 }.with_options(later.clone()))).await.unwrap();
    // As a newer release has scheduled them, which was rolled back before any worker had it.
    t.execute("UPDATE jobs_job SET limit_key = 'account=1' WHERE id % 3 = 0").await;
    t.execute("UPDATE jobs_job SET limit_key = '*' WHERE id % 3 = 1").await;
    watch_until_terminated(&t, 3).await;
    stop(workers).await;
    assert_eq!(stage.started().len(), 3);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE limit_key = '-'").await, 3);
}

async fn a_changed_parameter_moves_a_job_to_its_new_key(t: Database) {
    let handles = jobs::schedule_all(t.db(), (0..4).map(|_| call("acme"))).await.unwrap();
    jobs::set_parameter(t.db(), handles[3], "account", "other").await.unwrap();
    let (stage, gate) = Stage::with_gate();
    let workers = start(&t, &stage, 1, 10);
    gate.arrivals(3).await;
    assert_eq!((stage.most("acme"), stage.most("other")), (2, 1));
    gate.open(10_000);
    watch_until_terminated(&t, 4).await;
    stop(workers).await;
}

async fn a_replaced_job_has_the_key_of_its_new_parameters(t: Database) {
    jobs::schedule_all(t.db(), (0..2).map(|_| call("acme"))).await.unwrap();
    let unique = |account: &str| {
        call(account).with_options(JobOptions::new().unique_key("one").on_conflict(jobs::OnConflict::Replace))
    };
    let first = unique("acme").schedule(t.db()).await.unwrap();
    let second = unique("other").schedule(t.db()).await.unwrap();
    assert_eq!(first.id(), second.id());
    let (stage, gate) = Stage::with_gate();
    let workers = start(&t, &stage, 1, 10);
    gate.arrivals(3).await;
    assert_eq!((stage.most("acme"), stage.most("other")), (2, 1));
    gate.open(10_000);
    watch_until_terminated(&t, 3).await;
    stop(workers).await;
}

async fn jobs_of_more_keys_than_one_statement_looks_at_all_run(t: Database) {
    let calls = (0..350).map(|number| call(&format!("account {}", number * 7_919 % 350)));
    jobs::schedule_all(t.db(), calls).await.unwrap();
    let stage = Stage::default();
    work(&t, &stage, 20).await;
    assert_eq!(stage.started().len(), 350);
}

async fn parameters_that_do_not_decode_fail_as_without_a_limit(t: Database) {
    let handle = call("acme").with_options(JobOptions::new().max_attempts(1)).schedule(t.db()).await.unwrap();
    t.execute("UPDATE jobs_job SET parameters = '{\"acount\": 1}', limit_key = '-'").await;
    let stage = Stage::default();
    work(&t, &stage, 5).await;
    until(|| async { handle.status(t.db()).await.unwrap() == jobs::JobStatus::Failed }).await;
    let record = handle.record(t.db()).await.unwrap();
    assert!(record.last_error.unwrap().contains("account"));
}
