//! What the overview says of the checks of `doctor`.

use std::time::Duration;

use jobs::cron::{self, Cron};
use jobs::web::Access;
use jobs::{NamedJob, Principal, Role};
use jobs_tests::{Database, Kind, cases, soon};
use sea_orm::{ConnectionTrait as _, DatabaseTransaction, TransactionTrait as _};
use serde_json::{Value, json};

use crate::support::api::Program;
use crate::support::browser::Browser;
use crate::support::definitions::{later, unserved};

cases![
    where_all_is_well_the_overview_tells_nothing_of_it,
    what_checks_find_is_told_with_what_to_do,
    what_has_a_section_of_its_own_is_not_told_twice,
    what_could_not_be_checked_completely_is_folded,
    a_check_that_fails_is_told_and_holds_up_no_other,
    checks_that_take_long_do_not_hold_up_the_overview if Kind::locks_rows,
    programs_ask_for_all_findings,
    who_may_not_see_errors_does_not_see_those_of_checks,
];

/// The rows of the findings, without transactions of other tests on this server.
fn rows(page: &str) -> Vec<&str> {
    let Some((_, section)) = page.split_once("<section aria-labelledby=\"findings\">") else { return Vec::new() };
    let section = section.split_once("</section>").unwrap().0;
    let rows = section.split("<tr>\n<th scope=\"row\">").skip(1).map(|row| row.split_once("</tr>").unwrap().0);
    rows.filter(|row| !row.starts_with("long transactions")).collect()
}

