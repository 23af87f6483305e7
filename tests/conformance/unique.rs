//! Unique jobs: what happens when they are scheduled again.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{OnConflict, UniqueWhile};
use jobs_tests::{Database, Gate, Kind, cases, soon};
use sea_orm::TransactionTrait as _;
use serde_json::json;

use crate::support::common::{counts, refused, total, work, worker_at};
use crate::support::definitions::{Add, Gated, Note};
use crate::support::unique::{Hourly, Save, Solo, Strict, existing};

cases![
    a_second_job_with_the_same_parameters_is_the_first,
    only_the_named_parameters_count,
    jobs_of_other_definitions_are_others,
    a_key_ends_when_its_job_has_ended,
    a_key_ends_when_its_job_is_canceled,
    a_running_job_holds_its_key,
    a_key_while_scheduled_ends_when_the_job_runs,
    a_window_outlives_the_job_and_its_row,
    a_key_whose_job_somebody_has_deleted_by_hand_is_free,
    a_conflict_can_be_an_error,
    a_waiting_job_can_be_replaced,
    a_running_job_is_not_replaced,
    a_job_that_a_transaction_replaces_waits_for_it if Kind::locks_rows,
    a_key_scheduled_by_name_is_the_same_with_its_defaults,
    retry_takes_the_key_again,
    retry_of_a_job_whose_key_another_one_holds_changes_nothing,
    keys_that_make_no_sense_are_refused,
    jobs_without_a_key_leave_no_trace_among_the_keys,
];

async fn a_second_job_with_the_same_parameters_is_the_first(t: Database) {
    let first = Solo::new("a.png").schedule(t.db()).await.unwrap();
    let again = Solo::new("a.png").with_width(32).schedule(t.db()).await.unwrap();
    assert_eq!((again, first.existed(), again.existed()), (first, false, true));
    let other = Solo::new("a.png").with_width(64).schedule(t.db()).await.unwrap();
    assert!(!other.existed());
    assert_eq!(total(&t).await, 2);
    work(&t).await;
    assert_eq!(again.output(t.db()).await.unwrap(), "a.png 32");
}

async fn only_the_named_parameters_count(t: Database) {
    let first = Strict::new("a").schedule(t.db()).await.unwrap();
    assert_eq!(existing(Strict::new("a").with_copies(2).schedule(t.db()).await), first.id());
    Strict::new("b").schedule(t.db()).await.unwrap();
}

async fn jobs_of_other_definitions_are_others(t: Database) {
    let note = Note::new("x").schedule(t.db()).unique_key("7").await.unwrap();
    let add = Add::new(1).schedule(t.db()).unique_key("7").await.unwrap();
    let another = Note::new("y").schedule(t.db()).unique_key("7").await.unwrap();
    assert_eq!((add.existed(), another.id()), (false, note.id()));
}

async fn a_key_ends_when_its_job_has_ended(t: Database) {
    for file in ["well", "broken"] {
        let first = Solo::new(file).schedule(t.db()).await.unwrap();
        work(&t).await;
        let second = Solo::new(file).schedule(t.db()).await.unwrap();
        assert_ne!(second, first);
        assert!(!second.existed());
        assert_eq!(Solo::new(file).schedule(t.db()).await.unwrap(), second);
        work(&t).await;
    }
}

async fn a_key_ends_when_its_job_is_canceled(t: Database) {
    let first = Solo::new("a").schedule(t.db()).await.unwrap();
    first.cancel(t.db()).await.unwrap();
    assert!(!Solo::new("a").schedule(t.db()).await.unwrap().existed());
}

async fn a_running_job_holds_its_key(t: Database) {
    let gate = Gate::default();
    let worker = worker_at(&t, &gate);
    let first = Gated::new().schedule(t.db()).unique_key("k").await.unwrap();
    gate.arrivals(1).await;
    assert_eq!(Gated::new().schedule(t.db()).unique_key("k").await.unwrap(), first);
    gate.open(1);
    soon(first.wait(t.db())).await.unwrap();
    assert!(!Gated::new().schedule(t.db()).unique_key("k").delay(Duration::from_hours(1)).await.unwrap().existed());
    worker.stop().await;
}

