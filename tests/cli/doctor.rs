//! `doctor`.

use jobs_tests::{Database, cases};
use serde_json::{Value, json};

use crate::support::command::{PROGRAM, call, call_on, start, unread};

cases![
    nothing_is_wrong_where_all_is_well,
    missing_tables_are_found,
    tables_that_another_migrator_has_made_are_looked_at_like_others,
    tables_of_another_version_are_found,
    tables_that_may_not_be_read_are_not_said_to_be_missing if jobs_tests::Kind::locks_rows,
    a_worker_that_is_not_heard_of_is_found,
    due_jobs_that_no_worker_serves_are_found,
    jobs_that_wait_in_a_paused_queue_are_found,
    a_schedule_that_nobody_fires_is_found,
    an_attempt_that_takes_long_is_found,
    a_transaction_that_is_left_open_is_found if jobs_tests::Kind::locks_rows,
    transactions_that_can_not_be_looked_at_are_said_to_be if jobs_tests::Kind::locks_rows,
    what_is_wrong_shows_in_the_exit_code_though_nobody_reads_it,
];

/// The findings of this check; the exit code says whether there are any.
async fn found(t: &Database, check: &str, arguments: &[&str]) -> Vec<Value> {
    let called = call(t, &[&["doctor", "--json"], arguments].concat()).await;
    let document = called.json();
    let findings = document["findings"].as_array().unwrap();
    let is_well = findings.iter().all(|finding| finding["level"] == "info");
    assert_eq!((called.code == 0, document["is_well"] == true), (is_well, is_well), "{called:#?}");
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
    assert_eq!((&findings[0]["level"], &findings[0]["remedy"]), (&json!("error"), &json!("create them: migrate")));
}

async fn tables_that_another_migrator_has_made_are_looked_at_like_others(t: Database) {
    t.execute("DROP TABLE jobs_migration").await;
    let findings = found(&t, "tables", &["--long-transaction", "30d"]).await;
    assert!(says(&findings, "no migration is recorded") && findings[0]["level"] == "info", "{findings:#?}");
    assert_eq!(call(&t, &["doctor", "--long-transaction", "30d"]).await.code, 0);
    jobs_tests::schedule_by_name(t.db(), "Elsewhere", json!({})).await.unwrap();
    assert_eq!(found(&t, "unserved", &[]).await.len(), 1);
}

async fn tables_of_another_version_are_found(t: Database) {
    t.execute("INSERT INTO jobs_migration (version, applied_at) VALUES ('m29990101_000001_later', 0)").await;
    let findings = found(&t, "tables", &[]).await;
    assert!(says(&findings, "m29990101_000001_later was applied by a later version"), "{findings:#?}");
    t.execute("DELETE FROM jobs_migration WHERE version LIKE 'm2026%'").await;
    let findings = found(&t, "tables", &[]).await;
    assert!(
        findings.iter().any(|finding| finding["found"].as_str().unwrap().ends_with(" is not applied")),
        "{findings:#?}"
    );
}

async fn a_worker_that_is_not_heard_of_is_found(t: Database) {
    let (seen, expired) = (t.seconds_from_now(-90), t.seconds_from_now(-60));
    t.execute(&format!(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves)
         VALUES ('gone', 'host', 1, {seen}, {seen}, {expired}, '{{\"queues\": [], \"names\": []}}')"
    ))
    .await;
    let findings = found(&t, "workers", &[]).await;
    assert!(says(&findings, "(gone) has not been heard from for 1m"), "{findings:#?}");
    assert!(says(&findings, "has 0 running job(s)"), "{findings:#?}");
}

async fn due_jobs_that_no_worker_serves_are_found(t: Database) {
    let job = jobs_tests::schedule_by_name(t.db(), "Add", json!({ "left": 1, "right": 1 })).await.unwrap();
    jobs_tests::schedule_by_name(t.db(), "Elsewhere", json!({})).await.unwrap();
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
    jobs_tests::schedule_by_name(t.db(), "Elsewhere", json!({})).await.unwrap();
    let findings = found(&t, "paused queues", &[]).await;
    assert!(says(&findings, "queue long-running has been paused since"), "{findings:#?}");
    jobs::resume(t.db(), "long-running").await.unwrap();
    assert!(found(&t, "paused queues", &[]).await.is_empty());
}

async fn a_schedule_that_nobody_fires_is_found(t: Database) {
    let options = jobs::JobOptions::new();
    jobs::cron::add(
        t.db(),
        "far",
        jobs::cron::Cron::new("@hourly"),
        jobs::NamedJob::new("Far", json!({})).with_options(options),
    )
    .await
    .unwrap();
    assert!(found(&t, "schedules", &[]).await.is_empty());
    let due = t.seconds_from_now(-7205);
    t.execute(&format!("UPDATE jobs_cron SET next_at = {due}")).await;
    let findings = found(&t, "schedules", &[]).await;
    assert!(says(&findings, "schedule far of job Far should have fired 2h"), "{findings:#?}");
    jobs::cron::pause(t.db(), "far").await.unwrap();
    assert!(found(&t, "schedules", &[]).await.is_empty());
}

