//! `audit`, and what the other commands leave there.

use std::collections::BTreeSet;

use jobs::{AuditAction, AuditFilter, AuditRecord, JobStatus, Principal, Role};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::command::{call, done, json as call_json};

cases![
    each_command_that_changes_something_leaves_who_has_called_it,
    an_audit_is_listed_by_job_principal_and_action,
    commands_that_only_look_leave_nothing,
    tables_without_an_audit_are_refused_with_what_to_do,
    what_an_audit_tells_never_controls_the_terminal,
];

async fn audit(t: &Database) -> Vec<AuditRecord> {
    jobs::acting_as(t.db(), Principal::new("test", Role::Admin)).audit(AuditFilter::new()).await.unwrap().records
}

async fn each_command_that_changes_something_leaves_who_has_called_it(t: Database) {
    let id = call_json(&t, &["schedule", "Elsewhere", "--param", "a=1"]).await["id"].to_string();
    done(&t, &["set-parameter", &id, "a=2"]).await;
    done(&t, &["run-now", &id]).await;
    done(&t, &["cancel", &id]).await;
    done(&t, &["retry", &id]).await;
    done(&t, &["cancel", "name:Elsewhere", "--yes"]).await;
    done(&t, &["retry", "status:canceled", "--yes"]).await;
    done(&t, &["run-now", "name:Elsewhere", "--yes"]).await;
    done(&t, &["cancel", &id]).await;
    done(&t, &["delete", "status:canceled", "--yes"]).await;
    done(&t, &["pause", "mail"]).await;
    done(&t, &["resume", "mail"]).await;
    done(&t, &["cron", "add", "nightly", "@daily", "Elsewhere"]).await;
    done(&t, &["cron", "add", "nightly", "@daily", "Elsewhere", "--replace"]).await;
    done(&t, &["cron", "pause", "nightly"]).await;
    done(&t, &["cron", "resume", "nightly"]).await;
    done(&t, &["cron", "run", "nightly"]).await;
    done(&t, &["cron", "remove", "nightly"]).await;
    let rows = audit(&t).await;
    let all: BTreeSet<_> = rows.iter().map(|row| row.action).collect();
    let possible = AuditAction::ALL.iter().copied();
    // No command reveals a parameter.
    let expected = possible.filter(|action| ![AuditAction::RevealParameter, AuditAction::Unknown].contains(action));
    assert_eq!(all, expected.collect());
    assert_eq!(rows.iter().filter(|row| row.operation.is_some()).count(), 4);
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let callers: BTreeSet<_> = rows.into_iter().map(|row| row.principal).collect();
    let caller = callers.first().unwrap();
    assert!(
        callers.len() == 1 && caller.len() > host.len() + 1 && caller.ends_with(&format!("@{host}")),
        "{callers:?}"
    );
}

async fn an_audit_is_listed_by_job_principal_and_action(t: Database) {
    let first = call_json(&t, &["schedule", "Elsewhere"]).await["id"].to_string();
    let second = call_json(&t, &["schedule", "Elsewhere", "--param", "a=1"]).await["id"].to_string();
    done(&t, &["set-parameter", &second, "a=secretive"]).await;
    let olga = jobs::acting_as(t.db(), Principal::new("olga", Role::Operator).with_origin("203.0.113.7"));
    olga.cancel(first.parse::<jobs::JobId>().unwrap()).await.unwrap();
    let of_job = done(&t, &["audit", "--job", &first]).await;
    let lines: Vec<_> = of_job.lines().collect();
    assert_eq!(lines.len(), 3, "{of_job}");
    assert!(lines[1].contains("olga") && lines[1].contains("203.0.113.7") && lines[1].contains("cancel"), "{of_job}");
    assert!(lines[2].contains("schedule") && lines[2].contains("Elsewhere"), "{of_job}");
    let by_olga = call_json(&t, &["audit", "--principal", "olga"]).await;
    assert_eq!((by_olga["records"].as_array().unwrap().len(), &by_olga["records"][0]["action"]), (1, &json!("cancel")));
    let set = call_json(&t, &["audit", "--action", "set_parameter"]).await;
    assert_eq!((&set["records"][0]["job"].to_string(), &set["records"][0]["changed"]), (&second, &json!(["a"])));
    assert!(!done(&t, &["audit"]).await.contains("secretive"));
    // Page by page.
    let called = call(&t, &["audit", "--limit", "3"]).await;
    let last = call_json(&t, &["audit", "--limit", "3"]).await["records"][2]["id"].to_string();
    assert!(called.errors.contains(&format!("There may be more: --after {last}")), "{called:#?}");
    assert_eq!(
        call_json(&t, &["audit", "--limit", "3", "--after", &last]).await["records"].as_array().unwrap().len(),
        1
    );
    let called = call(&t, &["audit", "--action", "cancelled"]).await;
    assert!(called.code == 2 && called.errors.contains("possible values: schedule, cancel"), "{called:#?}");
}

async fn commands_that_only_look_leave_nothing(t: Database) {
    let job = jobs_tests::schedule_by_name(t.db(), "Elsewhere", json!({})).await.unwrap().to_string();
    for command in [
        &["list"][..],
        &["show", &job],
        &["why", &job],
        &["queues"],
        &["workers"],
        &["stats"],
        &["cron", "list"],
        &["audit"],
    ] {
        done(&t, command).await;
    }
    assert_eq!(call(&t, &["cancel", "name:Elsewhere"]).await.code, 2);
    assert_eq!(audit(&t).await, []);
    assert_eq!(jobs::status(t.db(), job.parse::<jobs::JobId>().unwrap()).await.unwrap(), JobStatus::Scheduled);
}

async fn tables_without_an_audit_are_refused_with_what_to_do(t: Database) {
    t.execute("DROP TABLE jobs_audit").await;
    let called = call(&t, &["pause", "mail"]).await;
    assert!(called.code == 1 && called.errors.contains("`migrate` creates them"), "{called:#?}");
}

async fn what_an_audit_tells_never_controls_the_terminal(t: Database) {
    jobs::acting_as(t.db(), Principal::new("eve", Role::Admin)).pause("mail").await.unwrap();
    let escape = if t.kind().speaks_mysql() {
        "CHAR(27 USING utf8mb4)"
    } else if t.kind().notifies() {
        "chr(27)"
    } else {
        "char(27)"
    };
    let red = if t.kind().speaks_mysql() { format!("CONCAT({escape}, '[31m')") } else { format!("{escape} || '[31m'") };
    t.execute(&format!("UPDATE jobs_audit SET principal = {red}, origin = {red}, subject = {red}, operation = {red}"))
        .await;
    let shown = done(&t, &["audit"]).await;
    assert!(shown.contains("[31m") && !shown.contains('\u{1b}'), "{shown:?}");
}