async fn a_key_while_scheduled_ends_when_the_job_runs(t: Database) {
    let gate = Gate::default();
    let scheduled = || Gated::new().schedule(t.db()).unique_key("k").unique_while(UniqueWhile::Scheduled);
    let first = scheduled().await.unwrap();
    assert!(scheduled().await.unwrap().existed());
    let worker = worker_at(&t, &gate);
    gate.arrivals(1).await;
    let second = scheduled().delay(Duration::from_hours(1)).await.unwrap();
    assert!(!second.existed());
    assert_eq!(scheduled().await.unwrap(), second);
    gate.open(1);
    soon(first.wait(t.db())).await.unwrap();
    worker.stop().await;
}

async fn a_window_outlives_the_job_and_its_row(t: Database) {
    let first = Hourly::new().schedule(t.db()).await.unwrap();
    work(&t).await;
    assert_eq!(Hourly::new().schedule(t.db()).await.unwrap(), first);
    first.delete(t.db()).await.unwrap();
    let again = Hourly::new().schedule(t.db()).await.unwrap();
    assert_eq!((again, again.existed(), total(&t).await), (first, true, 0));
    let passed = t.seconds_from_now(-1);
    assert_eq!(t.execute(&format!("UPDATE jobs_unique SET expires_at = {passed}")).await, 1);
    let second = Hourly::new().schedule(t.db()).await.unwrap();
    assert!(!second.existed());
    // It waits: the window only adds to that.
    assert_eq!(t.execute(&format!("UPDATE jobs_unique SET expires_at = {passed}")).await, 1);
    assert_eq!(Hourly::new().schedule(t.db()).await.unwrap(), second);
}

async fn a_key_whose_job_somebody_has_deleted_by_hand_is_free(t: Database) {
    let first = Solo::new("a.png").schedule(t.db()).await.unwrap();
    t.execute("DELETE FROM jobs_job").await;
    let again = Solo::new("a.png").schedule(t.db()).await.unwrap();
    assert!(!again.existed() && again != first);
    assert_eq!(Solo::new("a.png").schedule(t.db()).await.unwrap(), again);
}

