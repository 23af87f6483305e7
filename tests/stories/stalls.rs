//! A process that is frozen for longer than its lease, and wakes up.

use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Database, cases, soon};
use nix::sys::signal::Signal;
use story_jobs::{Hold, Stubborn, started, went_on};

use crate::support::process::Process;
use crate::support::setup::Setup;
use crate::support::tables::{joined, until};

cases![a_worker_that_wakes_up_too_late_writes_nothing_and_goes_on_under_a_new_id];

async fn a_worker_that_wakes_up_too_late_writes_nothing_and_goes_on_under_a_new_id(t: Database) {
    // Much longer than the job runs.
    let (lease, cancel_grace) = (Duration::from_secs(8), Duration::from_secs(5));
    let mut frozen = Process::start(&Setup { lease, cancel_grace, ..Setup::new(&t, "frozen") });
    let job = Stubborn::new().schedule(t.db()).await.unwrap();
    frozen.says(&started(job.id(), 1)).await;
    // What it has said so far is written.
    until(&t, "SELECT count(*) FROM jobs_message", 1).await;
    let old_id = joined(&t, "frozen").await;
    let mut other = Process::start(&Setup::new(&t, "other"));
    let other_id = joined(&t, "other").await;

    freeze(&t, &frozen).await;
    other.says(&started(job.id(), 2)).await;
    frozen.signal(Signal::SIGCONT);
    frozen.says(&went_on(job.id(), 1)).await;
    let new_id = joined(&t, "frozen").await;
    assert!(new_id > old_id);

    assert!(!frozen.has_said(&started(job.id(), 2)));
    assert_eq!(job.status(t.db()).await.unwrap(), JobStatus::Running);
    other.open().await;
    assert_eq!(soon(job.wait(t.db())).await.unwrap(), 2);
    let record = job.record(t.db()).await.unwrap();
    assert_eq!((record.attempt, record.worker_id, record.result("attempt").ok()), (2, Some(other_id), Some(2)));

    let after = Hold::new().schedule(t.db()).queue("frozen").await.unwrap();
    frozen.says(&started(after.id(), 1)).await;
    frozen.open().await;
    assert_eq!(soon(after.wait(t.db())).await.unwrap(), 1);
    assert_eq!(after.record(t.db()).await.unwrap().worker_id, Some(new_id));

    let messages = job.messages(t.db()).await.unwrap();
    let messages: Vec<_> = messages.iter().map(|message| (message.attempt, message.text.as_str())).collect();
    assert_eq!(messages, [(1, "begun"), (2, "begun")]);
}

/// Stops the process while it holds no lock in the database: such a lock would stop the others too, until the database ends
/// the connection.
async fn freeze(t: &Database, process: &Process) {
    loop {
        process.signal(Signal::SIGSTOP);
        let write = t.execute("UPDATE jobs_worker SET host = 'here' WHERE name = 'frozen'");
        if tokio::time::timeout(Duration::from_millis(300), write).await.is_ok() {
            return;
        }
        process.signal(Signal::SIGCONT);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
