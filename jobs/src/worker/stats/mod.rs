//! What a worker counts of the attempts whose ends are written. In memory, once for each end; in the tables, a few rows every few seconds,
//! beside the jobs and not with them. If it can't be written, jobs are unaffected.

pub(super) mod counters;

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;

use super::database::StoreClient;
use super::maintain::every;
use super::session::Session;

/// How often what is new is written.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);

/// The pause after an error: the next try writes everything.
const ERROR_PAUSE: Duration = Duration::from_mins(1);

/// Writes what is new from time to time, and what is left when all ends are written.
pub(super) async fn run(session: Arc<Session>) {
    let (mut timer, mut client) = (every(WRITE_INTERVAL), session.database.client());
    loop {
        let is_last = tokio::select! {
            biased;
            () = session.phases.flush_stats.cancelled() => true,
            _ = timer.tick() => false,
        };
        if let Err(error) = write(&session, &mut client, is_last).await {
            tracing::warn!(%error, "what was counted for the charts can't be written; jobs are unaffected");
            timer.reset_after(ERROR_PAUSE);
        }
        if is_last {
            return;
        }
    }
}

async fn write(session: &Session, client: &mut StoreClient, is_last: bool) -> Result<(), DbErr> {
    let mut result = Ok(());
    for counted in session.counters.changed(is_last) {
        if result.is_ok() {
            let store = client.store();
            result = client.with_timeout(store.replace_stat(session.identity.id, &counted)).await;
        }
        session.counters.written(&counted, result.is_ok());
    }
    result
}