async fn a_conflict_can_be_an_error(t: Database) {
    let first = Note::new("a").schedule(t.db()).unique_key("k").await.unwrap();
    let transaction = t.db().begin().await.unwrap();
    let other = Note::new("b").schedule(&transaction).await.unwrap();
    let refused = Note::new("c").schedule(&transaction).unique_key("k").on_conflict(OnConflict::Fail).await;
    assert_eq!(existing(refused), first.id());
    // The caller's transaction can continue.
    transaction.commit().await.unwrap();
    assert_eq!(other.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(total(&t).await, 2);
}

async fn a_waiting_job_can_be_replaced(t: Database) {
    let hour = Duration::from_hours(1);
    let first = Save::new("a", 1).schedule(t.db()).delay(hour).await.unwrap();
    let again = Save::new("a", 2).schedule(t.db()).delay(2 * hour).await.unwrap();
    assert_eq!((again, again.existed()), (first, true));
    let record = first.record(t.db()).await.unwrap();
    assert_eq!(record.parameter::<u32>("version").unwrap(), 2);
    let put_off = (record.scheduled_at - record.created_at).to_std().unwrap();
    assert!(put_off >= 2 * hour && put_off < 3 * hour, "{put_off:?}");
    Save::new("a", 3).schedule(t.db()).await.unwrap();
    work(&t).await;
    assert_eq!(first.output(t.db()).await.unwrap(), 3);
    assert_eq!(total(&t).await, 1);
}

async fn a_running_job_is_not_replaced(t: Database) {
    let gate = Gate::default();
    let worker = worker_at(&t, &gate);
    let replacing = || Gated::new().schedule(t.db()).unique_key("k").on_conflict(OnConflict::Replace);
    let first = replacing().await.unwrap();
    gate.arrivals(1).await;
    assert_eq!(existing(replacing().await), first.id());
    gate.open(1);
    soon(first.wait(t.db())).await.unwrap();
    worker.stop().await;
}

/// The job sees what the transaction has written.
async fn a_job_that_a_transaction_replaces_waits_for_it(t: Database) {
    let first = Save::new("a", 1).schedule(t.db()).await.unwrap();
    let transaction = t.db().begin().await.unwrap();
    assert_eq!(Save::new("a", 2).schedule(&transaction).await.unwrap(), first);
    let worker = worker_at(&t, &Gate::default());
    // This one is due later.
    let other = Note::new("b").schedule(t.db()).await.unwrap();
    soon(other.wait(t.db())).await.unwrap();
    assert_eq!(first.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    transaction.commit().await.unwrap();
    assert_eq!(soon(first.wait(t.db())).await.unwrap(), 2);
    worker.stop().await;
}

async fn a_key_scheduled_by_name_is_the_same_with_its_defaults(t: Database) {
    let typed = Solo::new("a").schedule(t.db()).await.unwrap();
    for (name, parameters) in [("Solo", json!({"file": "a"})), ("Only", json!({"width": 32, "file": "a"}))] {
        assert_eq!(jobs_tests::schedule_by_name(t.db(), name, parameters).await.unwrap(), typed.id());
    }
    let options = || JobOptions::new().unique_key("k");
    let unknown = jobs_tests::schedule_by_name_with(t.db(), "Elsewhere", json!({"a": 1}), options()).await.unwrap();
    let again = jobs_tests::schedule_by_name_with(t.db(), "Elsewhere", json!({"a": 2}), options()).await.unwrap();
    assert_eq!((again, total(&t).await), (unknown, 2));
}

async fn retry_takes_the_key_again(t: Database) {
    let first = Solo::new("broken").schedule(t.db()).await.unwrap();
    for _ in 0..2 {
        work(&t).await;
        first.retry(t.db()).await.unwrap();
        let again = Solo::new("broken").schedule(t.db()).await.unwrap();
        assert_eq!((again, again.existed()), (first, true));
    }
    // Also if another job has held it in the meantime.
    work(&t).await;
    let second = Solo::new("broken").schedule(t.db()).await.unwrap();
    work(&t).await;
    first.retry(t.db()).await.unwrap();
    assert_eq!(existing(second.retry(t.db()).await), first.id());
    // And if that one is deleted.
    second.delete(t.db()).await.unwrap();
    assert_eq!(Solo::new("broken").schedule(t.db()).await.unwrap(), first);
}

async fn retry_of_a_job_whose_key_another_one_holds_changes_nothing(t: Database) {
    let first = Solo::new("broken").schedule(t.db()).await.unwrap();
    work(&t).await;
    let second = Solo::new("broken").schedule(t.db()).await.unwrap();
    let before = first.record(t.db()).await.unwrap();
    let transaction = t.db().begin().await.unwrap();
    assert_eq!(existing(first.retry(&transaction).await), second.id());
    transaction.commit().await.unwrap();
    assert_eq!(existing(first.retry(t.db()).await), second.id());
    let after = first.record(t.db()).await.unwrap();
    assert_eq!((after.status, after.finished_at), (JobStatus::Failed, before.finished_at));
    assert_eq!(counts(&t).await.scheduled, 1);
    work(&t).await;
    first.retry(t.db()).await.unwrap();
}

async fn keys_that_make_no_sense_are_refused(t: Database) {
    let schedule = || Note::new("a").schedule(t.db());
    assert_eq!(refused(schedule().unique_key("").await), "unique_key");
    assert_eq!(refused(schedule().unique_key("é".repeat(201)).await), "unique_key");
    assert_eq!(refused(schedule().unique_key("a\0b").await), "unique_key");
    assert_eq!(refused(schedule().unique_key("k").unique_within(Duration::ZERO).await), "unique_within");
    assert_eq!(refused(schedule().unique_within(Duration::from_secs(1)).await), "unique");
    assert_eq!(refused(schedule().on_conflict(OnConflict::Fail).await), "unique");
    schedule().unique_key("é".repeat(200)).await.unwrap();
    assert_eq!(total(&t).await, 1);
}

async fn jobs_without_a_key_leave_no_trace_among_the_keys(t: Database) {
    Note::new("a").schedule(t.db()).await.unwrap();
    jobs::schedule_all(t.db(), (0..10).map(Add::new)).await.unwrap();
    work(&t).await;
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_unique").await, 0);
}
