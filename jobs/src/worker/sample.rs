//! The gauges that only the database can tell: what waits and runs, and how many workers there are.

use std::collections::{BTreeSet, HashMap};

use ::metrics::gauge;
use sea_orm::DbErr;

use super::engine::Engine;
use crate::client::metrics;
use crate::model::JobStatus;
use crate::store::Store;
use crate::store::queues::{OPEN, open_jobs};

/// Sets the gauges of all queues that were seen so far: those that have become empty too.
pub(super) struct Sampler(BTreeSet<String>);

impl Sampler {
    pub(super) fn new(engine: &Engine) -> Self {
        Self(engine.settings.queues.iter().map(|(queue, _)| queue.clone()).collect())
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
        Ok(())
    }
}

/// As a gauge has it: more than four thousand million are not told apart.
fn number(count: u64) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
