//! Workers as operators see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::store::connection::Connection;
use crate::store::workers::{self as store, Serves};

/// A worker, as it stands. Times are the database's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct WorkerRecord {
    /// The identifier: new each time that a worker starts, and when it begins anew because others have taken its jobs.
    pub id: i64,
    /// The name by which operators know it.
    pub name: String,
    /// The host on which it runs.
    pub host: String,
    /// Its process there.
    pub pid: u32,
    /// When it joined.
    pub started_at: DateTime<Utc>,
    /// When it was last heard of.
    pub last_seen_at: DateTime<Utc>,
    /// Whether its lease goes on. Where it does not, other workers take over its jobs, and this record goes.
    pub is_live: bool,
    /// The queues that it serves.
    pub queues: Vec<String>,
    /// The names of the jobs that it can execute.
    pub names: Vec<String>,
    /// How many jobs it has that are `RUNNING`: executing, claimed and about to start, or ended and not written yet.
    pub running: u64,
}

/// All workers, oldest first: those that live, and those whose jobs nobody has taken over yet.
pub async fn workers<C: Connection>(db: &C) -> Result<Vec<WorkerRecord>, Error> {
    let loads = store::loads(db).await?;
    let record = |(row, is_live): (crate::store::entity::worker::Model, bool)| {
        let Serves { queues, names } = serde_json::from_value(row.serves).unwrap_or_default();
        WorkerRecord {
            id: row.id,
            name: row.name,
            host: row.host,
            // Ours are written from a number of this size.
            pid: u32::try_from(row.pid).unwrap_or(0),
            started_at: row.started_at,
            last_seen_at: row.last_seen_at,
            is_live,
            queues,
            names,
            running: loads.get(&row.id).and_then(|jobs| u64::try_from(*jobs).ok()).unwrap_or(0),
        }
    };
    Ok(store::all(db).await?.into_iter().map(record).collect())
}
