//! The context that `execute` receives.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use jobs::prelude::*;
use jobs::{AttemptEnd, Error};
use jobs_tests::{Database, Gate, Running, cases, soon};
use sea_orm::ConnectionTrait as _;
use serde_json::json;

use crate::support::definitions::{Add, Aside, Encore, Play, idle_worker, work, worker, wrong};
use crate::support::rows::{history, until, until_status};

cases![
    a_job_knows_who_it_is_and_for_whom_it_works,
    a_job_knows_which_attempt_it_is,
    a_parameter_that_is_not_there_is_an_error,
    progress_is_seen_while_the_job_runs,
    results_are_seen_while_the_job_runs,
    a_result_over_the_limit_is_refused_and_the_job_goes_on,
    state_is_found_by_its_type,
    a_worker_without_the_state_that_a_definition_needs_does_not_start,
    blocking_code_holds_up_nobody,
    a_panic_of_blocking_code_is_the_jobs,
    a_job_uses_the_database,
    a_definition_that_is_linked_may_be_registered_by_hand_too,
];

async fn a_job_knows_who_it_is_and_for_whom_it_works(t: Database) {
    let schedule = Play::new().with_name("ada's").schedule(t.db()).queue("aside").max_attempts(7);
    let handle = schedule.user("ada").session("s-1").event("e-1").await.unwrap();
    work(&t, |job| async move {
        Ok(json!({
            "id": job.id(), "name": job.name(), "queue": job.queue(), "max": job.max_attempts(),
            "user": job.user(), "session": job.session(), "event": job.event(),
            "times": [job.created_at(), job.scheduled_at()], "parameter": job.parameter::<String>("name")?,
        }))
    })
    .await;
    let record = handle.record(t.db()).await.unwrap();
    let expected = json!({
        "id": handle.id(), "name": "Play", "queue": "aside", "max": 7,
        "user": "ada", "session": "s-1", "event": "e-1",
        "times": [record.created_at, record.scheduled_at], "parameter": "ada's",
    });
    assert_eq!(handle.output(t.db()).await.unwrap(), expected);
    let nobody = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move { Ok((job.user().is_none(), job.session().is_none(), job.event().is_none())) }).await;
    assert_eq!(nobody.output(t.db()).await.unwrap(), json!([true, true, true]));
}

async fn a_job_knows_which_attempt_it_is(t: Database) {
    let handle = Aside::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        job.message("here");
        if job.attempt() == 1 { Err("again")? } else { Ok(job.attempt()) }
    })
    .await;
    assert_eq!(handle.output(t.db()).await.unwrap(), 2);
    let messages = handle.messages(t.db()).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.attempt).collect::<Vec<_>>(), [1, 2]);
}

async fn a_parameter_that_is_not_there_is_an_error(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        let missing = job.parameter::<String>("color");
        let wrong = job.parameter::<u8>("name");
        Ok(matches!(missing, Err(Error::InvalidValue { name, .. }) if name == "color")
            && matches!(wrong, Err(Error::Decode { name, .. }) if name == "name"))
    })
    .await;
    assert_eq!(handle.output(t.db()).await.unwrap(), true);
}

async fn progress_is_seen_while_the_job_runs(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        let gate = job.state::<Gate>();
        job.set_progress_of(1, 3);
        gate.pass().await;
        job.set_progress_of(u64::MAX - 1, u64::MAX);
        gate.pass().await;
        job.set_progress_of(7, 5);
        gate.pass().await;
        job.set_progress(5);
        gate.pass().await;
        job.set_progress(200);
        gate.pass().await;
        job.set_progress(0);
        job.set_progress_of(0, 0);
        gate.pass().await;
        wrong(JobError::fail("just to show"))
    });
    let running = Running::start(worker.state(gate.clone()));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    for expected in [33, 99, 100, 5, 100, 100] {
        gate.arrivals(1).await;
        until(|| async { handle.progress(t.db()).await.unwrap() == expected }).await;
        assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Running);
        gate.open(1);
    }
    running.stop().await;
}

