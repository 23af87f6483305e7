//! Jobs that a test runs by themselves, without a worker: `jobs::testing::Run`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use jobs::prelude::*;
use jobs::testing::{Ran, Run, run_now};
use jobs::{AttemptEnd, CancellationToken, Error};
use jobs_tests::{Database, Gate, Kind, cases, soon};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde::Serialize;
use serde_json::json;

use crate::support::definitions::{Add, Once, Play, Script, Timed, Unspeakable, wrong};

cases![
    a_run_tells_what_a_worker_would_have_written if once,
    an_error_leaves_the_job_waiting_until_its_last_attempt if once,
    a_job_that_snoozes_has_no_output_yet if once,
    a_panic_is_how_the_attempt_ended if once,
    a_run_ends_at_its_time_out if once,
    a_run_is_canceled_by_its_token if once,
    a_canceled_run_is_not_retried if once,
    a_run_that_does_not_stop_is_ended_after_the_grace if once,
    a_job_knows_the_options_of_its_run if once,
    parameters_go_through_json_and_back if once,
    an_output_that_does_not_serialize_fails_the_job if once,
    what_could_not_be_scheduled_panics_at_once if once,
    what_no_worker_would_start_for_panics_at_once if once,
    without_a_database_the_job_is_told_what_to_do if once,
    a_job_uses_the_database_of_its_run,
    a_job_that_finishes_itself_keeps_its_output,
];

/// Whether to run on this kind of database: what needs no database is tried once.
fn once(kind: Kind) -> bool {
    kind == Kind::Sqlite
}

fn play<R, T>(script: impl Fn(JobContext) -> R + Send + Sync + 'static) -> Run<Play>
where
    R: Future<Output = JobResult<T>> + Send + 'static,
    T: Serialize,
{
    Run::new(Play::new()).state(Script::new(script))
}

/// The message of the code's panic.
fn panic_of<T>(code: impl FnOnce() -> T) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| drop(code()))).unwrap_err();
    *panic.downcast::<String>().unwrap()
}

async fn a_run_tells_what_a_worker_would_have_written(_: Database) {
    let ran = play(|job| async move {
        job.set_progress(30);
        job.message("first");
        job.warn("second");
        job.set_result("size", (640, 480))?;
        Ok("done")
    });
    let ran = ran.attempt(3).run().await;
    assert_eq!((ran.status(), ran.failure(), ran.error(), ran.delay()), (JobStatus::Terminated, None, None, None));
    assert_eq!(ran.output().unwrap(), "done");
    assert_eq!(ran.progress(), 100);
    assert_eq!(json!(ran.results()), json!({"size": [640, 480], "output": "done"}));
    assert_eq!(ran.result::<(u32, u32)>("size").unwrap(), (640, 480));
    assert!(matches!(ran.result::<u32>("color"), Err(Error::NoResult { name, .. }) if name == "color"));
    let said: Vec<_> = ran.messages().iter().map(|said| (said.attempt, said.level, said.text.as_str())).collect();
    assert_eq!(said, [(3, jobs::Level::Info, "first"), (3, jobs::Level::Warn, "second")]);
    let nothing = play(|_| async { Ok(()) }).run().await;
    assert_eq!(nothing.output().unwrap(), json!(null));
    assert_eq!(run_now(Add::new(1)).await.output().unwrap(), 2);
}

async fn an_error_leaves_the_job_waiting_until_its_last_attempt(_: Database) {
    let failing = || {
        play(|job| async move {
            job.set_progress(40);
            wrong("the disk is full")
        })
        .max_attempts(2)
    };
    let first = failing().run().await;
    assert_eq!((first.status(), first.delay()), (JobStatus::Scheduled, Some(Duration::from_hours(1))));
    assert_eq!(
        (first.failure(), first.error(), first.progress()),
        (Some(AttemptEnd::Error), Some("the disk is full"), 40)
    );
    let last = failing().attempt(2).run().await;
    assert_eq!((last.status(), last.delay()), (JobStatus::Failed, None));
    for ran in [first, last] {
        assert!(matches!(ran.output(), Err(Error::JobFailed { reason, .. }) if reason == "the disk is full"));
    }
    let asked = play(|_| async { wrong(JobError::retry_in(Duration::from_secs(7))) }).run().await;
    assert_eq!((asked.status(), asked.delay()), (JobStatus::Scheduled, Some(Duration::from_secs(7))));
    let given_up = play(|_| async { wrong(JobError::fail("never")) }).run().await;
    assert_eq!((given_up.status(), given_up.error()), (JobStatus::Failed, Some("never")));
}

