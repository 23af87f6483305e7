//! One transaction: some jobs are held, and acted on.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{ConnectionTrait, DatabaseConnection};

use super::Verb;
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
    /// Jobs that someone else has changed since they were read.
    pub(super) changed: usize,
    /// Jobs to try again: others have locked them, or have the same key as a job that was retried.
    pub(super) again: Vec<Seen>,
}

/// Those to tell once the transaction is committed.
#[derive(Debug, Default)]
struct Tell {
    queues: BTreeSet<String>,
    ended: Vec<i64>,
    cancel_requested: bool,
}

/// Acts on those of these jobs that are unchanged and free.
pub(super) async fn act(db: &DatabaseConnection, verb: Verb, jobs: &[Seen]) -> Result<Batch, Error> {
    let (mut batch, settled, tell) = repeat_call(db, || act_once(db, verb, jobs)).await?;
    tell.everyone();
    let rest: Vec<_> = jobs.iter().copied().filter(|job| !settled.contains(&job.id)).collect();
    if !rest.is_empty() {
        let missing = rest.len();
        batch.again = bulk::unchanged(db, rest).await?;
        batch.changed = missing - batch.again.len();
    }
    Ok(batch)
}

/// Returns what was done, and to which jobs.
async fn act_once(db: &DatabaseConnection, verb: Verb, jobs: &[Seen]) -> Result<(Batch, HashSet<i64>, Tell), Error> {
    let transaction = store::begin(db).await?;
    let held = bulk::hold(&transaction, jobs).await?;
    let ids: Vec<_> = held.iter().map(|job| job.seen.id).collect();
    let (mut batch, mut tell) = (Batch { done: held.len(), ..Batch::default() }, Tell::default());
    let mut settled: HashSet<_> = ids.iter().copied().collect();
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
            (batch.done, batch.refused) = (retried.ids.len(), retried.refused.len());
            settled = retried.ids.iter().copied().collect();
            tell.queues = queues(held.iter().filter(|job| settled.contains(&job.seen.id)));
            settled.extend(retried.refused);
        }
        Verb::Delete => maintain::delete_jobs(&transaction, &ids).await?,
        Verb::RunNow => {
            jobs::make_all_due(&transaction, &ids).await?;
            tell.queues = queues(held.iter());
        }
    }
    for queue in &tell.queues {
        notify::send(&transaction, "jobs_wake", queue).await?;
    }
    transaction.commit().await?;
    Ok((batch, settled, tell))
}

fn queues<'h>(held: impl Iterator<Item = &'h Held>) -> BTreeSet<String> {
    held.map(|job| job.queue.clone()).collect()
}

/// Notifies the processes that wait for the ends of these jobs, and the workers that run them: a notified worker checks all of its jobs.
async fn notify_canceled<C: ConnectionTrait>(db: &C, held: &[Held]) -> Result<(), Error> {
    let waits = |job: &&Held| job.status == JobStatus::Scheduled;
    for job in held.iter().filter(waits).filter(|job| job.awaited) {
        notify::send(db, "jobs_finish", &job.seen.id.to_string()).await?;
    }
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
