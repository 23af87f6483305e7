//! Jobs in flight: attempts that this worker executes, or whose end is not written yet.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use ::metrics::gauge;
use serde_json::Value;

use super::meter::{Meter, Meters};
use crate::client::metrics;
use crate::job::attempt::{Activity, AttemptEnv, RunningAttempt, StopSignal};
use crate::job::parameters;
use crate::job::registry::Registry;
use crate::job::updates::Updates;
use crate::model::StopReason;
use crate::store::finish::Fence;
use crate::store::lock::lock;
use crate::store::row::Claimed;

/// An attempt that this worker owns.
pub(super) struct InFlightJob {
    pub(super) attempt: Arc<RunningAttempt>,
    pub(super) meter: Arc<Meter>,
    claimed: Instant,
    started: OnceLock<Instant>,
    ended: OnceLock<Instant>,
}

impl InFlightJob {
    fn new(attempt: RunningAttempt, meter: Arc<Meter>) -> Self {
        Self {
            attempt: Arc::new(attempt),
            meter,
            claimed: Instant::now(),
            started: OnceLock::new(),
            ended: OnceLock::new(),
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

    /// How long the attempt ran, or has been running.
    pub(super) fn ran(&self) -> Duration {
        let until = self.ended.get().copied().unwrap_or_else(Instant::now);
        until.saturating_duration_since(self.started())
    }

    /// Marks the attempt as ended. True for the first caller: only that one may write the end.
    pub(super) fn mark_ended(&self) -> bool {
        self.ended.set(Instant::now()).is_ok()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.get().is_some()
    }

    fn is_executing(&self) -> bool {
        self.has_started() && !self.has_ended()
    }

    /// Whether the attempt waits for an answer to one of our own calls, or about the transaction that is to finish it.
    fn waits_for_database(&self) -> bool {
        let activity = &self.attempt.activity;
        !activity.has_thread() && (!activity.calls.is_zero() || self.attempt.updates.is_closed())
    }
}

/// All jobs in flight, by id and version. One job may be here twice, if another worker had it in between: the older attempt then has to be
/// asked to stop.
pub(super) struct InFlight {
    jobs: Mutex<HashMap<Fence, Arc<InFlightJob>>>,
    env: Arc<AttemptEnv>,
    registry: Arc<Registry>,
}

impl InFlight {
    pub(super) fn new(env: Arc<AttemptEnv>, registry: Arc<Registry>) -> Self {
        Self { jobs: Mutex::default(), env, registry }
    }

    /// Takes charge of a batch that was claimed from one queue.
    pub(super) fn track(&self, claimed: Vec<Claimed>) -> impl Iterator<Item = Arc<InFlightJob>> {
        let meters = Meters::of(&claimed);
        claimed.into_iter().map(move |job| {
            let meter = meters.get(&job);
            let job = Arc::new(InFlightJob::new(self.attempt(job), meter));
            lock(&self.jobs).insert(job.fence(), job.clone());
            job
        })
    }

    fn attempt(&self, job: Claimed) -> RunningAttempt {
        RunningAttempt {
            secrets: self.registry.secrets(&job.name),
            // Parameters that are not JSON become `null`; decoding them says why.
            parameters: parameters::parse(&job.parameters).unwrap_or(Value::Null).into(),
            job,
            updates: Updates::default(),
            stop: StopSignal::default(),
            activity: Activity::default(),
            env: self.env.clone(),
        }
    }

    pub(super) fn get(&self, fence: Fence) -> Option<Arc<InFlightJob>> {
        lock(&self.jobs).get(&fence).cloned()
    }

    /// Forgets an attempt: its end is written, or another worker has the job.
    pub(super) fn release(&self, fence: Fence) -> Option<Arc<InFlightJob>> {
        lock(&self.jobs).remove(&fence)
    }

    pub(super) fn all(&self) -> Vec<Arc<InFlightJob>> {
        lock(&self.jobs).values().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.jobs).len()
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.jobs).is_empty()
    }

    /// Whether any attempt has not ended.
    pub(super) fn has_unended(&self) -> bool {
        lock(&self.jobs).values().any(|job| !job.has_ended())
    }

    /// How many attempts wait for an answer of the database.
    pub(super) fn waiting_for_database(&self) -> usize {
        lock(&self.jobs).values().filter(|job| job.waits_for_database()).count()
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
