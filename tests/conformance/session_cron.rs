//! Acting as somebody: what it takes to add and to run schedules, beyond the right to change them.

use jobs::cron::{self, Cron};
use jobs::prelude::*;
use jobs::{Action, AuditFilter, Error, NamedJob, OnConflict, Principal, Role, Session};
use jobs_tests::{Database, cases};
use serde_json::json;

use crate::support::common::total;
use crate::support::definitions::{Note, Ping};

cases![
    adding_a_schedule_takes_what_scheduling_its_job_takes,
    running_a_schedule_whose_job_replaces_another_takes_the_right_to_change_it,
];

/// The session of somebody who may do these things alone.
fn who_may(t: &Database, actions: &[Action]) -> Session {
    let nothing = Principal::new("ada", Role::Viewer).deny(Action::View);
    jobs::acting_as(t.db(), actions.iter().fold(nothing, |principal, action| principal.allow(*action)))
}

fn daily() -> Cron {
    Cron::new("@daily")
}

fn replacing(text: &str) -> jobs::WithOptions<Note> {
    Note::new(text).with_options(JobOptions::new().unique_key("key").on_conflict(OnConflict::Replace))
}

#[track_caller]
fn assert_lacks<T: std::fmt::Debug>(result: Result<T, Error>, action: Action) {
    match result {
        Err(Error::Forbidden { action: missing, .. }) => assert_eq!(missing, action),
        other => panic!("{other:?}"),
    }
}

async fn adding_a_schedule_takes_what_scheduling_its_job_takes(t: Database) {
    let manager = who_may(&t, &[Action::ManageCron]);
    let by_name = || NamedJob::new("Ping", json!({}));
    assert_lacks(manager.add_schedule("a", daily(), by_name()).await, Action::Schedule);
    assert_lacks(manager.replace_schedule("a", daily(), by_name()).await, Action::Schedule);
    assert_lacks(who_may(&t, &[Action::Schedule]).add_schedule("a", daily(), by_name()).await, Action::ManageCron);
    let scheduler = who_may(&t, &[Action::ManageCron, Action::Schedule]);
    assert_lacks(scheduler.add_schedule("a", daily(), replacing("one")).await, Action::Edit);
    assert_lacks(scheduler.replace_schedule("a", daily(), replacing("one")).await, Action::Edit);
    assert_eq!(cron::list(t.db()).await.unwrap(), []);
    scheduler.add_schedule("a", daily(), by_name()).await.unwrap();
    scheduler.replace_schedule("a", daily(), Ping::new()).await.unwrap();
    let editor = who_may(&t, &[Action::ManageCron, Action::Schedule, Action::Edit]);
    editor.add_schedule("b", daily(), replacing("one")).await.unwrap();
    // What is there already is run by whoever may change schedules.
    manager.run_schedule_now("a").await.unwrap();
    assert_eq!(total(&t).await, 1);
}

async fn running_a_schedule_whose_job_replaces_another_takes_the_right_to_change_it(t: Database) {
    let waiting = replacing("first").schedule(t.db()).await.unwrap();
    cron::add(t.db(), "a", daily(), replacing("second")).await.unwrap();
    let manager = who_may(&t, &[Action::ManageCron, Action::Schedule]);
    assert_lacks(manager.run_schedule_now("a").await, Action::Edit);
    let text = async || waiting.record(t.db()).await.unwrap().parameter::<String>("text").unwrap();
    assert_eq!((&*text().await, cron::history(t.db(), "a").await.unwrap().len()), ("first", 0));
    let editor = who_may(&t, &[Action::ManageCron, Action::Edit]);
    assert_eq!(editor.run_schedule_now("a").await.unwrap(), waiting.id());
    assert_eq!(text().await, "second");
    let rows = who_may(&t, &[Action::ViewAudit]).audit(AuditFilter::new()).await.unwrap().records;
    assert_eq!(rows.len(), 1, "what was refused is not recorded: {rows:?}");
}
