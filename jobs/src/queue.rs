//! Queues as operators see them: what is in each, and whether it is paused.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;
use serde::Serialize;

use crate::error::Error;
use crate::parameters::check_name;
use crate::store::{control, queues as store, workers};
use crate::{JobCounts, wake};

/// A queue, as it stands. Times are the database's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueRecord {
    /// The name.
    pub name: String,
    /// Since when it is paused; `None` where it is not.
    pub paused_at: Option<DateTime<Utc>>,
    /// How many jobs there are in it, by status.
    pub counts: JobCounts,
    /// For how long the first of its jobs that wait has been due; `None` where none is due.
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
pub async fn pause<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), Error> {
    check_name("queue", queue)?;
    store::pause(db, queue).await?;
    tell(db, queue).await
}

/// Resumes a queue: workers claim from it again. Those in this process, and those that the database wakes, do so at once, others
/// within their poll interval. Nothing changes where it is not paused.
///
/// [`Error::InvalidValue`] where no queue can have this name.
pub async fn resume<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), Error> {
    check_name("queue", queue)?;
    store::resume(db, queue).await?;
    tell(db, queue).await
}

/// A hint: workers look by themselves, too.
async fn tell<C: ConnectionTrait>(db: &C, queue: &str) -> Result<(), Error> {
    control::notify(db, "jobs_queue", queue).await?;
    wake::queue_changed(queue);
    Ok(())
}

/// Each queue that has jobs, is paused, or is served by a live worker, in the order of their names.
///
/// It counts all jobs that there are, closed ones too: among millions it takes seconds.
pub async fn queues<C: ConnectionTrait>(db: &C) -> Result<Vec<QueueRecord>, Error> {
    let mut records = BTreeMap::new();
    for contents in store::contents(db).await? {
        let queue = record(&mut records, contents.queue);
        *queue.counts.of(contents.status) = u64::try_from(contents.jobs).unwrap_or(0);
        if let Some(due) = contents.first_due {
            queue.oldest_due = Some((contents.now - due).to_std().unwrap_or_default());
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
        counts: JobCounts::default(),
        oldest_due: None,
    })
}
