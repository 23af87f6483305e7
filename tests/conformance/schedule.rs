//! Scheduling one job: what its record says then, and when it is due.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use jobs::JobRecord;
use jobs::prelude::*;
use jobs_tests::{Database, Kind, cases};
use serde_json::json;

use crate::support::common::work;
use crate::support::definitions::{Add, Configured, Note, Ping};

cases![
    a_scheduled_job_is_executed_and_its_output_is_typed,
    a_job_without_options_has_the_defaults,
    a_job_has_the_options_of_its_definition,
    every_option_of_the_builder_lands_in_the_record,
    options_given_beforehand_are_those_of_the_builder,
    the_last_word_on_an_option_wins,
    a_delay_counts_from_the_scheduling,
    a_job_at_a_time_is_due_then,
    a_job_of_the_past_is_due_at_once,
    a_job_without_parameters_is_scheduled_and_executed,
    text_of_all_scripts_comes_back_as_it_was,
    numbers_come_back_as_they_were,
    the_longest_names_are_kept,
    a_handle_is_a_number_that_can_be_copied_and_kept,
    ids_are_not_used_again_after_a_delete,
];

async fn a_scheduled_job_is_executed_and_its_output_is_typed(t: Database) {
    let handle = Add::new(2).with_b(3).schedule(t.db()).await.unwrap();
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    work(&t).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 5);
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Terminated);
}

async fn a_job_without_options_has_the_defaults(t: Database) {
    let handle = Add::new(2).schedule(t.db()).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.id, record.name.as_str(), record.queue.as_str()), (handle.id(), "Add", "long-running"));
    assert_eq!((record.priority, record.max_attempts, record.timeout), (0, 5, None));
    assert_eq!((record.status, record.version, record.attempt), (JobStatus::Scheduled, 0, 0));
    assert_eq!(record.parameters, json!({"a": 2, "b": 1}));
    assert_eq!((record.results.len(), record.progress, &record.last_error), (0, 0, &None));
    assert_eq!((&record.user, &record.session, &record.event), (&None, &None, &None));
    assert_eq!((record.started_at, record.finished_at, record.cancel_requested_at), (None, None, None));
    assert_eq!(record.worker_id, None);
    assert_eq!(record.scheduled_at, record.created_at);
}

async fn a_job_has_the_options_of_its_definition(t: Database) {
    let record = Configured::new().schedule(t.db()).await.unwrap().record(t.db()).await.unwrap();
    assert_eq!((record.name.as_str(), record.queue.as_str()), ("configured", "images"));
    assert_eq!((record.priority, record.max_attempts), (-5, 3));
    assert_eq!(record.timeout, Some(Duration::from_mins(5)));
}

async fn every_option_of_the_builder_lands_in_the_record(t: Database) {
    let handle = Configured::new()
        .schedule(t.db())
        .delay(Duration::from_hours(1))
        .priority(-100)
        .queue("elsewhere")
        .max_attempts(32767)
        .timeout(Duration::from_millis(1))
        .user("ada")
        .session("s-1")
        .event("e-1")
        .await
        .unwrap();
    assert_has_the_options(&handle.record(t.db()).await.unwrap());
}

async fn options_given_beforehand_are_those_of_the_builder(t: Database) {
    let first = Configured::new().with_options(options()).schedule(t.db()).await.unwrap();
    let second = Configured::new().schedule(t.db()).options(options()).await.unwrap();
    for handle in [first, second] {
        assert_has_the_options(&handle.record(t.db()).await.unwrap());
    }
}

fn options() -> JobOptions {
    JobOptions::new()
        .delay(Duration::from_hours(1))
        .priority(-100)
        .queue("elsewhere")
        .max_attempts(32767)
        .timeout(Duration::from_millis(1))
        .user("ada")
        .session("s-1")
        .event("e-1")
}

fn assert_has_the_options(record: &JobRecord) {
    assert_eq!(record.scheduled_at - record.created_at, TimeDelta::hours(1));
    assert_eq!((record.priority, record.queue.as_str(), record.max_attempts), (-100, "elsewhere", 32767));
    assert_eq!(record.timeout, Some(Duration::from_millis(1)));
    let who = [&record.user, &record.session, &record.event].map(|text| text.as_deref());
    assert_eq!(who, [Some("ada"), Some("s-1"), Some("e-1")]);
}

async fn the_last_word_on_an_option_wins(t: Database) {
    let job = Configured::new().with_options(options()).schedule(t.db());
    let record = job.at(DateTime::UNIX_EPOCH).queue("here").priority(100).await.unwrap().record(t.db()).await.unwrap();
    assert_eq!(record.scheduled_at, DateTime::UNIX_EPOCH);
    assert_eq!((record.queue.as_str(), record.priority), ("here", 100));
    assert_eq!(record.user.as_deref(), Some("ada"), "what was said no second time stays");
}

