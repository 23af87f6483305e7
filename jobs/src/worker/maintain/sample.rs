//! The gauges that only the database knows: how many jobs wait and run, and how many workers there are.

use std::collections::{BTreeSet, HashMap};

use ::metrics::gauge;
use sea_orm::DbErr;

use crate::client::metrics;
use crate::model::JobStatus;
use crate::store::Store;
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
        Ok(())
    }
}

/// The value of a gauge: `f64` has no lossless `From<u64>`, and counts above `u32::MAX` need not be exact.
fn number(count: u64) -> f64 {
    u32::try_from(count).unwrap_or(u32::MAX).into()
}
