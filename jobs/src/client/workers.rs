//! Workers as operators see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::store::connection::Connection;
use crate::store::entity::worker::Model;
use crate::store::workers::{self as store, Serves};

/// A snapshot of a worker. Times are the database's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerRecord {
    /// The identifier: new each time a worker starts, and when it rejoins after others have taken over its jobs.
    pub id: i64,
    /// The name by which operators know it.
    pub name: String,
    /// The host on which it runs.
    pub host: String,
    /// The process id on that host.
    pub pid: u32,
    /// When the worker joined.
    pub started_at: DateTime<Utc>,
    /// When the worker last renewed its lease.
    pub last_seen_at: DateTime<Utc>,
    /// Whether the worker's lease is valid. If not, other workers take over its jobs and delete this record.
    pub is_live: bool,
    /// The queues that it serves.
    pub queues: Vec<String>,
    /// The names of the jobs that it can execute.
    pub names: Vec<String>,
    /// The number of its `RUNNING` jobs: executing, claimed and about to start, or ended but not written yet.
    pub running: u64,
}

/// Lists all workers, oldest first: live ones, and those whose jobs no other worker has taken over yet.
pub async fn workers<C: Connection>(db: &C) -> Result<Vec<WorkerRecord>, Error> {
    let loads = store::loads(db).await?;
    let record = |(row, is_live): (Model, bool)| {
        let running = loads.get(&row.id).copied().unwrap_or(0);
        WorkerRecord::of(row, is_live, running)
    };
    Ok(store::all(db).await?.into_iter().map(record).collect())
}

impl WorkerRecord {
    pub(super) fn of(row: Model, is_live: bool, running: i64) -> Self {
        let Serves { queues, names } = serde_json::from_value(row.serves).unwrap_or_default();
        Self {
            id: row.id,
            name: row.name,
            host: row.host,
            // We write it from a `u32`.
            pid: u32::try_from(row.pid).unwrap_or(0),
            started_at: row.started_at,
            last_seen_at: row.last_seen_at,
            is_live,
            queues,
            names,
            running: u64::try_from(running).unwrap_or(0),
        }
    }
}
