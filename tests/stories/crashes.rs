//! Processes that die.

use std::time::{Duration, Instant};

use jobs::prelude::*;
use jobs::{AttemptEnd, Error};
use jobs_tests::{Database, cases, soon};
use story_jobs::{Hold, Note, Poison, started};

use crate::support::process::Process;
use crate::support::setup::Setup;
use crate::support::tables::{joined, make_notes, workers};

cases![
    the_job_of_a_killed_worker_is_finished_by_another_within_seconds,
    a_job_that_kills_its_workers_fails_in_the_end_and_the_others_are_done
];

async fn the_job_of_a_killed_worker_is_finished_by_another_within_seconds(t: Database) {
    let killed = Process::start(&Setup::new(&t, "killed"));
    let lost = Hold::new().schedule(t.db()).await.unwrap();
    killed.says(&started(lost.id(), 1)).await;
    let mut other = Process::start(&Setup::new(&t, "other"));
    let kept = Hold::new().schedule(t.db()).queue("other").await.unwrap();
    other.says(&started(kept.id(), 1)).await;
    let other_id = joined(&t, "other").await;

    killed.kill().await;
    let since = Instant::now();
    other.says(&started(lost.id(), 2)).await;
    let took = since.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");

    assert_eq!(soon(lost.wait(t.db())).await.unwrap(), 2);
    let attempts = lost.failed_attempts(t.db()).await.unwrap();
    let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.how)).collect();
    assert_eq!(ends, [(1, AttemptEnd::Lost)]);
    assert_eq!(lost.record(t.db()).await.unwrap().worker_id, Some(other_id));

    assert_eq!(kept.status(t.db()).await.unwrap(), JobStatus::Running);
    other.open().await;
    assert_eq!(soon(kept.wait(t.db())).await.unwrap(), 1);
    assert!(kept.failed_attempts(t.db()).await.unwrap().is_empty());
    assert_eq!((workers(&t).await, joined(&t, "other").await), (1, other_id));
}

async fn a_job_that_kills_its_workers_fails_in_the_end_and_the_others_are_done(t: Database) {
    make_notes(&t).await;
    let poison = Poison::new().schedule(t.db()).await.unwrap();
    let notes = jobs::schedule_all(t.db(), (0..20).map(|_| Note::new())).await.unwrap();
    let mut deaths = 0;
    let reason = loop {
        let mut worker = Process::start(&Setup::new(&t, "restarted"));
        tokio::select! {
            (status, _) = worker.ended() => {
                assert!(!status.success());
                deaths += 1;
            }
            failed = soon(poison.wait(t.db())) => {
                for note in notes {
                    soon(note.wait(t.db())).await.unwrap();
                }
                break failed.unwrap_err();
            }
        }
    };
    assert_eq!(deaths, 2);
    assert!(matches!(&reason, Error::JobFailed { reason, .. } if reason.contains("stopped responding")), "{reason}");
    let attempts = poison.failed_attempts(t.db()).await.unwrap();
    let ends: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.how)).collect();
    assert_eq!(ends, [(1, AttemptEnd::Lost), (2, AttemptEnd::Lost)]);
}
