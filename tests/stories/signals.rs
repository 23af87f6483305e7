//! Processes that are told to stop.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use jobs::prelude::*;
use jobs::{AttemptEnd, JobHandle};
use jobs_tests::{Database, cases, soon};
use nix::sys::signal::Signal;
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use story_jobs::{Block, Hold, Wait, started};

use crate::support::process::Process;
use crate::support::setup::{Role, Setup};
use crate::support::tables::workers;

/// The time after which a signal counts as another one, and not as the same.
const NEXT_SIGNAL: Duration = Duration::from_millis(600);

/// Tells a process that has been told to stop to leave at once; returns how it has ended, and its log. On a busy machine, the next
/// signal may still count as the same.
async fn tell_again(told: &mut Process) -> (ExitStatus, Vec<String>) {
    loop {
        tokio::time::sleep(NEXT_SIGNAL).await;
        told.signal(Signal::SIGTERM);
        if told.ends_within(2 * NEXT_SIGNAL).await {
            return told.ended().await;
        }
    }
}

cases![
    at_sigterm_jobs_may_end_within_the_grace_and_the_others_are_given_back,
    at_sigint_jobs_may_end_within_the_grace_and_the_others_are_given_back,
    a_signal_that_is_repeated_at_once_is_one_signal,
    a_second_signal_leaves_at_once_and_the_job_is_rescued,
    a_second_signal_counts_jobs_whose_end_is_not_written,
    a_second_signal_is_no_error_where_nothing_is_left_behind,
    blocking_code_does_not_hold_up_the_end_of_its_process,
    a_worker_that_runs_until_a_token_leaves_signals_to_its_program,
];

async fn at_sigterm_jobs_may_end_within_the_grace_and_the_others_are_given_back(t: Database) {
    jobs_may_end_or_are_given_back(&t, Signal::SIGTERM).await;
}

async fn at_sigint_jobs_may_end_within_the_grace_and_the_others_are_given_back(t: Database) {
    jobs_may_end_or_are_given_back(&t, Signal::SIGINT).await;
}

async fn jobs_may_end_or_are_given_back(t: &Database, signal: Signal) {
    let grace = Duration::from_secs(5);
    let mut told = Process::start(&Setup { shutdown_grace: grace, ..Setup::steady(t, "told") });
    let ends = Hold::new().schedule(t.db()).await.unwrap();
    let stops = Wait::new().schedule(t.db()).await.unwrap();
    let goes_on = Wait::new().with_deaf(true).schedule(t.db()).await.unwrap();
    for id in [ends.id(), stops.id(), goes_on.id()] {
        told.says(&started(id, 1)).await;
    }

    told.signal(signal);
    told.logs("told to stop").await;
    let not_any_more = Hold::new().schedule(t.db()).await.unwrap();
    told.open().await;
    let (status, log) = told.ended().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert_eq!(workers(t).await, 0);

    assert_eq!(ends.output(t.db()).await.unwrap(), 1);
    for given_back in [stops, goes_on] {
        was_given_back(t, given_back).await;
    }
    let record = not_any_more.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, record.max_attempts), (JobStatus::Scheduled, 0, 5));
    assert!(not_any_more.failed_attempts(t.db()).await.unwrap().is_empty());

    let mut later = Process::start(&Setup::steady(t, "later"));
    later.open().await;
    assert_eq!(soon(stops.wait(t.db())).await.unwrap(), 2);
    assert_eq!(soon(goes_on.wait(t.db())).await.unwrap(), 2);
    assert_eq!(soon(not_any_more.wait(t.db())).await.unwrap(), 1);
}

/// Asserts that as many attempts are left as before, and that the one that did not count is in the history.
async fn was_given_back(t: &Database, job: JobHandle<Wait>) {
    let record = job.record(t.db()).await.unwrap();
    assert_eq!((record.status, record.attempt, record.max_attempts), (JobStatus::Scheduled, 1, 6));
    let attempts = job.failed_attempts(t.db()).await.unwrap();
    let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.how)).collect();
    assert_eq!(ends, [(1, AttemptEnd::Shutdown)]);
}

async fn a_signal_that_is_repeated_at_once_is_one_signal(t: Database) {
    let mut told = Process::start(&Setup::steady(&t, "told"));
    let job = Hold::new().schedule(t.db()).await.unwrap();
    told.says(&started(job.id(), 1)).await;

    // Two of a kind could count as one.
    told.signal(Signal::SIGTERM);
    told.signal(Signal::SIGINT);
    told.logs("told to stop").await;
    told.open().await;
    let (status, log) = told.ended().await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert_eq!(job.output(t.db()).await.unwrap(), 1);
    assert_eq!(workers(&t).await, 0);
}