/// The overview, once it says this or that.
async fn overview_that(browser: &Browser, says: impl Fn(&str) -> bool) -> String {
    soon(async {
        loop {
            let page = browser.get("/overview").await.page();
            if says(&page) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

const SLOW: &str = "The checks take longer than usual: look again in a moment.";

/// What a viewer sees, also on a machine that has much else to do.
async fn overview(t: &Database) -> String {
    overview_that(&Browser::of(t, Role::Viewer), |page| !page.contains(SLOW)).await
}

/// Makes a schedule one that should have fired two hours ago.
async fn be_late(t: &Database) {
    cron::add(t.db(), "far & wide", Cron::new("@hourly"), NamedJob::new("Far", json!({}))).await.unwrap();
    t.execute(&format!("UPDATE jobs_cron SET next_at = {}", t.seconds_from_now(-7_205))).await;
}

async fn where_all_is_well_the_overview_tells_nothing_of_it(t: Database) {
    later(&t).await;
    let page = overview(&t).await;
    assert!(rows(&page).is_empty(), "{page}");
    assert!(!page.contains("The checks") && !page.contains("command line: <code>jobs</code>"), "{page}");
    assert!(!page.contains("id=\"findings\"") || page.contains("long transactions"), "{page}");
}

async fn what_checks_find_is_told_with_what_to_do(t: Database) {
    be_late(&t).await;
    let long = later(&t).await;
    let started = t.seconds_from_now(-7_205);
    t.execute(&format!("UPDATE jobs_job SET status = 1, attempt = 2, started_at = {started}")).await;
    NamedJob::new("Unknown", json!({})).schedule(t.db()).queue("a`<b>").await.unwrap();
    jobs::pause(t.db(), "a`<b>").await.unwrap();
    t.execute("INSERT INTO jobs_migration (version, applied_at) VALUES ('m29990101_000001_later', 0)").await;
    let page = overview(&t).await;
    let rows = rows(&page);
    for (row, says) in rows.iter().zip([
        &["tables</th>", "m29990101_000001_later was applied by a later version", "use that version here too"][..],
        &[
            "<a href=\"cron\">schedules</a>",
            "schedule far &#38; wide of job Far should have fired 2h",
            "<code>cron remove</code>",
        ],
        &[
            "<a href=\"jobs?filter=is%3Along\">long attempts</a>",
            &format!("job {long} (Talk) has been running for 2h"),
            &format!("inspect it: <code>show {long}</code>; stop it: <code>cancel {long}</code>; limit it: a timeout"),
        ],
        &[
            "<a href=\"queues\">paused queues</a>",
            "queue a`&#60;b&#62; has been paused since",
            "<code>resume a`&#60;b&#62;</code>",
        ],
    ]) {
        assert!(row.contains("<span class=\"level warn\">warn</span>"), "{row}");
        for text in says {
            assert!(row.contains(text), "it does not say {text}: {row}");
        }
    }
    assert_eq!(rows.len(), 4, "{rows:#?}");
    assert!(
        page.contains("command line: <code>jobs</code>") && page.contains("Findings <small>as of <time "),
        "{page}"
    );
}

async fn what_has_a_section_of_its_own_is_not_told_twice(t: Database) {
    unserved(&t).await;
    let (seen, expired) = (t.seconds_from_now(-90), t.seconds_from_now(-60));
    t.execute(&format!(
        "INSERT INTO jobs_worker (name, host, pid, started_at, last_seen_at, expires_at, serves)
         VALUES ('gone', 'host', 1, {seen}, {seen}, {expired}, '{{\"queues\": [], \"names\": []}}')"
    ))
    .await;
    let page = overview(&t).await;
    assert!(page.contains("1 job of <code>Unknown</code>") && page.contains("1 worker has not been seen"), "{page}");
    assert!(rows(&page).is_empty(), "{page}");
}

async fn what_could_not_be_checked_completely_is_folded(t: Database) {
    t.execute("DROP TABLE jobs_migration").await;
    let page = overview(&t).await;
    let rows = rows(&page);
    assert!(
        matches!(rows[..], [row] if row.contains("no migration is recorded") && row.contains("level info")),
        "{rows:#?}"
    );
    let (before, _) = page.split_once("no migration is recorded").unwrap();
    let (_, folded) = before.rsplit_once("<details>").unwrap();
    assert!(!folded.contains("</details>") && folded.contains(" could not be made completely</summary>"), "{page}");
}

async fn a_check_that_fails_is_told_and_holds_up_no_other(t: Database) {
    t.execute("ALTER TABLE jobs_cron RENAME TO jobs_cron_elsewhere").await;
    later(&t).await;
    let started = t.seconds_from_now(-7_205);
    t.execute(&format!("UPDATE jobs_job SET status = 1, attempt = 1, started_at = {started}")).await;
    let page = overview(&t).await;
    let rows = rows(&page);
    assert_eq!(rows.len(), 2, "{page}");
    assert!(rows[0].contains("schedules") && rows[0].contains("this can&#39;t be checked: •••"), "{rows:#?}");
    assert!(rows[0].contains("level warn") && rows[0].contains("the program&#39;s log"), "{rows:#?}");
    assert!(rows[1].contains("has been running for 2h"), "{rows:#?}");
}

/// Lets nobody read the schedules until the transaction is unlocked.
async fn lock_schedules(t: &Database) -> DatabaseTransaction {
    let transaction = t.db().begin().await.unwrap();
    let lock = if t.kind().speaks_mysql() {
        "LOCK TABLES jobs_cron WRITE"
    } else {
        "LOCK TABLE jobs_cron IN ACCESS EXCLUSIVE MODE"
    };
    transaction.execute_unprepared(lock).await.unwrap();
    transaction
}

async fn unlock(t: &Database, transaction: DatabaseTransaction) {
    if t.kind().speaks_mysql() {
        transaction.execute_unprepared("UNLOCK TABLES").await.unwrap();
    }
    transaction.rollback().await.unwrap();
}

async fn checks_that_take_long_do_not_hold_up_the_overview(t: Database) {
    be_late(&t).await;
    let locked = lock_schedules(&t).await;
    let browser = Browser::with(t.connect().await, Access::by(|_| Ok(Principal::new("ada", Role::Viewer))));
    for says in
        [SLOW, "The checks could not be made. The database does not answer. It has not answered within 5 seconds"]
    {
        overview_that(&browser, |page| page.contains(says)).await;
    }
    unlock(&t, locked).await;
    overview_that(&browser, |page| page.contains("schedule far &#38; wide of job Far should have fired 2h")).await;
}

/// The findings of the API, without transactions of other tests on this server.
async fn found(t: &Database, role: Role) -> (bool, Vec<Value>) {
    let diagnosis = Program::of(t, role).await.get("/api/doctor").await.done();
    let mut findings = diagnosis["findings"].as_array().unwrap().clone();
    findings.retain(|finding| finding["check"] != "long transactions");
    (diagnosis["is_well"] == true, findings)
}

async fn programs_ask_for_all_findings(t: Database) {
    assert_eq!(found(&t, Role::Viewer).await.1, Vec::<Value>::new());
    unserved(&t).await;
    jobs::pause(t.db(), "elsewhere").await.unwrap();
    let (is_well, findings) = found(&t, Role::Viewer).await;
    assert!(!is_well);
    let checks: Vec<_> = findings.iter().map(|finding| finding["check"].as_str().unwrap()).collect();
    assert_eq!(checks, ["unserved", "paused queues"]);
    let remedy = "start a worker that has this definition and serves this queue, or cancel them: cancel --unserved";
    assert_eq!((&findings[0]["level"], &findings[0]["remedy"]), (&json!("warn"), &json!(remedy)));
    assert_eq!(findings[1]["remedy"], "if that is no longer wanted: resume elsewhere");
}

async fn who_may_not_see_errors_does_not_see_those_of_checks(t: Database) {
    t.execute("ALTER TABLE jobs_cron RENAME TO jobs_cron_elsewhere").await;
    for (role, sees_error) in [(Role::Viewer, false), (Role::Operator, true)] {
        let (is_well, findings) = found(&t, role).await;
        assert!(!is_well && findings.len() == 1, "{findings:#?}");
        assert_eq!((&findings[0]["check"], &findings[0]["level"]), (&json!("tables"), &json!("error")));
        let text = findings[0]["found"].as_str().unwrap();
        assert_eq!(text.contains("jobs_cron"), sees_error, "{text}");
        assert_eq!(text == "the tables can't be read: •••", !sees_error, "{text}");
    }
}
