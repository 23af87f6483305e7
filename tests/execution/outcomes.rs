//! The outcomes of attempts.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{AttemptEnd, Error, JobFilter};
use jobs_tests::{Database, Gate, Kind, cases, soon};

use crate::support::definitions::{Add, Once, Play, idle_worker, work, worker, wrong};
use crate::support::rows::{history, insert_job};

cases![
    an_error_is_recorded_and_retried_until_the_attempts_are_used_up,
    the_pause_before_a_retry_is_that_of_the_definition,
    a_failure_is_not_retried,
    a_job_that_cancels_itself_ends_canceled,
    a_snooze_does_not_count,
    a_retry_at_a_time_of_its_own_counts,
    parameters_that_do_not_decode_end_the_attempt_by_name,
    text_that_is_no_json_is_a_job_s_own_trouble if Kind::takes_any_text,
    unknown_parameters_are_ignored,
    a_good_end_leaves_no_attempt_behind,
    a_single_attempt_is_never_entered_twice,
    a_job_that_set_its_status_ends_with_it,
    only_ends_can_be_set_as_status,
];

async fn an_error_is_recorded_and_retried_until_the_attempts_are_used_up(t: Database) {
    let handle = Play::new().schedule(t.db()).max_attempts(2).await.unwrap();
    for (attempt, status) in [(1, JobStatus::Scheduled), (2, JobStatus::Failed)] {
        let worker = worker(&t, |job| async move { wrong(format!("wrong for the {}. time", job.attempt())) });
        soon(worker.name("the worker").run_until_idle()).await.unwrap();
        let record = handle.record(t.db()).await.unwrap();
        assert_eq!((record.status, record.attempt, record.max_attempts), (status, attempt, 2));
        assert_eq!(record.last_error, Some(format!("wrong for the {attempt}. time")));
        assert_eq!(record.finished_at.is_some(), status == JobStatus::Failed);
        t.make_due().await;
    }
    let attempts = handle.failed_attempts(t.db()).await.unwrap();
    let told: Vec<_> = attempts.iter().map(|a| (a.attempt, a.how, a.error.as_deref(), a.worker.as_str())).collect();
    assert_eq!(
        told,
        [
            (1, AttemptEnd::Error, Some("wrong for the 1. time"), "the worker"),
            (2, AttemptEnd::Error, Some("wrong for the 2. time"), "the worker"),
        ]
    );
    assert!(attempts.iter().all(|attempt| attempt.started_at.is_some_and(|start| start <= attempt.ended_at)));
    let failed = handle.wait(t.db()).await.unwrap_err();
    assert!(matches!(&failed, Error::JobFailed { reason, .. } if reason == "wrong for the 2. time"), "{failed}");
}

async fn the_pause_before_a_retry_is_that_of_the_definition(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |_| async { wrong("no") }).await;
    let record = handle.record(t.db()).await.unwrap();
    let ended = handle.failed_attempts(t.db()).await.unwrap()[0].ended_at;
    assert!(((record.scheduled_at - ended).num_milliseconds() - 3_600_000).abs() < 100);
    assert_eq!((record.started_at, record.finished_at), (None, None));
}

async fn a_failure_is_not_retried(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |_| async { wrong(JobError::fail("it can't be done")) }).await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Failed, 1));
    assert_eq!(record.last_error.as_deref(), Some("it can't be done"));
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Error)]);
}

async fn a_job_that_cancels_itself_ends_canceled(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |_| async { wrong(JobError::cancel("nobody wants it")) }).await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt), (JobStatus::Canceled, 1));
    assert_eq!(record.last_error.as_deref(), Some("nobody wants it"));
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Canceled)]);
    assert!(matches!(handle.wait(t.db()).await, Err(Error::JobCanceled { .. })));
}

async fn a_snooze_does_not_count(t: Database) {
    let handle = Once::new().schedule(t.db()).await.unwrap();
    for attempt in 1..=3 {
        work(&t, |_| async { wrong(JobError::snooze(Duration::from_hours(1)).because("no paper")) }).await;
        let record = handle.record(t.db()).await.unwrap();
        assert_eq!((record.status, record.attempt, record.max_attempts), (JobStatus::Scheduled, attempt, attempt + 1));
        assert!((record.scheduled_at - record.created_at).num_seconds() >= 3600);
        t.make_due().await;
    }
    assert_eq!(history(&t, handle).await, []);
    let said: Vec<_> = handle.messages(t.db()).await.unwrap().into_iter().map(|message| message.text).collect();
    assert_eq!(said, ["snoozed for 3600s: no paper"; 3]);
    work(&t, |job| async move { Ok(job.attempt()) }).await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 4);
}

async fn a_retry_at_a_time_of_its_own_counts(t: Database) {
    let handle = Play::new().schedule(t.db()).max_attempts(3).await.unwrap();
    work(&t, |_| async { wrong(JobError::retry_in(Duration::ZERO).because("not yet")) }).await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, record.max_attempts), (JobStatus::Failed, 3, 3));
    assert_eq!(record.last_error.as_deref(), Some("not yet"));
    assert_eq!(history(&t, handle).await, [1, 2, 3].map(|attempt| (attempt, AttemptEnd::Error)));
}

