//! Queues as operators see them: how many jobs are in each, and whether it is paused.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde::{Deserialize, Serialize};

use super::JobCounts;
use crate::error::Error;
use crate::job::parameters::check_name;
use crate::model::JobStatus;
use crate::store::connection::Connection;
use crate::store::{notify, queues as store, repeat_call, wake, workers};

/// A snapshot of a queue. Times are the database's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueueRecord {
    /// The name.
    pub name: String,
    /// When it was paused; `None` if it is not paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// The number of waiting jobs, due or not.
    pub scheduled: u64,
    /// The number of running jobs.
    pub running: u64,
    /// How long the first waiting job has been due; `None` if none is due. As JSON: `oldest_due_seconds`, a number.
    #[serde(rename = "oldest_due_seconds", default, with = "super::seconds")]
    pub oldest_due: Option<Duration>,
}

/// Pauses a queue: no worker, already running or started later, claims from it until it is [resumed](resume). Running jobs
/// continue, and scheduled jobs wait.
///
/// Every worker obeys within its poll interval, and gives back untouched the jobs that it has claimed but not started; workers in
/// this process, and those that the database notifies, do so at once. [`run_until_idle`](crate::Worker::run_until_idle) does not
/// wait for jobs in paused queues. In a transaction, the queue is paused if and only if it commits. Pausing a paused queue changes
/// nothing; a queue that does not exist yet can be paused too.
///
/// [`Error::InvalidValue`] if `queue` is not a valid name: 1 to 200 characters.
pub async fn pause<C: Connection>(db: &C, queue: &str) -> Result<(), Error> {
    check_name("queue", queue)?;
    repeat_call(db, || pause_once(db, queue)).await?;
    wake::queue_changed(queue);
    Ok(())
}

/// Pauses a queue; the caller wakes this process's workers. Notifications are only hints: workers also poll.
pub(super) async fn pause_once<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), Error> {
    store::pause(db, queue).await?;
    Ok(notify::send(db, "jobs_queue", queue).await?)
}

/// Resumes a queue: workers claim from it again. Those in this process, and those that the database notifies, do so at once,
/// others within their poll interval. Resuming a queue that is not paused changes nothing.
///
/// [`Error::InvalidValue`] if `queue` is not a valid name.
pub async fn resume<C: Connection>(db: &C, queue: &str) -> Result<(), Error> {
    check_name("queue", queue)?;
    repeat_call(db, || resume_once(db, queue)).await?;
    wake::queue_changed(queue);
    Ok(())
}

/// Resumes a queue; the caller wakes this process's workers.
pub(super) async fn resume_once<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), Error> {
    store::resume(db, queue).await?;
    Ok(notify::send(db, "jobs_queue", queue).await?)
}

/// Lists the queues that have waiting or running jobs, are paused, or are served by a live worker, by name. Closed jobs are not
/// read: see [`counts_by_queue`].
pub async fn queues<C: Connection>(db: &C) -> Result<Vec<QueueRecord>, Error> {
    let mut records = BTreeMap::new();
    for open in store::open_jobs(db).await? {
        let queue = record(&mut records, open.queue);
        if open.status == JobStatus::Running {
            queue.running = open.jobs;
        } else {
            (queue.scheduled, queue.oldest_due) = (open.jobs, open.due_for);
        }
    }
    for queue in store::paused(db).await? {
        record(&mut records, queue.name).paused_at = queue.paused_at;
    }
    for name in workers::serving(db).await?.into_iter().flat_map(|serves| serves.queues) {
        record(&mut records, name);
    }
    Ok(records.into_values().collect())
}

/// The record of the queue with this name; added as empty if there was none.
fn record(records: &mut BTreeMap<String, QueueRecord>, name: String) -> &mut QueueRecord {
    records.entry(name.clone()).or_insert(QueueRecord {
        name,
        paused_at: None,
        scheduled: 0,
        running: 0,
        oldest_due: None,
    })
}

/// Counts the jobs of each queue by status, in the order of the queues' names.
///
/// This reads all jobs, including closed ones: on PostgreSQL about a quarter of a second per million.
pub async fn counts_by_queue<C: Connection>(db: &C) -> Result<BTreeMap<String, JobCounts>, Error> {
    let mut queues = BTreeMap::<String, JobCounts>::new();
    for (queue, status, jobs) in store::counts(db).await? {
        *queues.entry(queue).or_default().of_mut(status) = u64::try_from(jobs).unwrap_or(0);
    }
    Ok(queues)
}
