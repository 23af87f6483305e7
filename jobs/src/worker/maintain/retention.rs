//! Deleting what has expired: closed jobs, rows of the audit, what workers have counted, and unique keys that are no longer held.

use std::collections::HashMap;
use std::time::Duration;

use sea_orm::DbErr;

use crate::model::JobStatus;
use crate::store::maintain::MAINTENANCE_ROWS;
use crate::store::stats::Period;
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

/// How many rows of the audit in a row have to be young, until those after them are believed to be so too. They are in the order of their
/// times, except where a clock was wrong.
const YOUNG_ROWS: u64 = 20_000;

/// Deletes rows of the audit that are older than this.
pub(super) async fn delete_expired_audit(age: Option<Duration>, client: &mut StoreClient) -> Result<(), DbErr> {
    let Some(age) = age else { return Ok(()) };
    let (mut deleted, mut young, mut last) = (0, 0, i64::MIN);
    loop {
        let store = client.store();
        let Some(expired) = client.with_timeout(store.delete_expired_audit(age, last)).await? else { break };
        last = expired.last;
        deleted += expired.deleted;
        young = if expired.deleted == 0 { young + expired.examined } else { 0 };
        if expired.examined < MAINTENANCE_ROWS || young >= YOUNG_ROWS {
            break;
        }
        tokio::time::sleep(BATCH_PAUSE).await;
    }
    if deleted > 0 {
        tracing::debug!(deleted, "rows of the audit whose time to be kept is over were deleted");
    }
    Ok(())
}

/// Deletes what workers have counted in periods that are kept no longer.
pub(super) async fn delete_expired_stats(client: &mut StoreClient) -> Result<(), DbErr> {
    for period in Period::ALL {
        loop {
            let store = client.store();
            if !client.with_timeout(store.delete_expired_stats(period)).await? {
                break;
            }
            tokio::time::sleep(BATCH_PAUSE).await;
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