async fn parameters_that_do_not_decode_end_the_attempt_by_name(t: Database) {
    let id = insert_job(&t, "Add", &jobs::default_queue(), r#"{"a": "one"}"#).await;
    for status in [JobStatus::Scheduled, JobStatus::Failed] {
        soon(idle_worker(&t).run_until_idle()).await.unwrap();
        let record = jobs::record(t.db(), id).await.unwrap();
        assert_eq!(record.status, status);
        let reason = record.last_error.unwrap();
        assert!(reason.starts_with("`a` does not decode: "), "{reason}");
        t.make_due().await;
    }
    let ends: Vec<_> = jobs::failed_attempts(t.db(), id).await.unwrap().iter().map(|attempt| attempt.how).collect();
    assert_eq!(ends, [AttemptEnd::Undecodable, AttemptEnd::Undecodable]);
}

/// Others can be listed beside it, and it fails.
async fn text_that_is_no_json_is_a_job_s_own_trouble(t: Database) {
    let broken = insert_job(&t, "Add", &jobs::default_queue(), "[1, 2").await;
    let good = Add::new(1).schedule(t.db()).await.unwrap();
    work(&t, |_| async { Ok(()) }).await;
    assert_eq!(good.status(t.db()).await.unwrap(), JobStatus::Terminated);
    let listed = jobs::list(t.db(), JobFilter::new()).await.unwrap().jobs;
    assert_eq!(listed.iter().map(|record| record.id).collect::<Vec<_>>(), [good.id(), broken]);
    assert_eq!(listed[1].parameters, "[1, 2");
    let reason = listed[1].last_error.as_deref().unwrap();
    assert!(reason.starts_with("`parameters` does not decode"), "{reason}");
}

async fn unknown_parameters_are_ignored(t: Database) {
    let id = insert_job(&t, "Add", &jobs::default_queue(), r#"{"a": 2, "color": "red", "b": 3}"#).await;
    soon(idle_worker(&t).run_until_idle()).await.unwrap();
    assert_eq!(jobs::output::<i64>(t.db(), id).await.unwrap(), 5);
}

async fn a_good_end_leaves_no_attempt_behind(t: Database) {
    let handle = Add::new(2).schedule(t.db()).await.unwrap();
    soon(idle_worker(&t).run_until_idle()).await.unwrap();
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, record.progress), (JobStatus::Terminated, 1, 100));
    assert_eq!(record.last_error, None);
    assert!(record.created_at <= record.started_at.unwrap() && record.started_at <= record.finished_at);
    assert_eq!(handle.output(t.db()).await.unwrap(), 3);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_attempt").await, 0);
}

async fn a_single_attempt_is_never_entered_twice(t: Database) {
    let gate = Gate::default();
    for how in ["error", "panic", "retry_in"] {
        Once::new().with_name(how).schedule(t.db()).await.unwrap();
    }
    let entered = gate.clone();
    work(&t, move |job| {
        entered.arrive();
        async move {
            match job.parameter::<String>("name")?.as_str() {
                "error" => wrong("wrong"),
                "panic" => panic!("wrong"),
                _ => wrong(JobError::retry_in(Duration::ZERO)),
            }
        }
    })
    .await;
    t.make_due().await;
    soon(idle_worker(&t).run_until_idle()).await.unwrap();
    assert_eq!(gate.arrived(), 3);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job WHERE status = 3 AND attempt = 1").await, 3);
}

async fn a_job_that_set_its_status_ends_with_it(t: Database) {
    for status in [JobStatus::Canceled, JobStatus::Failed, JobStatus::Terminated] {
        for good in [true, false] {
            let handle = Play::new().schedule(t.db()).await.unwrap();
            work(&t, move |job| async move {
                job.set_status(JobStatus::Failed)?;
                job.set_status(JobStatus::Canceled)?;
                job.set_status(status)?;
                if good { Ok("done") } else { Err("not done")? }
            })
            .await;
            let record = handle.record(t.db()).await.unwrap();
            assert_eq!(record.status, status, "{good}");
            if !good {
                assert_eq!(record.last_error.as_deref(), Some("not done"), "{status}");
            } else if status == JobStatus::Terminated {
                assert_eq!(record.last_error, None);
                assert_eq!(handle.output(t.db()).await.unwrap(), "done");
            } else {
                assert_eq!(record.last_error, Some(format!("the job has set its status to {status}")));
            }
        }
    }
}

async fn only_ends_can_be_set_as_status(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        let refused = [JobStatus::Scheduled, JobStatus::Running].map(|status| job.set_status(status));
        Ok(refused.iter().all(|result| matches!(result, Err(Error::InvalidValue { name, .. }) if name == "status")))
    })
    .await;
    assert_eq!(handle.output(t.db()).await.unwrap(), true);
}
