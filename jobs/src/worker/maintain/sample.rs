//! The gauges that only the database knows: how many jobs wait and run, how many workers there are, and how full limits are.

use std::collections::{BTreeSet, HashMap};

use ::metrics::gauge;
use sea_orm::DbErr;

use crate::client::metrics;
use crate::model::JobStatus;
use crate::store::Store;
use crate::store::limits::{Scope, number_running, scopes};
use crate::store::queues::{OPEN, open_jobs};
use crate::worker::session::Session;

/// Sets the gauges of all queues that were seen so far, also of those that are empty now.
pub(super) struct Sampler(BTreeSet<String>);

impl Sampler {
    pub(super) fn new(session: &Session) -> Self {
        Self(session.config.queues.iter().map(|(queue, _)| queue.clone()).collect())
    }

    pub(super) async fn sample(&mut self, store: &Store) -> Result<(), DbErr> {
        let open = open_jobs(&store.db).await?;
        gauge!(metrics::WORKERS).set(number(store.live_workers().await?));
        self.0.extend(open.iter().map(|jobs| jobs.queue.clone()));
        let open: HashMap<_, _> = open.iter().map(|jobs| ((jobs.queue.as_str(), jobs.status), jobs)).collect();
        for queue in &self.0 {
            for status in OPEN {
                let jobs = open.get(&(queue.as_str(), status)).map_or(0, |jobs| jobs.jobs);
                gauge!(metrics::QUEUE_DEPTH, "queue" => queue.clone(), "status" => status.as_str()).set(number(jobs));
            }
            let waiting = open.get(&(queue.as_str(), JobStatus::Scheduled));
            let age = waiting.and_then(|waiting| waiting.due_for).unwrap_or_default();
            gauge!(metrics::OLDEST_AGE_SECONDS, "queue" => queue.clone()).set(age);
        }
        sample_limits(store).await
    }
}

async fn sample_limits(store: &Store) -> Result<(), DbErr> {
    let is_limited = |scope: &Scope| scope.running.is_some() || scope.running_each.is_some();
    for scope in scopes(&store.db).await?.into_iter().filter(is_limited) {
        let running = number_running(&store.db, &scope).await?;
        gauge!(metrics::LIMIT_RUNNING, "definition" => scope.name.clone()).set(number(running));
        if let Some(most) = scope.running {
            gauge!(metrics::LIMIT, "definition" => scope.name).set(most);
        }
    }
    Ok(())
}

/// The value of a gauge: `f64` has no lossless `From<u64>`, and counts above `u32::MAX` need not be exact.
fn number(count: u64) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