async fn results_are_seen_while_the_job_runs(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.set_result("format", "gif")?;
        job.set_result("format", "png")?;
        job.set_result("size", (640, 480))?;
        job.state::<Gate>().pass().await;
        job.set_result("late", true)?;
        Ok("done")
    });
    let running = Running::start(worker.state(gate.clone()));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    until(|| async { !handle.results(t.db()).await.unwrap().is_empty() }).await;
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Running);
    assert_eq!(json!(handle.results(t.db()).await.unwrap()), json!({"format": "png", "size": [640, 480]}));
    gate.open(1);
    until_status(&t, handle, JobStatus::Terminated).await;
    let all = json!({"format": "png", "size": [640, 480], "late": true, "output": "done"});
    assert_eq!(json!(handle.results(t.db()).await.unwrap()), all);
    assert_eq!(handle.result::<(u32, u32)>(t.db(), "size").await.unwrap(), (640, 480));
    running.stop().await;
}

async fn a_result_over_the_limit_is_refused_and_the_job_goes_on(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        job.set_result("small", 1)?;
        let refused = job.set_result("large", "x".repeat(jobs::MAX_JSON_BYTES));
        Ok(matches!(refused, Err(Error::InvalidValue { name, .. }) if name == "large"))
    })
    .await;
    let record = handle.record(t.db()).await.unwrap();
    assert_eq!(record.status, JobStatus::Terminated);
    assert_eq!(json!(record.results), json!({"small": 1, "output": true}));
}

async fn state_is_found_by_its_type(t: Database) {
    let (found, missing) = (Play::new(), Encore::new());
    let (found, missing) = (found.schedule(t.db()).await.unwrap(), missing.schedule(t.db()).await.unwrap());
    let worker = worker(&t, |job| async move {
        if job.name() == "Encore" {
            let _ = job.state::<String>();
        }
        Ok((*job.state::<u32>(), *job.state::<char>(), job.try_state::<String>().is_none()))
    });
    soon(worker.state(7_u32).state('x').run_until_idle()).await.unwrap();
    assert_eq!(found.output(t.db()).await.unwrap(), json!([7, "x", true]));
    let attempts = missing.failed_attempts(t.db()).await.unwrap();
    assert_eq!(attempts[0].how, AttemptEnd::Panic);
    let reason = attempts[0].error.as_deref().unwrap();
    assert!(reason.contains("no state of type `alloc::string::String`"), "{reason}");
}

async fn a_worker_without_the_state_that_a_definition_needs_does_not_start(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    let refused = soon(Worker::new(t.db().clone()).run_until_idle()).await.unwrap_err();
    assert!(matches!(refused, Error::Setup(_)), "{refused}");
    assert!(refused.to_string().contains("Script"), "{refused}");
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_worker").await, 0);
}

/// More jobs block than there are threads, and all of them have to meet.
async fn blocking_code_holds_up_nobody(t: Database) {
    const JOBS: usize = 8;
    let handles = jobs::schedule_all(t.db(), (0..JOBS).map(|_| Play::new())).await.unwrap();
    let worker = worker(&t, |job| async move {
        let all = job.state::<Arc<Barrier>>().clone();
        Ok(job.run_blocking(move || all.wait().is_leader()).await)
    });
    soon(worker.state(Arc::new(Barrier::new(JOBS))).queue("play", JOBS).run_until_idle()).await.unwrap();
    let mut leaders = 0;
    for handle in handles {
        leaders += usize::from(handle.output(t.db()).await.unwrap() == true);
    }
    assert_eq!(leaders, 1);
}

async fn a_panic_of_blocking_code_is_the_jobs(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        job.run_blocking(|| panic!("deep down")).await;
        Ok(())
    })
    .await;
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Panic)]);
    let reason = handle.record(t.db()).await.unwrap().last_error;
    assert!(reason.is_some_and(|reason| reason.starts_with("panicked at ") && reason.ends_with(": deep down")));
}

async fn a_job_uses_the_database(t: Database) {
    t.execute("CREATE TABLE done (job BIGINT)").await;
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |job| async move {
        job.db().execute_unprepared(&format!("INSERT INTO done VALUES ({})", job.id())).await?;
        let next = Add::new(1).schedule(job.db()).delay(Duration::from_hours(1)).await?;
        Ok(next)
    })
    .await;
    assert_eq!(t.number("SELECT job FROM done").await, handle.id().get());
    let next: jobs::JobId = handle.result(t.db(), "output").await.unwrap();
    assert_eq!(jobs::status(t.db(), next).await.unwrap(), JobStatus::Scheduled);
}

async fn a_definition_that_is_linked_may_be_registered_by_hand_too(t: Database) {
    let handle = Add::new(1).schedule(t.db()).await.unwrap();
    soon(idle_worker(&t).register::<Add>().run_until_idle()).await.unwrap();
    assert_eq!(handle.output(t.db()).await.unwrap(), 2);
}
