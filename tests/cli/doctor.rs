//! `doctor`.

use jobs_tests::{Database, cases};
use serde_json::{Value, json};

use crate::called::{call, start};

cases![
    nothing_is_wrong_where_all_is_well,
    missing_tables_are_found,
    a_worker_that_is_not_heard_of_is_found,
    due_jobs_that_no_worker_serves_are_found,
    jobs_that_wait_in_a_paused_queue_are_found,
    an_attempt_that_takes_long_is_found,
    a_transaction_that_is_left_open_is_found if jobs_tests::Kind::locks_rows,
];

/// What was found by this check; the exit code says whether anything was.
async fn found(t: &Database, check: &str, arguments: &[&str]) -> Vec<Value> {
    let called = call(t, &[&["doctor", "--json"], arguments].concat()).await;
    let document = called.json();
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(
        (called.code == 0, document["is_well"] == true),
        (findings.is_empty(), findings.is_empty()),
        "{called:#?}"
    );
    assert!(findings.iter().all(|finding| !finding["remedy"].as_str().unwrap().is_empty()), "{called:#?}");
    findings.iter().filter(|finding| finding["check"] == check).cloned().collect()
}

fn says(findings: &[Value], text: &str) -> bool {
    matches!(findings, [finding] if finding["found"].as_str().unwrap().contains(text))
}

async fn nothing_is_wrong_where_all_is_well(t: Database) {
    // Other transactions on the tests' server are not this test's.
    let called = call(&t, &["doctor", "--long-transaction", "30d"]).await;
    assert_eq!((called.code, called.output.as_str()), (0, "nothing is wrong\n"), "{called:#?}");
}

async fn missing_tables_are_found(t: Database) {
    assert_eq!(call(&t, &["migrate", "--down", "--yes"]).await.code, 0);
    let findings = found(&t, "tables", &[]).await;
    assert!(says(&findings, "the tables can't be read"), "{findings:#?}");
    assert_eq!(findings[0]["remedy"], "make them: migrate");
}

async fn a_worker_that_is_not_heard_of_is_found(t: Database) {
    let (seen, expired) = (t.seconds_from_now(-90), t.seconds_from_now(-60));
    t.execute(&format!(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves)
         VALUES ('gone', 'host', 1, {seen}, {seen}, {expired}, '{{\"queues\": [], \"names\": []}}')"
    ))
    .await;
    let findings = found(&t, "workers", &[]).await;
    assert!(says(&findings, "(gone) has not been heard of for 1m3"), "{findings:#?}");
    assert!(says(&findings, "has 0 running job(s)"), "{findings:#?}");
}

async fn due_jobs_that_no_worker_serves_are_found(t: Database) {
    let job = jobs::schedule_by_name(t.db(), "Add", json!({ "left": 1, "right": 1 })).await.unwrap();
    jobs::schedule_by_name(t.db(), "Elsewhere", json!({})).await.unwrap();
    let findings = found(&t, "unserved", &[]).await;
    assert_eq!(findings.len(), 2, "{findings:#?}");
    let _worker = start(&t, &["worker", "--queue", "sums:1", "--queue", "long-running:1"]);
    jobs_tests::soon(jobs::wait(t.db(), job)).await.unwrap();
    let findings = found(&t, "unserved", &[]).await;
    assert!(says(&findings, "1 due job(s) named Elsewhere wait in queue long-running"), "{findings:#?}");
}

async fn jobs_that_wait_in_a_paused_queue_are_found(t: Database) {
    jobs::pause(t.db(), "long-running").await.unwrap();
    assert!(found(&t, "paused queues", &[]).await.is_empty());
    jobs::schedule_by_name(t.db(), "Elsewhere", json!({})).await.unwrap();
    let findings = found(&t, "paused queues", &[]).await;
    assert!(says(&findings, "queue long-running is paused since"), "{findings:#?}");
    jobs::resume(t.db(), "long-running").await.unwrap();
    assert!(found(&t, "paused queues", &[]).await.is_empty());
}

async fn an_attempt_that_takes_long_is_found(t: Database) {
    let job = jobs::schedule_by_name(t.db(), "Elsewhere", json!({})).await.unwrap();
    let started = t.seconds_from_now(-7205);
    t.execute(&format!("UPDATE jobs_job SET status = 1, attempt = 2, started_at = {started}")).await;
    let findings = found(&t, "long attempts", &[]).await;
    assert!(says(&findings, &format!("job {job} (Elsewhere) has been running for 2h")), "{findings:#?}");
    assert!(found(&t, "long attempts", &["--long-attempt", "3h"]).await.is_empty());
}

async fn a_transaction_that_is_left_open_is_found(t: Database) {
    use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
    let session = match t.kind() {
        jobs_tests::Kind::Postgres => "CAST(pg_backend_pid() AS BIGINT)",
        _ => "CAST(CONNECTION_ID() AS SIGNED)",
    };
    let transaction = t.db().begin().await.unwrap();
    let select = sea_orm::Statement::from_string(t.db().get_database_backend(), format!("SELECT {session}"));
    let row = transaction.query_one_raw(select).await.unwrap().unwrap();
    let session: i64 = row.try_get_by_index(0).unwrap();
    // InnoDB counts a transaction from its first look at a table.
    transaction.execute_unprepared("UPDATE jobs_queue SET paused_at = NULL").await.unwrap();
    let is_found = async |limit: &str| {
        let findings = found(&t, "long transactions", &["--long-transaction", limit]).await;
        findings.iter().any(|finding| finding["found"].as_str().unwrap().starts_with(&format!("session {session} ")))
    };
    assert!(!is_found("1h").await);
    // Who asks MariaDB within a tenth of a second of the last is told the same again.
    let until = async |found: bool| {
        while is_found("1s").await != found {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    jobs_tests::soon(until(true)).await;
    transaction.rollback().await.unwrap();
    jobs_tests::soon(until(false)).await;
}
