//! Jobs in flight: attempts that this worker executes, or whose end is not written yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use ::metrics::gauge;

use super::meter::Meter;
use crate::client::metrics;
use crate::job::attempt::RunningAttempt;
use crate::model::StopReason;
use crate::store::finish::Fence;
use crate::store::lock::lock;

/// An attempt that this worker owns.
pub(super) struct InFlightJob {
    pub(super) attempt: Arc<RunningAttempt>,
    pub(super) meter: Arc<Meter>,
    claimed: Instant,
    started: OnceLock<Instant>,
    ended: AtomicBool,
}

impl InFlightJob {
    fn new(attempt: RunningAttempt, meter: Arc<Meter>) -> Self {
        Self {
            attempt: Arc::new(attempt),
            meter,
            claimed: Instant::now(),
            started: OnceLock::new(),
            ended: AtomicBool::new(false),
        }
    }

    pub(super) fn fence(&self) -> Fence {
        (self.attempt.job.id, self.attempt.job.version)
    }

    /// The job has a slot.
    pub(super) fn start(&self) {
        self.started.get_or_init(Instant::now);
    }

    pub(super) fn has_started(&self) -> bool {
        self.started.get().is_some()
    }

    /// When the job was started, or claimed if it still waits for a slot.
    pub(super) fn started(&self) -> Instant {
        self.started.get().copied().unwrap_or(self.claimed)
    }

    /// How long the job had been due when it was started: by the database's clock until it was claimed, and by ours from then on.
    pub(super) fn waited(&self) -> Duration {
        let job = &self.attempt.job;
        let until_claimed = (job.started_at - job.scheduled_at).to_std().unwrap_or_default();
        until_claimed + self.started().duration_since(self.claimed)
    }

    /// Marks the attempt as ended. True for the first caller: only that one may write the end.
    pub(super) fn mark_ended(&self) -> bool {
        !self.ended.swap(true, Ordering::SeqCst)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn is_executing(&self) -> bool {
        self.has_started() && !self.has_ended()
    }
}

/// All jobs in flight, by id and version. One job may be here twice, if another worker had it in between: the older attempt then has to be
/// asked to stop.
#[derive(Default)]
pub(super) struct InFlight(Mutex<HashMap<Fence, Arc<InFlightJob>>>);

impl InFlight {
    pub(super) fn track(&self, attempt: RunningAttempt, meter: Arc<Meter>) -> Arc<InFlightJob> {
        let job = Arc::new(InFlightJob::new(attempt, meter));
        lock(&self.0).insert(job.fence(), job.clone());
        job
    }

    pub(super) fn get(&self, fence: Fence) -> Option<Arc<InFlightJob>> {
        lock(&self.0).get(&fence).cloned()
    }

    /// Forgets an attempt: its end is written, or another worker has the job.
    pub(super) fn release(&self, fence: Fence) -> Option<Arc<InFlightJob>> {
        lock(&self.0).remove(&fence)
    }

    pub(super) fn all(&self) -> Vec<Arc<InFlightJob>> {
        lock(&self.0).values().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.0).len()
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    /// Whether any attempt has not ended.
    pub(super) fn has_unended(&self) -> bool {
        lock(&self.0).values().any(|job| !job.has_ended())
    }

    /// Asks all attempts to stop.
    pub(super) fn stop_all(&self, reason: StopReason) {
        for job in self.all() {
            job.attempt.stop.request(reason);
        }
    }

    /// Sets the gauge of jobs that execute in each of these queues.
    pub(super) fn record_running(&self, queues: &[(String, usize)]) {
        let mut running: HashMap<&str, u32> = queues.iter().map(|(queue, _)| (queue.as_str(), 0)).collect();
        for job in self.all() {
            if job.is_executing()
                && let Some(jobs) = running.get_mut(job.attempt.job.queue.as_str())
            {
                *jobs += 1;
            }
        }
        for (queue, jobs) in running {
            gauge!(metrics::RUNNING, "queue" => queue.to_owned()).set(jobs);
        }
    }
}
