//! Deleting what has expired: closed jobs, and unique keys that are no longer held.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::DbErr;

use crate::model::JobStatus;
use crate::store::maintain::MAINTENANCE_ROWS;
use crate::worker::database::StoreClient;

/// The pause between two batches of deletes: retention is in no hurry.
const BATCH_PAUSE: Duration = Duration::from_millis(100);

/// Deletes jobs that have been closed for longer than their status is kept.
pub(super) async fn delete_expired(
    retention: &HashMap<JobStatus, Option<Duration>>,
    client: &mut StoreClient,
) -> Result<(), DbErr> {
    for (status, age) in retention {
        let Some(age) = age else { continue };
        let mut deleted = 0;
        loop {
            let store = client.store();
            let rows = client.with_timeout(store.delete_expired(*status, *age)).await?;
            deleted += rows;
            if u64::try_from(rows).is_ok_and(|rows| rows < MAINTENANCE_ROWS) {
                break;
            }
            tokio::time::sleep(BATCH_PAUSE).await;
        }
        if deleted > 0 {
            tracing::debug!(deleted, %status, "jobs whose time to be kept is over were deleted");
        }
    }
    Ok(())
}

/// Deletes unique keys that are no longer held.
pub(super) async fn sweep_keys(client: &mut StoreClient) -> Result<(), DbErr> {
    loop {
        let store = client.store();
        if !client.with_timeout(store.sweep_some_keys()).await? {
            return Ok(());
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
}
