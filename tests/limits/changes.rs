//! Limits that change.

use jobs_tests::{Database, cases, soon};

use crate::support::{Free, Stage, call, insert_worker, start, stop, until, watch_until_terminated, work};

cases![
    a_worker_writes_the_limits_of_its_definitions_when_it_starts,
    what_the_database_has_is_in_force,
    a_definition_that_is_counted_by_other_parameters_is_left_to_the_workers_that_do_so,
    jobs_run_though_all_tables_were_emptied,
];

async fn a_worker_writes_the_limits_of_its_definitions_when_it_starts(t: Database) {
    work(&t, &Stage::default(), 1).await;
    assert_eq!(t.number("SELECT running_each FROM jobs_limit WHERE scope = 'Call'").await, 2);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_limit_use WHERE scope = 'Mail'").await, 2);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_limit_use WHERE scope = 'Free'").await, 0);
    // Another release had others.
    t.execute("UPDATE jobs_limit SET running_each = 7, running = 9 WHERE scope = 'Call'").await;
    work(&t, &Stage::default(), 1).await;
    assert_eq!(t.number("SELECT running_each FROM jobs_limit WHERE scope = 'Call'").await, 2);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_limit WHERE scope = 'Call' AND running IS NULL").await, 1);
}

async fn what_the_database_has_is_in_force(t: Database) {
    let (stage, gate) = Stage::with_gate();
    let workers = start(&t, &stage, 1, 10);
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_limit_use WHERE scope = 'Call'").await == 1 }).await;
    insert_worker(&t).await;
    t.execute("UPDATE jobs_limit SET running_each = 1 WHERE scope = 'Call'").await;
    jobs::schedule_all(t.db(), (0..10).map(|_| call("acme"))).await.unwrap();
    gate.arrivals(1).await;
    gate.open(10_000);
    watch_until_terminated(&t, 10).await;
    stop(workers).await;
    assert_eq!(stage.most("acme"), 1);
}

async fn a_definition_that_is_counted_by_other_parameters_is_left_to_the_workers_that_do_so(t: Database) {
    let stage = Stage::default();
    let workers = start(&t, &stage, 1, 10);
    until(|| async { t.number("SELECT COUNT(*) FROM jobs_limit_use WHERE scope = 'Call'").await == 1 }).await;
    // A newer release counts by the region: this worker would count wrongly.
    insert_worker(&t).await;
    t.execute("UPDATE jobs_limit SET counted_by = 'region' WHERE scope = 'Call'").await;
    jobs::schedule_all(t.db(), (0..5).map(|_| call("acme"))).await.unwrap();
    let free = Free { ms: 0 }.schedule(t.db()).await.unwrap();
    soon(free.wait(t.db())).await.unwrap();
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 0 AND name = 'Call'").await, 5);
    // The newer release is gone: of those that are left, the one that has joined last says what is in force.
    t.execute("DELETE FROM jobs_worker WHERE host = 'elsewhere'").await;
    watch_until_terminated(&t, 6).await;
    stop(workers).await;
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_limit WHERE scope = 'Call' AND counted_by = 'account'").await, 1);
}

async fn jobs_run_though_all_tables_were_emptied(t: Database) {
    work(&t, &Stage::default(), 1).await;
    for table in ["jobs_worker", "jobs_limit", "jobs_limit_use", "jobs_limit_lock"] {
        t.execute(&format!("DELETE FROM {table}")).await;
    }
    jobs::schedule_all(t.db(), (0..30).map(|number| call(&number.to_string()))).await.unwrap();
    let stage = Stage::default();
    work(&t, &stage, 1).await;
    assert_eq!(stage.started().len(), 30);
}
