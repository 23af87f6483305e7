//! Only the owner of a job writes, and no lock on a row delays the end of another job.

use jobs::prelude::*;
use jobs_tests::{Database, Gate, Kind, Running, cases};
use sea_orm::{ConnectionTrait as _, TransactionTrait as _};

use crate::support::definitions::{Aside, Encore, Play, worker, wrong};
use crate::support::rows::{history, insert_worker, take_over, until, until_status};

cases![
    a_stale_owner_cannot_finish_the_job,
    a_stale_owner_cannot_write_progress_messages_or_results,
    a_locked_row_holds_up_no_other_job if Kind::locks_rows,
    a_locked_row_is_not_taken_for_a_lost_job if Kind::locks_rows,
];

async fn a_stale_owner_cannot_finish_the_job(t: Database) {
    for good in [true, false] {
        let (handle, gate) = (Play::new().schedule(t.db()).await.unwrap(), Gate::default());
        let worker = worker(&t, move |job| async move {
            job.state::<Gate>().pass().await;
            job.message("the last words");
            job.set_progress(90);
            if good { Ok(()) } else { wrong("it went wrong") }
        });
        let running = Running::start(worker.state(gate.clone()));
        gate.arrivals(1).await;
        let other = insert_worker(&t, 3600, 0).await;
        take_over(&t, handle, other).await;
        let before = handle.record(t.db()).await.unwrap();
        gate.open(1);
        // It leaves only when all ends are written, or given up.
        running.stop().await;
        assert_eq!(handle.record(t.db()).await.unwrap(), before);
        assert_eq!((before.status, before.worker_id), (JobStatus::Running, Some(other)));
        assert_eq!(handle.messages(t.db()).await.unwrap(), []);
        assert_eq!(history(&t, handle).await, []);
    }
}

async fn a_stale_owner_cannot_write_progress_messages_or_results(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        if job.name() == "Play" {
            job.state::<Gate>().pass().await;
        }
        job.message("here");
        job.set_progress(70);
        job.set_result("name", job.name())?;
        job.state::<Gate>().pass().await;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()));
    let stale = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let other = insert_worker(&t, 3600, 0).await;
    take_over(&t, stale, other).await;
    let before = stale.record(t.db()).await.unwrap();
    gate.open(1);
    gate.arrivals(1).await;
    // The stale owner's message goes into the same batch as what its neighbor says now, or into an earlier one.
    let neighbour = Encore::new().schedule(t.db()).await.unwrap();
    until(|| async { neighbour.progress(t.db()).await.unwrap() == 70 }).await;
    assert_eq!(neighbour.result::<String>(t.db(), "name").await.unwrap(), "Encore");
    assert_eq!(neighbour.messages(t.db()).await.unwrap().len(), 1);
    assert_eq!(stale.record(t.db()).await.unwrap(), before);
    assert_eq!(stale.messages(t.db()).await.unwrap(), []);
    gate.open(2);
    running.stop().await;
    assert_eq!(stale.record(t.db()).await.unwrap(), before);
    assert_eq!(stale.messages(t.db()).await.unwrap(), []);
}

/// With a single writer, there are no locks on rows.
async fn a_locked_row_holds_up_no_other_job(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.message("on its way");
        job.state::<Gate>().pass().await;
        job.message("there");
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()));
    let held = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let other = t.connect().await;
    let lock = other.begin().await.unwrap();
    lock.execute_unprepared(&format!("UPDATE jobs_job SET priority = priority WHERE id = {held}")).await.unwrap();
    let neighbours = jobs::schedule_all(t.db(), (0..20).map(|_| Aside::new())).await.unwrap();
    gate.open(21);
    for neighbour in neighbours {
        jobs_tests::soon(neighbour.wait(t.db())).await.unwrap();
    }
    assert_eq!(held.status(t.db()).await.unwrap(), JobStatus::Running);
    lock.rollback().await.unwrap();
    until_status(&t, held, JobStatus::Terminated).await;
    let messages = held.messages(t.db()).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["on its way", "there"]);
    running.stop().await;
}

async fn a_locked_row_is_not_taken_for_a_lost_job(t: Database) {
    let gate = Gate::default();
    let worker = worker(&t, |job| async move {
        job.state::<Gate>().pass().await;
        let transaction = job.db().begin().await?;
        job.state::<Gate>().arrive();
        job.finish_in(&transaction, &"done").await?;
        transaction.commit().await?;
        Ok(())
    });
    let running = Running::start(worker.state(gate.clone()));
    let handle = Play::new().schedule(t.db()).await.unwrap();
    gate.arrivals(1).await;
    let other = t.connect().await;
    let lock = other.begin().await.unwrap();
    lock.execute_unprepared(&format!("UPDATE jobs_job SET priority = priority WHERE id = {handle}")).await.unwrap();
    gate.open(1);
    gate.arrivals(1).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    assert_eq!(handle.status(t.db()).await.unwrap(), JobStatus::Running);
    lock.rollback().await.unwrap();
    assert_eq!(jobs_tests::soon(handle.wait(t.db())).await.unwrap(), "done");
    assert_eq!(history(&t, handle).await, []);
    running.stop().await;
}