async fn a_job_that_snoozes_has_no_output_yet(_: Database) {
    let ran = play(|_| async { wrong(JobError::snooze(Duration::from_secs(9)).because("no paper")) });
    let ran = ran.max_attempts(1).run().await;
    assert_eq!((ran.status(), ran.delay(), ran.error()), (JobStatus::Scheduled, Some(Duration::from_secs(9)), None));
    assert!(matches!(ran.output(), Err(Error::NotClosed { status: JobStatus::Scheduled, .. })));
    assert_eq!(ran.messages()[0].text, "snoozed for 9s: no paper");
}

async fn a_panic_is_how_the_attempt_ended(_: Database) {
    let ran = play(|job| async move {
        job.message("so far");
        assert!(job.attempt() > 1, "it blew up");
        Ok(())
    });
    let ran = ran.run().await;
    assert_eq!(ran.failure(), Some(AttemptEnd::Panic));
    let reason = ran.error().unwrap();
    assert!(reason.starts_with(&format!("panicked at {}:", file!())) && reason.ends_with(": it blew up"), "{reason}");
    assert_eq!(ran.messages()[0].text, "so far");
}

async fn a_run_ends_at_its_time_out(_: Database) {
    let stops = Run::new(Timed::new()).state(Script::new(|job| async move {
        job.stop_requested().await;
        wrong("stopped")
    }));
    let ran = soon(stops.timeout(Duration::from_millis(20)).run()).await;
    assert_eq!((ran.failure(), ran.error()), (Some(AttemptEnd::Timeout), Some("timed out after 20ms")));
}

async fn a_run_is_canceled_by_its_token(_: Database) {
    let (token, gate) = (CancellationToken::new(), Gate::default());
    let waits = play(|job| async move {
        job.state::<Gate>().arrive();
        job.stop_requested().await;
        job.message("cleaning up");
        wrong("stopped")
    });
    let cancels = async {
        gate.arrivals(1).await;
        token.cancel();
    };
    let (ran, ()) =
        soon(async { tokio::join!(waits.state(gate.clone()).cancel_on(token.clone()).run(), cancels) }).await;
    assert_eq!((ran.status(), ran.failure()), (JobStatus::Canceled, Some(AttemptEnd::Canceled)));
    assert!(matches!(ran.output(), Err(Error::JobCanceled { .. })));
    assert_eq!(ran.messages()[0].text, "cleaning up");
    // The token is canceled now: the next one finds itself canceled when it begins.
    let ran = play(|job| async move { Ok(job.stop_reason().is_some()) }).cancel_on(token).run().await;
    assert_eq!(ran.output().unwrap(), true);
}

async fn a_canceled_run_is_not_retried(_: Database) {
    let token = CancellationToken::new();
    token.cancel();
    let ran = play(|_| async { wrong(JobError::retry_in(Duration::from_secs(1))) }).cancel_on(token).run().await;
    assert_eq!((ran.status(), ran.delay()), (JobStatus::Canceled, None));
}

async fn a_run_that_does_not_stop_is_ended_after_the_grace(_: Database) {
    let token = CancellationToken::new();
    token.cancel();
    let goes_on = play(|_| async { std::future::pending::<JobResult>().await });
    let ran = soon(goes_on.cancel_on(token).cancel_grace(Duration::from_millis(10)).run()).await;
    assert_eq!((ran.status(), ran.error()), (JobStatus::Canceled, Some("canceled")));
}

async fn a_job_knows_the_options_of_its_run(_: Database) {
    let tells = |job: JobContext| async move {
        Ok(json!([job.name(), job.attempt(), job.max_attempts(), job.queue(), job.user(), job.session(), job.event()]))
    };
    let ran = play(tells).attempt(2).max_attempts(7).queue("aside").user("ada").session("s-1").event("e-1").run().await;
    assert_eq!(ran.output().unwrap(), json!(["Play", 2, 7, "aside", "ada", "s-1", "e-1"]));
    let ran: Ran<Once> = Run::new(Once::new()).state(Script::new(tells)).run().await;
    assert_eq!(ran.output().unwrap(), json!(["Once", 1, 1, "play", null, null, null]));
}

