//! Queues as operators see them: how many jobs are in each, and whether it is paused.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::JobCounts;
use crate::error::Error;
use crate::model::JobStatus;
use crate::store::connection::Connection;
use crate::store::queues::{self as store, OpenJobs};
use crate::store::workers;

/// A snapshot of a queue. Times are the database's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QueueRecord {
    /// The name.
    pub name: String,
    /// When it was paused; `None` if it is not paused.
    pub paused_at: Option<DateTime<Utc>>,
    /// When the pause ends by itself; `None` if it lasts until the queue is [resumed](crate::resume).
    #[serde(default)]
    pub paused_until: Option<DateTime<Utc>>,
    /// Who paused it; `None` if that was not done in a [`Session`](crate::Session).
    #[serde(default)]
    pub paused_by: Option<String>,
    /// Why it was paused, if that was said.
    #[serde(default)]
    pub pause_reason: Option<String>,
    /// The number of waiting jobs, due or not.
    pub scheduled: u64,
    /// The number of running jobs.
    pub running: u64,
    /// How long the first waiting job has been due; `None` if none is due. As JSON: `oldest_due_seconds`, a number.
    #[serde(rename = "oldest_due_seconds", default, with = "super::seconds")]
    pub oldest_due: Option<Duration>,
}

/// Lists the queues that have waiting or running jobs, are paused, or are served by a live worker, by name. Closed jobs are not
/// read: see [`counts_by_queue`].
pub async fn queues<C: Connection>(db: &C) -> Result<Vec<QueueRecord>, Error> {
    records(db, store::open_jobs(db).await?).await
}

pub(super) async fn records<C: Connection>(db: &C, open_jobs: Vec<OpenJobs>) -> Result<Vec<QueueRecord>, Error> {
    let mut records = BTreeMap::new();
    for open in open_jobs {
        let queue = record(&mut records, open.queue);
        if open.status == JobStatus::Running {
            queue.running = open.jobs;
        } else {
            (queue.scheduled, queue.oldest_due) = (open.jobs, open.due_for);
        }
    }
    for paused in store::paused(db).await? {
        let queue = record(&mut records, paused.name);
        (queue.paused_at, queue.paused_until) = (paused.paused_at, paused.paused_until);
        (queue.paused_by, queue.pause_reason) = (paused.paused_by, paused.pause_reason);
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
        paused_until: None,
        paused_by: None,
        pause_reason: None,
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
