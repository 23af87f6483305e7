//! Queues as operators see them: what is in each, and whether it is paused.

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
use crate::store::{control, queues as store, repeat_call, wake, workers};

/// A queue, as it stands. Times are the database's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueueRecord {
    /// The name.
    pub name: String,
    /// Since when it is paused; `None` where it is not.
    pub paused_at: Option<DateTime<Utc>>,
    /// How many jobs wait in it, due or not.
    pub scheduled: u64,
    /// How many jobs of it run.
    pub running: u64,
    /// For how long the first of its jobs that wait has been due; `None` where none is due. As JSON: `oldest_due_seconds`, a number.
    #[serde(rename = "oldest_due_seconds", default, with = "super::seconds")]
    pub oldest_due: Option<Duration>,
}

/// Pauses a queue: no worker claims from it until it is [resumed](resume), whether it runs already or starts later. Jobs that run go
/// on, and what is scheduled waits.
///
/// Every worker obeys within its poll interval, and gives back untouched what it has claimed and not started; those in this process,
/// and those that the database wakes, do so at once. [`run_until_idle`](crate::Worker::run_until_idle) does not wait for what is
/// paused. In a transaction, the queue is paused if and only if it commits. A queue that is paused already stays so, since then; one
/// that nobody has heard of yet can be paused too.
///
/// [`Error::InvalidValue`] where no queue can have this name: it has 1 to 200 characters.
pub async fn pause<C: Connection>(db: &C, queue: &str) -> Result<(), Error> {
    check_name("queue", queue)?;
    repeat_call(db, || pause_once(db, queue)).await
}

async fn pause_once<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), Error> {
    store::pause(db, queue).await?;
    tell(db, queue).await
}

/// Resumes a queue: workers claim from it again. Those in this process, and those that the database wakes, do so at once, others
/// within their poll interval. Nothing changes where it is not paused.
///
/// [`Error::InvalidValue`] where no queue can have this name.
pub async fn resume<C: Connection>(db: &C, queue: &str) -> Result<(), Error> {
    check_name("queue", queue)?;
    repeat_call(db, || resume_once(db, queue)).await
}

async fn resume_once<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), Error> {
    store::resume(db, queue).await?;
    tell(db, queue).await
}

/// A hint: workers look by themselves, too.
async fn tell<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), Error> {
    control::notify(db, "jobs_queue", queue).await?;
    wake::queue_changed(queue);
    Ok(())
}

/// Each queue in which jobs wait or run, which is paused, or which a live worker serves, in the order of their names. What is
/// closed is not read, and counts for nothing here: see [`counts_by_queue`].
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

/// The record of the queue with this name; one of an empty queue where there was none.
fn record(records: &mut BTreeMap<String, QueueRecord>, name: String) -> &mut QueueRecord {
    records.entry(name.clone()).or_insert(QueueRecord {
        name,
        paused_at: None,
        scheduled: 0,
        running: 0,
        oldest_due: None,
    })
}

/// Counts the jobs of each queue that has any, by status, in the order of their names.
///
/// It reads all jobs, closed ones too: on PostgreSQL about a quarter of a second for each million.
pub async fn counts_by_queue<C: Connection>(db: &C) -> Result<BTreeMap<String, JobCounts>, Error> {
    let mut queues = BTreeMap::<String, JobCounts>::new();
    for (queue, status, jobs) in store::counts(db).await? {
        *queues.entry(queue).or_default().of_mut(status) = u64::try_from(jobs).unwrap_or(0);
    }
    Ok(queues)
}
