//! Maintenance that every worker does for all workers, periodically: rescue jobs of dead workers, delete what has expired, warn of jobs
//! that no worker serves, and sample the queues.

mod failure_detector;
mod rescue;
mod retention;
mod sample;
mod unserved;

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::{Instant, Interval, MissedTickBehavior, sleep_until};

use super::session::Session;
use rescue::Rescuer;
use sample::Sampler;
use unserved::UnservedWarnings;

const RETENTION_INTERVAL: Duration = Duration::from_mins(5);
const UNSERVED_INTERVAL: Duration = Duration::from_mins(5);

pub(super) async fn run(session: Arc<Session>) {
    // Side by side: a long delete does not hold up a rescue.
    tokio::join!(rescue_loop(&session), retention_loop(&session), unserved_loop(&session), sample_loop(&session));
}

async fn rescue_loop(session: &Session) {
    let interval = session.config.heartbeat();
    let (mut client, mut rescuer) = (session.database.client(), Rescuer::new(session));
    loop {
        let store = client.store();
        warn_on_error(client.with_timeout(rescuer.rescue(&store)).await);
        let next = Instant::now() + interval;
        sleep_until(rescuer.next_expiry().map_or(next, |expiry| next.min(expiry))).await;
    }
}

async fn retention_loop(session: &Session) {
    let (mut timer, mut client) = (every(RETENTION_INTERVAL), session.database.client());
    loop {
        timer.tick().await;
        warn_on_error(retention::delete_expired(&session.config.retention, &mut client).await);
        warn_on_error(retention::delete_expired_audit(session.config.audit_retention, &mut client).await);
        warn_on_error(retention::delete_expired_stats(&mut client).await);
    }
}

async fn unserved_loop(session: &Session) {
    let (mut timer, mut client) = (every(UNSERVED_INTERVAL), session.database.client());
    let mut warnings = UnservedWarnings::default();
    loop {
        timer.tick().await;
        warn_on_error(retention::sweep_keys(&mut client).await);
        let store = client.store();
        warn_on_error(client.with_timeout(warnings.warn(&store)).await);
    }
}

async fn sample_loop(session: &Session) {
    let Some(interval) = session.config.sample_queues else { return };
    let (mut timer, mut client) = (every(interval), session.database.client());
    let mut sampler = Sampler::new(session);
    loop {
        timer.tick().await;
        let store = client.store();
        warn_on_error(client.with_timeout(sampler.sample(&store)).await);
    }
}

fn warn_on_error(result: Result<(), DbErr>) {
    if let Err(error) = result {
        tracing::warn!(%error, "maintenance failed; it is tried again at its next time");
    }
}

pub(super) fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}