async fn a_delay_counts_from_the_scheduling(t: Database) {
    let short = Add::new(1).schedule(t.db()).delay(Duration::from_millis(1_500)).await.unwrap();
    let long = Add::new(1).schedule(t.db()).delay(Duration::from_hours(876_000)).await.unwrap();
    for (handle, delay) in [(short, TimeDelta::milliseconds(1_500)), (long, TimeDelta::hours(876_000))] {
        let record = handle.record(t.db()).await.unwrap();
        assert_eq!(record.scheduled_at - record.created_at, delay);
    }
    let hour = Add::new(1).schedule(t.db()).delay(Duration::from_hours(1)).await.unwrap();
    work(&t).await;
    assert_eq!(hour.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    t.make_due().await;
    work(&t).await;
    assert_eq!(hour.status(t.db()).await.unwrap(), JobStatus::Terminated);
}

async fn a_job_at_a_time_is_due_then(t: Database) {
    let time = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    for at in ["1970-01-01T00:00:00Z", "2038-01-19T03:14:08.125Z", "2099-07-01T12:30:00+05:30", "9000-12-31T23:59:59Z"]
    {
        let handle = Add::new(1).schedule(t.db()).at(time(at)).await.unwrap();
        assert_eq!(handle.record(t.db()).await.unwrap().scheduled_at, time(at), "{at}");
    }
    let fine = time("2099-01-01T00:00:00.123456789Z");
    let record = Add::new(1).schedule(t.db()).at(fine).await.unwrap().record(t.db()).await.unwrap();
    let precision = if t.kind() == Kind::Sqlite { TimeDelta::milliseconds(1) } else { TimeDelta::microseconds(1) };
    assert!((record.scheduled_at - fine).abs() < precision, "{} {fine}", record.scheduled_at);
}

async fn a_job_of_the_past_is_due_at_once(t: Database) {
    let past = Add::new(1).schedule(t.db()).at(Utc::now() - TimeDelta::days(365)).await.unwrap();
    let future = Add::new(1).schedule(t.db()).at(Utc::now() + TimeDelta::hours(1)).await.unwrap();
    work(&t).await;
    assert_eq!(past.status(t.db()).await.unwrap(), JobStatus::Terminated);
    assert_eq!(future.status(t.db()).await.unwrap(), JobStatus::Scheduled);
}

async fn a_job_without_parameters_is_scheduled_and_executed(t: Database) {
    let handle = Ping::new().schedule(t.db()).await.unwrap();
    assert_eq!(handle.record(t.db()).await.unwrap().parameters, json!({}));
    work(&t).await;
    handle.output(t.db()).await.unwrap();
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Terminated);
}

async fn text_of_all_scripts_comes_back_as_it_was(t: Database) {
    let text =
        "Füße, 日本語, עברית, e\u{301}, 👩‍👩‍👧, \u{10FFFF}, \"quoted\" 'and' \\slashed\\\r\n\t\u{1}\u{7f}\u{85}%_;--";
    let names = ["Grüße an 👩‍🚀", "Żółć", "会话", "událost"];
    let [queue, user, session, event] = names;
    let handle = Note::new(text).schedule(t.db()).queue(queue).user(user).session(session).event(event).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!(record.parameter::<String>("text").unwrap(), text);
    assert_eq!(record.queue, queue);
    assert_eq!([&record.user, &record.session, &record.event].map(|t| t.as_deref()), [user, session, event].map(Some));
    let worker = Worker::new(t.db().clone()).queue(queue, 1);
    jobs_tests::soon(worker.run_until_idle()).await.unwrap();
    assert_eq!(handle.output(t.db()).await.unwrap(), text);
}

async fn numbers_come_back_as_they_were(t: Database) {
    for (a, b) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1)] {
        let handle = Add::new(a).with_b(b).schedule(t.db()).await.unwrap();
        work(&t).await;
        assert_eq!(handle.output(t.db()).await.unwrap(), a + b);
    }
    let given = json!({"big": u64::MAX, "small": 0.1, "tiny": 1e-7, "deep": [[{"": null}], true, [], {}]});
    let id = jobs_tests::schedule_by_name(t.db(), "nobody knows", given.clone()).await.unwrap();
    assert_eq!(jobs::record(t.db(), id).await.unwrap().parameters, given);
}

async fn the_longest_names_are_kept(t: Database) {
    let long = "🦀".repeat(200);
    let options = JobOptions::new().queue(&long).user(&long).session(&long).event(&long);
    let id = jobs_tests::schedule_by_name_with(t.db(), &long, json!({}), options).await.unwrap();
    let record = jobs::record(t.db(), id).await.unwrap();
    assert_eq!((&record.name, &record.queue), (&long, &long));
    assert_eq!([record.user, record.session, record.event], [Some(&long); 3].map(Option::<&String>::cloned));
}

async fn a_handle_is_a_number_that_can_be_copied_and_kept(t: Database) {
    let handle = Add::new(20).schedule(t.db()).await.unwrap();
    let copy = handle;
    let kept = serde_json::to_string(&handle).unwrap();
    assert_eq!(kept, handle.id().get().to_string());
    work(&t).await;
    let found: JobHandle<Add> = serde_json::from_str(&kept).unwrap();
    assert_eq!((found, found.id(), found.to_string()), (copy, handle.id(), kept));
    assert_eq!(found.output(t.db()).await.unwrap(), 21);
}

async fn ids_are_not_used_again_after_a_delete(t: Database) {
    let mut last = None;
    for _ in 0..3 {
        let handle = Ping::new().schedule(t.db()).await.unwrap();
        assert!(last < Some(handle.id()), "{handle} after {last:?}");
        last = Some(handle.id());
        handle.cancel(t.db()).await.unwrap();
        handle.delete(t.db()).await.unwrap();
    }
}
