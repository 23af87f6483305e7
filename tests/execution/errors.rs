//! Errors and panics of jobs: what is told of them, and that each attempt has an end.

use jobs::AttemptEnd;
use jobs::prelude::*;
use jobs_tests::{Database, cases, soon};

use crate::support::definitions::{Once, Play, work, worker, wrong};
use crate::support::rows::history;
use crate::support::telemetry::{END_UNTRACEABLE, UNTRACEABLE};

cases![
    a_panic_is_an_error_like_any_other,
    a_panic_with_any_value_is_an_error_like_any_other,
    a_panic_is_told_with_its_place_and_not_that_of_another_one,
    the_whole_chain_of_an_error_is_told,
    an_error_that_is_its_own_source_is_told_once,
    an_attempt_whose_task_unwinds_has_an_end,
    an_end_that_can_t_be_logged_is_written_all_the_same,
    a_reason_of_any_length_is_kept_and_cut_off,
];

async fn a_panic_is_an_error_like_any_other(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    for _ in 1..=2 {
        work(&t, |job| async move {
            assert!(job.attempt() > 1, "it blew up");
            Ok(())
        })
        .await;
        t.make_due().await;
    }
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Terminated);
    let attempts = handle.failed_attempts(t.db()).await.unwrap();
    assert_eq!(history(&t, handle).await, [(1, AttemptEnd::Panic)]);
    let reason = attempts[0].error.as_deref().unwrap();
    assert!(reason.starts_with(&format!("panicked at {}:", file!())) && reason.ends_with(": it blew up"), "{reason}");
}

async fn a_panic_is_told_with_its_place_and_not_that_of_another_one(t: Database) {
    let ways = ["in execute", "in blocking code", "after one that was caught", "continued"];
    let handles = jobs::schedule_all(t.db(), ways.map(|way| Once::new().with_name(way))).await.unwrap();
    work(&t, |job| async move {
        let caught = || std::panic::catch_unwind(|| panic!("caught")).unwrap_err();
        match job.parameter::<String>("name")?.as_str() {
            "in execute" => panic!("here {}", line!()),
            "in blocking code" => job.run_blocking(|| -> JobResult { panic!("here {}", line!()) }).await,
            "after one that was caught" => {
                caught();
                panic!("here {}", line!());
            }
            // Nobody is told of such a panic.
            _ => {
                caught();
                std::panic::resume_unwind(Box::new("nowhere"))
            }
        }
    })
    .await;
    for (handle, way) in handles.into_iter().zip(ways) {
        let reason = handle.record(t.db()).await.unwrap().last_error.unwrap();
        if way == "continued" {
            assert_eq!(reason, "panicked: nowhere");
            continue;
        }
        let (_, line) = reason.split_once(": here ").unwrap_or_else(|| panic!("{way}: {reason}"));
        assert!(reason.starts_with(&format!("panicked at {}:{line}:", file!())), "{way}: {reason}");
    }
}

/// A value that panics when it is dropped, with another one.
struct Explosive(u32);

impl Drop for Explosive {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(Explosive(self.0 - 1));
        }
    }
}

async fn a_panic_with_any_value_is_an_error_like_any_other(t: Database) {
    let ways = ["in execute", "in blocking code", "where its future is dropped", "in blocking code that was left"];
    let handles = jobs::schedule_all(t.db(), ways.map(|way| Once::new().with_name(way))).await.unwrap();
    work(&t, |job| async move {
        match job.parameter::<String>("name")?.as_str() {
            "in execute" => std::panic::panic_any(Explosive(2)),
            "in blocking code" => job.run_blocking(|| std::panic::panic_any(Explosive(2))).await,
            "where its future is dropped" => {
                let _dropped = Explosive(2);
                wrong("an error, and then a panic")
            }
            _ => {
                let mut code = Box::pin(job.run_blocking(|| -> u32 { std::panic::panic_any(Explosive(2)) }));
                let _ = futures_util::poll!(&mut code);
                drop(code);
                wrong("left")
            }
        }
    })
    .await;
    for handle in handles {
        let record = handle.record(t.db()).await.unwrap();
        assert_eq!(record.status, JobStatus::Failed, "{record:?}");
        let reason = record.last_error.unwrap();
        let is_panic = reason.starts_with("panicked at ") && reason.ends_with(": with a value that is no text");
        assert!(is_panic || reason == "left", "{reason}");
    }
}

async fn an_error_that_is_its_own_source_is_told_once(t: Database) {
    #[derive(Debug)]
    struct Circular;

    impl std::fmt::Display for Circular {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("round and round")
        }
    }

    impl std::error::Error for Circular {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(self)
        }
    }

    let handle = Once::new().schedule(t.db()).await.unwrap();
    work(&t, |_| async { wrong(Circular) }).await;
    let told = handle.record(t.db()).await.unwrap().last_error;
    assert_eq!(told.as_deref(), Some("round and round"));
}

/// The tracing subscriber of a program is its own code, too.
async fn an_attempt_whose_task_unwinds_has_an_end(t: Database) {
    let unwinds = Once::new().schedule(t.db()).queue(UNTRACEABLE).await.unwrap();
    let good = Once::new().schedule(t.db()).await.unwrap();
    let worker = worker(&t, |_| async { Ok(()) }).queue("play", 1).queue(UNTRACEABLE, 1);
    soon(worker.run_until_idle()).await.unwrap();
    assert_eq!(history(&t, unwinds).await, [(1, AttemptEnd::Panic)]);
    assert_eq!(good.status(t.db()).await.unwrap(), JobStatus::Terminated);
}

async fn an_end_that_can_t_be_logged_is_written_all_the_same(t: Database) {
    let good = Once::new().schedule(t.db()).queue(END_UNTRACEABLE).await.unwrap();
    let bad = Play::new().schedule(t.db()).queue(END_UNTRACEABLE).max_attempts(1).await.unwrap();
    let worker = worker(&t, |job| async move { if job.name() == "Play" { wrong("no") } else { Ok(()) } });
    soon(worker.queue(END_UNTRACEABLE, 1).run_until_idle()).await.unwrap();
    assert_eq!(good.status(t.db()).await.unwrap(), JobStatus::Terminated);
    assert_eq!(bad.record(t.db()).await.unwrap().last_error.as_deref(), Some("no"));
}

async fn the_whole_chain_of_an_error_is_told(t: Database) {
    let handle = Play::new().schedule(t.db()).await.unwrap();
    work(&t, |_| async {
        let error = anyhow::anyhow!("the disk is full").context("the file can't be written").context("no thumbnail");
        wrong(error)
    })
    .await;
    let told = handle.record(t.db()).await.unwrap().last_error;
    assert_eq!(told.as_deref(), Some("no thumbnail: the file can't be written: the disk is full"));
}

/// An error may quote what it complains of, of whatever size that is.
async fn a_reason_of_any_length_is_kept_and_cut_off(t: Database) {
    let handle = Play::new().schedule(t.db()).max_attempts(1).await.unwrap();
    work(&t, |_| async { wrong("é".repeat(10_000_000)) }).await;
    let reason = handle.record(t.db()).await.unwrap().last_error.unwrap();
    assert!(reason.len() < 17_000 && reason.ends_with("… (cut off: it had 20000000 bytes)"), "{}", reason.len());
    assert_eq!(handle.failed_attempts(t.db()).await.unwrap()[0].error.as_ref(), Some(&reason));
}