async fn an_attempt_that_takes_long_is_found(t: Database) {
    let job = jobs_tests::schedule_by_name(t.db(), "Elsewhere", json!({})).await.unwrap();
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
    // InnoDB counts a transaction from its first access to a table.
    transaction.execute_unprepared("UPDATE jobs_queue SET paused_at = NULL").await.unwrap();
    let is_found = async |limit: &str| {
        let findings = found(&t, "long transactions", &["--long-transaction", limit]).await;
        findings.iter().any(|finding| finding["found"].as_str().unwrap().starts_with(&format!("session {session} ")))
    };
    assert!(!is_found("1h").await);
    // If MariaDB is asked again within a tenth of a second, it gives the same answer.
    let until = async |found: bool| {
        while is_found("1s").await != found {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    };
    jobs_tests::soon(until(true)).await;
    transaction.rollback().await.unwrap();
    jobs_tests::soon(until(false)).await;
}

/// A user who may work with these tables, and sees nothing of what others do.
struct Limited<'a> {
    t: &'a Database,
    name: String,
    url: String,
}

impl<'a> Limited<'a> {
    async fn new(t: &'a Database) -> Self {
        let name = format!("limited_{}", t.name());
        let (scheme, place) = t.url().split_once("://").unwrap();
        let place = place.split_once('@').map_or(place, |(_, place)| place);
        let url = format!("{scheme}://{name}:limited@{place}");
        let limited = Self { t, name, url };
        limited.grant().await;
        limited
    }

    async fn grant(&self) {
        let (user, database) = (&self.name, self.t.name());
        let grants = match self.t.kind() {
            jobs_tests::Kind::Postgres => [
                format!("CREATE ROLE {user} LOGIN PASSWORD 'limited'"),
                format!("GRANT ALL ON SCHEMA {database} TO {user}"),
                format!("GRANT ALL ON ALL TABLES IN SCHEMA {database} TO {user}"),
            ],
            _ => [
                format!("CREATE USER {user}@'%' IDENTIFIED BY 'limited'"),
                format!("CREATE USER {user}@localhost IDENTIFIED BY 'limited'"),
                format!("GRANT ALL ON {database}.* TO {user}@'%', {user}@localhost"),
            ],
        };
        for grant in grants {
            self.t.execute(&grant).await;
        }
    }

    /// Revokes the user's right to read the tables.
    async fn revoke(&self) {
        let (user, database) = (&self.name, self.t.name());
        let revocation = match self.t.kind() {
            jobs_tests::Kind::Postgres => format!("REVOKE SELECT ON ALL TABLES IN SCHEMA {database} FROM {user}"),
            _ => format!("REVOKE SELECT ON {database}.* FROM {user}@'%', {user}@localhost"),
        };
        self.t.execute(&revocation).await;
    }

    async fn drop(self) {
        let user = self.name;
        let drops = match self.t.kind() {
            jobs_tests::Kind::Postgres => [format!("DROP OWNED BY {user}"), format!("DROP ROLE {user}")],
            _ => [format!("DROP USER {user}@'%'"), format!("DROP USER {user}@localhost")],
        };
        for drop in drops {
            self.t.execute(&drop).await;
        }
    }
}

async fn transactions_that_can_not_be_looked_at_are_said_to_be(t: Database) {
    let limited = Limited::new(&t).await;
    let json = call_on(PROGRAM, Some(&limited.url), &["doctor", "--json"]).await;
    let text = call_on(PROGRAM, Some(&limited.url), &["doctor"]).await;
    limited.drop().await;
    let findings = json.json()["findings"].clone();
    assert_eq!((&findings[0]["check"], &findings[0]["level"]), (&json!("long transactions"), &json!("info")));
    assert!(findings[0]["found"].as_str().unwrap().contains("can't be checked"), "{findings:#}");
    assert_eq!((json.code, &json.json()["is_well"], findings.as_array().unwrap().len()), (0, &json!(true), 1));
    assert_eq!(text.code, 0, "{text:#?}");
    assert!(text.output.ends_with("\nnothing is wrong, as far as could be checked\n"), "{text:#?}");
}

async fn tables_that_may_not_be_read_are_not_said_to_be_missing(t: Database) {
    let limited = Limited::new(&t).await;
    limited.revoke().await;
    let mut called = Vec::new();
    for arguments in [&["list"][..], &["worker"], &["migrate", "--status"], &["migrate", "--down"]] {
        called.push(call_on(PROGRAM, Some(&limited.url), arguments).await);
    }
    let doctor = call_on(PROGRAM, Some(&limited.url), &["doctor", "--json"]).await;
    limited.drop().await;
    for called in called {
        assert_eq!((called.code, called.output.as_str()), (1, ""), "{called:#?}");
        assert!(called.errors.contains("denied") && !called.errors.contains("migrate"), "{called:#?}");
    }
    let finding = &doctor.json()["findings"][0];
    assert!(finding["found"].as_str().unwrap().contains("denied"), "{finding:#}");
    assert!(!finding["remedy"].as_str().unwrap().contains("migrate"), "{finding:#}");
}

async fn what_is_wrong_shows_in_the_exit_code_though_nobody_reads_it(t: Database) {
    assert_eq!(unread(&t, &["doctor", "--long-transaction", "30d"]).await, Some(0));
    jobs_tests::schedule_by_name(t.db(), "Elsewhere", json!({})).await.unwrap();
    assert_eq!(unread(&t, &["doctor", "--long-transaction", "30d"]).await, Some(1));
}