async fn a_second_signal_leaves_at_once_and_the_job_is_rescued(t: Database) {
    let mut told = Process::start(&Setup::new(&t, "told"));
    let job = Hold::new().schedule(t.db()).await.unwrap();
    told.says(&started(job.id(), 1)).await;

    told.signal(Signal::SIGTERM);
    told.logs("told to stop").await;
    let since = Instant::now();
    let (status, log) = soon(tell_again(&mut told)).await;
    let took = since.elapsed();
    // Long before the grace is over, which is 20 seconds.
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(status.code().is_some_and(|code| code != 0), "{status}: {log:#?}");
    assert!(log.last().is_some_and(|line| line.contains("1 job(s) were still running")), "{log:#?}");
    assert_eq!(job.status(t.db()).await.unwrap(), JobStatus::Running);

    let _other = Process::start(&Setup::new(&t, "other"));
    assert_eq!(soon(job.wait(t.db())).await.unwrap(), 2);
    assert_eq!(job.failed_attempts(t.db()).await.unwrap()[0].how, AttemptEnd::Lost);
    assert_eq!(workers(&t).await, 1);
}

async fn a_second_signal_counts_jobs_whose_end_is_not_written(t: Database) {
    let mut told = Process::start(&Setup { listen: false, ..Setup::steady(&t, "told") });
    let job = Hold::new().schedule(t.db()).await.unwrap();
    told.says(&started(job.id(), 1)).await;
    let other = t.connect().await;
    let lock = other.begin().await.unwrap();
    lock.execute_unprepared("UPDATE jobs_job SET user_id = 'locked'").await.unwrap();

    told.signal(Signal::SIGTERM);
    told.logs("told to stop").await;
    told.open().await;
    let (status, log) = soon(tell_again(&mut told)).await;
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert!(log.last().is_some_and(|line| line.contains("1 job(s) were still running, or their end")), "{log:#?}");
}

async fn a_second_signal_is_no_error_where_nothing_is_left_behind(t: Database) {
    let mut told = Process::start(&Setup { listen: false, ..Setup::steady(&t, "told") });
    let job = Hold::new().schedule(t.db()).await.unwrap();
    told.open().await;
    soon(job.wait(t.db())).await.unwrap();
    // It can't delete its row.
    let other = t.connect().await;
    let lock = other.begin().await.unwrap();
    lock.execute_unprepared("UPDATE jobs_worker SET name = 'locked'").await.unwrap();

    told.signal(Signal::SIGTERM);
    told.logs("told to stop").await;
    let (status, log) = soon(tell_again(&mut told)).await;
    assert_eq!(status.code(), Some(0), "{log:#?}");
    assert!(log.iter().any(|line| line.contains("row is left behind")), "{log:#?}");
}

async fn blocking_code_does_not_hold_up_the_end_of_its_process(t: Database) {
    let grace = Duration::from_millis(100);
    let mut told = Process::start(&Setup { shutdown_grace: grace, ..Setup::new(&t, "told") });
    let job = Block::new().schedule(t.db()).await.unwrap();
    told.says(&started(job.id(), 1)).await;

    told.signal(Signal::SIGTERM);
    let (status, log) = told.ended().await;
    assert_eq!(status.code(), Some(1), "{log:#?}");
    assert!(log.iter().any(|line| line.contains("code of 1 job(s) went on when the worker had stopped")), "{log:#?}");
    // Nobody knows whether it has stopped before the lease is over.
    assert_eq!(job.status(t.db()).await.unwrap(), JobStatus::Running);

    let _other = Process::start(&Setup::new(&t, "other"));
    assert_eq!(soon(job.wait(t.db())).await.unwrap(), 2);
    assert_eq!(job.failed_attempts(t.db()).await.unwrap()[0].how, AttemptEnd::Lost);
}

async fn a_worker_that_runs_until_a_token_leaves_signals_to_its_program(t: Database) {
    let mut left_alone = Process::start(&Setup { role: Role::WorkUntil, ..Setup::steady(&t, "left alone") });
    let job = Hold::new().schedule(t.db()).await.unwrap();
    left_alone.says(&started(job.id(), 1)).await;

    // The program has no handler: the signal ends it, as without a worker.
    left_alone.signal(Signal::SIGTERM);
    let (status, log) = left_alone.ended().await;
    assert_eq!(status.signal(), Some(Signal::SIGTERM as i32), "{log:#?}");
    assert!(!log.iter().any(|line| line.contains("told to stop")), "{log:#?}");
    assert_eq!(job.status(t.db()).await.unwrap(), JobStatus::Running);
}
