//! Settings of a session or its server under which jobs don't work: refused by their names, with what to do.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{Error, JobFilter};
use jobs_tests::{Database, Kind, Running, cases, soon};
use sea_orm::sqlx::{AssertSqlSafe, Executor as _};
use sea_orm::{ConnectOptions, DatabaseConnection, TransactionTrait as _};
use serde_json::json;

use crate::support::common::{refused, total};
use crate::support::definitions::{Add, Ping};

cases![
    a_setting_under_which_jobs_do_not_work_is_refused_by_name if Kind::speaks_mysql,
    a_job_that_nobody_would_commit_is_refused if Kind::speaks_mysql,
    modes_of_sql_that_do_no_harm_are_served if Kind::speaks_mysql,
    tables_that_are_not_on_the_search_path_are_told_where_they_are if Kind::notifies,
    a_search_path_without_a_schema_is_told if Kind::notifies,
    tables_behind_another_schema_are_found_and_not_made_again if Kind::notifies,
];

/// Options whose sessions begin with this statement.
fn beginning_with(t: &Database, set: &str) -> ConnectOptions {
    let (mut options, set) = (ConnectOptions::new(t.url()), set.to_owned());
    options.max_connections(10).map_sqlx_mysql_pool_opts(move |pool| {
        let set = set.clone();
        pool.after_connect(move |session, _| {
            let set = set.clone();
            Box::pin(async move { session.execute(AssertSqlSafe(set)).await.map(drop) })
        })
    });
    options
}

/// A user's own pool with such sessions.
async fn own(t: &Database, set: &str) -> DatabaseConnection {
    sea_orm::Database::connect(beginning_with(t, set)).await.unwrap()
}

async fn a_setting_under_which_jobs_do_not_work_is_refused_by_name(t: Database) {
    let mut settings = vec![("autocommit", "0"), ("sql_safe_updates", "1"), ("sql_select_limit", "3")];
    if t.kind() == Kind::Mariadb {
        settings.push(("sql_mode", "'ORACLE'"));
    }
    if t.number("SELECT CAST(@@log_bin AS SIGNED)").await == 1 {
        settings.push(("binlog_format", "'STATEMENT'"));
    }
    for (name, value) in settings {
        let set = format!("SET SESSION {name} = {value}");
        assert_eq!(refused(jobs::connect_with(beginning_with(&t, &set)).await), name);
        let error = soon(Worker::new(own(&t, &set).await).run()).await.unwrap_err();
        let Error::Setup(what) = &error else { panic!("{error:?}") };
        assert!(what.contains(name), "{what}");
    }
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
}

async fn a_job_that_nobody_would_commit_is_refused(t: Database) {
    let db = own(&t, "SET SESSION autocommit = 0").await;
    for error in [
        Add::new(1).schedule(&db).await.unwrap_err(),
        Add::new(1).schedule(&db).delay(Duration::from_mins(1)).await.unwrap_err(),
        jobs_tests::schedule_by_name(&db, "Add", json!({"a": 1})).await.unwrap_err(),
    ] {
        assert!(error.to_string().contains("`autocommit`") && !error.is_retryable(), "{error}");
    }
    assert_eq!(total(&t).await, 0);
    // In transactions, either the caller commits, or the function that is called.
    let transaction = db.begin().await.unwrap();
    let one = Add::new(1).schedule(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let unique = JobOptions::new().unique_key("key");
    let mut handles = jobs::schedule_all(&db, [Add::new(2), Add::new(3)]).await.unwrap();
    handles.extend([one, Add::new(4).with_options(unique).schedule(&db).await.unwrap()]);
    for handle in handles {
        assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    }
}

async fn modes_of_sql_that_do_no_harm_are_served(t: Database) {
    let mut modes =
        vec!["", "ANSI", "TRADITIONAL", "NO_BACKSLASH_ESCAPES,NO_UNSIGNED_SUBTRACTION,PAD_CHAR_TO_FULL_LENGTH"];
    if t.kind() == Kind::Mariadb {
        modes.push("SIMULTANEOUS_ASSIGNMENT,EMPTY_STRING_IS_NULL");
    }
    for mode in modes {
        let db = jobs::connect_with(beginning_with(&t, &format!("SET SESSION sql_mode = '{mode}'"))).await.unwrap();
        let running = Running::start(Worker::new(db.clone()));
        let handles = jobs::schedule_all(&db, (0..20).map(Add::new)).await.unwrap();
        for (a, handle) in (0..).zip(handles) {
            assert_eq!(soon(handle.wait(&db)).await.unwrap(), a + 1, "{mode}");
        }
        running.stop().await;
    }
}

/// The database with another search path than its own.
async fn with_search_path(t: &Database, schemas: &str) -> DatabaseConnection {
    let url = t.url().replace(&format!("search_path%3D{}", t.name()), &format!("search_path%3D{schemas}"));
    assert_ne!(url, t.url());
    jobs::connect(url).await.unwrap()
}

async fn tables_that_are_not_on_the_search_path_are_told_where_they_are(t: Database) {
    let db = with_search_path(&t, "pg_catalog").await;
    let error = soon(Worker::new(db.clone()).run()).await.unwrap_err();
    let Error::Setup(what) = &error else { panic!("{error:?}") };
    assert!(what.contains("`search_path` is `pg_catalog`") && what.contains(t.name()), "{what}");
    let error = Add::new(1).schedule(&db).await.unwrap_err();
    assert!(error.to_string().contains("`search_path`"), "{error}");
}

async fn a_search_path_without_a_schema_is_told(t: Database) {
    let db = with_search_path(&t, "jobs_test_nowhere").await;
    let error = jobs::migrate(&db).await.unwrap_err();
    assert!(error.to_string().contains("no schema of the session's `search_path` exists"), "{error}");
    let error = soon(Worker::new(db).run()).await.unwrap_err();
    assert!(error.to_string().contains("`search_path` is `jobs_test_nowhere`"), "{error}");
}

async fn tables_behind_another_schema_are_found_and_not_made_again(t: Database) {
    let first = format!("{}_first", t.name());
    t.execute(&format!("CREATE SCHEMA {first}")).await;
    let db = with_search_path(&t, &format!("{first}%2C{}", t.name())).await;
    jobs::migrate(&db).await.unwrap();
    let running = Running::start(Worker::new(db.clone()));
    let handle = Add::new(1).schedule(&db).await.unwrap();
    assert_eq!(soon(handle.wait(&db)).await.unwrap(), 2);
    running.stop().await;
    Ping::new().schedule(t.db()).await.unwrap();
    assert_eq!(jobs::counts(&db, JobFilter::new()).await.unwrap().total(), 2);
    // An older release has made them.
    t.execute("DELETE FROM jobs_migration").await;
    let error = jobs::migrate(&db).await.unwrap_err();
    assert!(error.to_string().contains(&format!("`search_path` names `{first}` before")), "{error}");
    // Nothing was created there: otherwise, it could not be dropped this way.
    t.execute(&format!("DROP SCHEMA {first}")).await;
}
