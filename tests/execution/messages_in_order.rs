//! In which order the messages of a job become visible: to one who has read some, none before them may come later.

use std::time::Duration;

use jobs::prelude::*;
use jobs_tests::{Database, Gate, Kind, Running, cases, soon};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use crate::support::definitions::{Aside, Play, worker};
use crate::support::rows::{until, until_status};

cases![
    a_message_is_written_only_under_the_lock_of_its_job if Kind::locks_rows,
    messages_become_visible_in_their_order,
];

/// Says what it is told at the gate, then ends.
fn talker(t: &Database, gate: &Gate) -> Worker {
    let worker = worker(t, |job| async move {
        job.message("one");
        if job.parameter::<String>("name")? == "locked" {
            job.state::<Gate>().pass().await;
            job.message("two");
            job.state::<Gate>().arrive();
            job.state::<Gate>().pass().await;
            job.message("three");
        }
        Ok(())
    });
    worker.state(gate.clone())
}

/// Otherwise messages could be written after those of a later attempt: one who has followed so far would miss them.
async fn a_message_is_written_only_under_the_lock_of_its_job(t: Database) {
    let gate = Gate::default();
    let running = Running::start(talker(&t, &gate));
    let handle = Play::new().with_name("locked").schedule(t.db()).await.unwrap();
    let texts = async || {
        let messages = handle.messages(t.db()).await.unwrap();
        messages.into_iter().map(|message| message.text).collect::<Vec<_>>()
    };
    let others_write = async || {
        let other = Play::new().schedule(t.db()).await.unwrap();
        soon(other.wait(t.db())).await.unwrap();
        assert_eq!(other.messages(t.db()).await.unwrap().len(), 1);
    };
    until(|| async { texts().await == ["one"] }).await;
    gate.arrivals(1).await;

    for (said, is_end) in [(&["one", "two"][..], false), (&["one", "two", "three"], true)] {
        let transaction = t.db().begin().await.unwrap();
        let lock = format!("SELECT id FROM jobs_job WHERE id = {} FOR UPDATE", handle.id());
        transaction.execute_unprepared(&lock).await.unwrap();
        gate.open(1);
        if !is_end {
            gate.arrivals(2).await;
        }
        // The worker writes all that it has at once, what was said before included.
        for _ in 0..3 {
            others_write().await;
        }
        assert_eq!(texts().await, said[..said.len() - 1]);
        transaction.rollback().await.unwrap();
        until(|| async { texts().await == said }).await;
    }
    until_status(&t, handle, JobStatus::Terminated).await;
    running.stop().await;
}

async fn messages_become_visible_in_their_order(t: Database) {
    let worker = worker(&t, |job| async move {
        for number in 0..20 {
            job.message(format!("{} {number}", job.attempt()));
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        if job.attempt() < 2 { Err("once more")? } else { Ok(()) }
    });
    let running = Running::start(worker);
    let handle = Aside::new().schedule(t.db()).await.unwrap();
    let mut known = Vec::new();
    while known.len() < 40 {
        let now = soon(handle.messages(t.db())).await.unwrap();
        assert!(now.starts_with(&known), "{known:#?} became {now:#?}");
        known = now;
    }
    running.stop().await;
}