/// Doubles a number, which JSON may not be able to represent.
#[derive(Job, Debug)]
#[job_params]
struct Double {
    number: f64,
}

impl Execute for Double {
    type Output = f64;

    async fn execute(&self, _job: &JobContext) -> JobResult<f64> {
        Ok(self.number() * 2.0)
    }
}

async fn parameters_go_through_json_and_back(_: Database) {
    let twice = run_now(Double::new(1.5)).await.output().unwrap();
    assert!((twice - 3.0).abs() < f64::EPSILON, "{twice}");
    let said = panic_of(|| run_now(Double::new(f64::NAN)));
    assert!(said.starts_with("`Double` can't be run: `number` is invalid: "), "{said}");
    // So does the output.
    let ran = run_now(Double::new(f64::MAX)).await;
    assert_eq!(ran.status(), JobStatus::Failed);
    assert!(ran.error().unwrap().contains("`output`"), "{ran:?}");
}

async fn an_output_that_does_not_serialize_fails_the_job(_: Database) {
    let ran = run_now(Unspeakable::new()).await;
    assert_eq!(ran.status(), JobStatus::Failed);
    assert!(ran.error().unwrap().starts_with("`output` does not serialize"), "{ran:?}");
}

async fn what_could_not_be_scheduled_panics_at_once(_: Database) {
    let said = panic_of(|| play(|_| async { Ok(()) }).max_attempts(0).run());
    assert_eq!(said, "`Play` can't be run: `max_attempts` is invalid: 0 is not between 1 and 32767");
    let with_nul = Run::new(Play::new().with_name("a\0b")).state(Script::new(|_| async { Ok(()) }));
    let said = panic_of(|| with_nul.run());
    assert!(said.starts_with("`Play` can't be run: `name` is invalid: it contains a NUL character"), "{said}");
}

async fn what_no_worker_would_start_for_panics_at_once(_: Database) {
    let said = panic_of(|| run_now(Play::new()));
    assert!(said.contains("`Play` can't be run: ") && said.contains("needs state of type"), "{said}");
    assert!(said.contains("Script"), "{said}");
}

async fn without_a_database_the_job_is_told_what_to_do(_: Database) {
    let ran = play(|job| async move {
        let _ = job.db();
        Ok(())
    });
    let ran = ran.run().await;
    assert_eq!(ran.failure(), Some(AttemptEnd::Panic));
    assert!(ran.error().unwrap().contains("testing::Run::new(job).db(&db)"), "{ran:?}");
}

async fn a_job_uses_the_database_of_its_run(t: Database) {
    let schedules = play(|job| async move { Ok(Add::new(1).schedule(job.db()).await?) });
    let ran = schedules.db(t.db()).run().await;
    let next: jobs::JobId = ran.result("output").unwrap();
    assert_eq!(jobs::status(t.db(), next).await.unwrap(), JobStatus::Scheduled);
    assert_eq!(t.number("SELECT COUNT(*) FROM jobs_job").await, 1);
}

async fn a_job_that_finishes_itself_keeps_its_output(t: Database) {
    t.execute("CREATE TABLE done (job BIGINT)").await;
    let finishes = play(|job| async move {
        job.message("before");
        job.set_result("size", 3)?;
        let transaction = job.db().begin().await?;
        transaction.execute_unprepared("INSERT INTO done VALUES (7)").await?;
        job.finish_in(&transaction, &"done").await?;
        transaction.commit().await?;
        job.message("after");
        let refused = job.set_result("late", true);
        assert!(matches!(refused, Err(Error::Closed { .. })), "{refused:?}");
        wrong("it no longer matters")
    });
    let ran = finishes.db(t.db()).run().await;
    assert_eq!((ran.status(), ran.error(), ran.progress()), (JobStatus::Terminated, None, 100));
    assert_eq!(json!(ran.results()), json!({"size": 3, "output": "done"}));
    assert_eq!(ran.messages().iter().map(|said| said.text.as_str()).collect::<Vec<_>>(), ["before"]);
    assert_eq!(t.number("SELECT job FROM done").await, 7);
}
