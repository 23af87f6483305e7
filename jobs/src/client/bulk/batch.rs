//! One transaction: some jobs are held, and acted on.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::Verb;
use crate::client::session::Entry;
use crate::client::wait;
use crate::error::Error;
use crate::model::JobStatus;
use crate::store::bulk::{self, Held, Seen};
use crate::store::{self, jobs, maintain, notify, repeat_call, wake};

/// What became of some jobs.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) done: usize,
    /// Running jobs that were asked to stop.
    pub(super) requested: usize,
    /// Jobs whose keys other jobs hold.
    pub(super) refused: usize,
    /// Jobs that others have locked, or changed since they were read.
    pub(super) missed: Vec<i64>,
}

/// Those to tell once the transaction is committed.
#[derive(Debug, Default)]
struct Tell {
    queues: BTreeSet<String>,
    ended: Vec<i64>,
    cancel_requested: bool,
}

/// Acts on those of these jobs that are unchanged and free.
pub(super) async fn act(
    db: &DatabaseConnection,
    verb: Verb,
    entry: Option<&Entry>,
    jobs: &[Seen],
) -> Result<Batch, Error> {
    let (batch, tell) = repeat_call(db, || act_once(db, verb, entry, jobs)).await?;
    tell.everyone();
    Ok(batch)
}

async fn act_once(
    db: &DatabaseConnection,
    verb: Verb,
    entry: Option<&Entry>,
    jobs: &[Seen],
) -> Result<(Batch, Tell), Error> {
    let transaction = store::begin(db).await?;
    let held = bulk::hold(&transaction, jobs).await?;
    let mut ids: Vec<_> = held.iter().map(|job| job.seen.id).collect();
    let (mut batch, mut tell) = (Batch { done: held.len(), ..Batch::default() }, Tell::default());
    let is_held: HashSet<_> = ids.iter().copied().collect();
    batch.missed = jobs.iter().map(|job| job.id).filter(|id| !is_held.contains(id)).collect();
    match verb {
        Verb::Cancel => {
            jobs::cancel_all(&transaction, &ids).await?;
            tell.ended = held.iter().filter(|job| job.status == JobStatus::Scheduled).map(|job| job.seen.id).collect();
            batch.done = tell.ended.len();
            batch.requested = held.len() - batch.done;
            tell.cancel_requested = batch.requested > 0;
            notify_canceled(&transaction, &held).await?;
        }
        Verb::Retry => {
            let retried = bulk::retry(&transaction, &held).await?;
            (batch.done, batch.refused) = (retried.len(), held.len() - retried.len());
            tell.queues = queues(held.iter().filter(|job| retried.contains(&job.seen.id)));
            ids.retain(|id| retried.contains(id));
        }
        Verb::Delete => maintain::delete_jobs(&transaction, &ids).await?,
        Verb::RunNow => {
            jobs::make_all_due(&transaction, &ids).await?;
            tell.queues = queues(held.iter());
        }
    }
    notify::send_all(&transaction, "jobs_wake", &tell.queues.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    if let Some(entry) = entry {
        entry.record(&transaction, &ids.into_iter().map(Some).collect::<Vec<_>>()).await?;
    }
    transaction.commit().await?;
    Ok((batch, tell))
}

fn queues<'h>(held: impl Iterator<Item = &'h Held>) -> BTreeSet<String> {
    held.map(|job| job.queue.clone()).collect()
}

/// Notifies the processes that wait for the ends of these jobs, and the workers that run them: a notified worker checks all of its jobs.
async fn notify_canceled<C: ConnectionTrait>(db: &C, held: &[Held]) -> Result<(), Error> {
    let waits = |job: &&Held| job.status == JobStatus::Scheduled;
    let awaited: Vec<_> = held.iter().filter(waits).filter(|job| job.awaited).map(|job| job.seen.id).collect();
    notify::send_all(db, "jobs_finish", &awaited).await?;
    if let Some(running) = held.iter().find(|job| !waits(job)) {
        notify::send(db, "jobs_cancel", &running.seen.id.to_string()).await?;
    }
    Ok(())
}

impl Tell {
    fn everyone(self) {
        self.queues.iter().for_each(|queue| wake::scheduled(queue));
        wait::ended(self.ended.into_iter());
        if self.cancel_requested {
            wake::cancel_requested();
        }
    }
}
