//! Processes that share the work.

use jobs_tests::{Database, cases, soon};
use sea_orm::{ConnectionTrait as _, Statement};
use story_jobs::Note;

use crate::support::process::Process;
use crate::support::setup::Setup;
use crate::support::tables::{joined, make_notes, until};

cases![four_workers_share_a_thousand_jobs_and_execute_each_once_without_a_complaint];

async fn four_workers_share_a_thousand_jobs_and_execute_each_once_without_a_complaint(t: Database) {
    make_notes(&t).await;
    let names = ["one", "two", "three", "four"];
    let workers = names.map(|name| Process::start(&Setup::steady(&t, name)));
    for name in names {
        joined(&t, name).await;
    }
    let mut scheduled = 0;
    while scheduled < 1000 {
        scheduled += schedule(&t).await;
    }
    // Nothing promises that work is shared fairly: it continues until every worker has had some.
    soon(async {
        while t.number("SELECT count(DISTINCT pid) FROM story_note").await < 4 {
            scheduled += schedule(&t).await;
        }
    })
    .await;
    until(&t, "SELECT count(*) FROM jobs_job WHERE status = 4", scheduled).await;
    let unwell = unwell(&t).await;
    assert!(unwell.is_empty(), "{unwell:#?}");
    assert_eq!(t.number("SELECT count(*) FROM jobs_job").await, scheduled);
    assert_eq!(t.number("SELECT count(*) FROM story_note").await, scheduled);
    assert_eq!(t.number("SELECT count(DISTINCT job_id) FROM story_note").await, scheduled);
    assert_eq!(t.number("SELECT max(attempt) FROM story_note").await, 1);
    assert_eq!(t.number("SELECT count(DISTINCT pid) FROM story_note").await, 4);
    for mut worker in workers {
        worker.stop().await;
    }
}

/// Schedules some jobs one by one and some at once; returns how many.
async fn schedule(t: &Database) -> i64 {
    for _ in 0..50 {
        Note::new().schedule(t.db()).await.unwrap();
    }
    jobs::schedule_all(t.db(), (0..50).map(|_| Note::new())).await.unwrap();
    100
}

/// Unsuccessful attempts, with the reason.
async fn unwell(t: &Database) -> Vec<Option<String>> {
    let sql = "SELECT error FROM jobs_attempt";
    let rows = t.db().query_all_raw(Statement::from_string(t.db().get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}
