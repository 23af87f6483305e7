//! The state that the parts of a running worker share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use sea_orm::DatabaseConnection;
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::claim::claims_in_flight::Claims;
use super::config::WorkerConfig;
use super::database::Database;
use super::finish::queue::FinishQueue;
use super::heartbeat::lease::Lease;
use super::heartbeat::progress::Vitals;
use super::in_flight::{InFlight, InFlightJob};
use super::meter::Meters;
use crate::error::Error;
use crate::job::attempt::{Activity, AttemptEnv, RunningAttempt, StopSignal};
use crate::job::parameters;
use crate::job::registry::Registry;
use crate::job::updates::Updates;
use crate::store::row::Claimed;
use crate::store::wake::Wakeups;
use crate::store::workers::Serves;

/// One membership of a worker: from when it joins until its row is gone, or others have its jobs.
pub(super) struct Session {
    pub(super) identity: Identity,
    pub(super) config: Arc<WorkerConfig>,
    pub(super) registry: Arc<Registry>,
    pub(super) database: Arc<Database>,
    pub(super) env: Arc<AttemptEnv>,
    pub(super) lease: Lease,
    pub(super) phases: Phases,
    pub(super) claims: Claims,
    pub(super) in_flight: InFlight,
    pub(super) finish_queue: FinishQueue,
    /// The tasks that execute.
    pub(super) tasks: TaskTracker,
    pub(super) vitals: Vitals,
    pub(super) wakeups: Arc<Wakeups>,
    /// The database can wake this worker.
    pub(super) listening: AtomicBool,
}

/// The name under which a worker claims.
pub(super) struct Identity {
    /// New for each session, never used again.
    pub(super) id: i64,
    /// For operators.
    pub(super) name: String,
}

/// The phases of a session's end, in the order in which they begin; `lease_lost` may come at any time.
#[derive(Default)]
pub(super) struct Phases {
    /// No more claims.
    pub(super) stop_claiming: CancellationToken,
    /// No more ends are coming: the writer writes those that it has, and returns.
    pub(super) drain_finishes: CancellationToken,
    /// Other workers may have our jobs.
    pub(super) lease_lost: CancellationToken,
    /// Everything that is left is dropped.
    pub(super) terminated: CancellationToken,
}

impl Session {
    /// Inserts the worker's row.
    pub(super) async fn join(
        db: &DatabaseConnection,
        config: Arc<WorkerConfig>,
        registry: Arc<Registry>,
    ) -> Result<Arc<Self>, Error> {
        let database = Database::like(db, config.answer_timeout()).await?;
        let process = config.process();
        // The lease counts from before the row is written.
        let sent = Instant::now();
        let id = database.store().join(&process, config.lease, &serves(&config, &registry)).await?;
        tracing::info!(worker = id, name = process.name, queues = ?config.queues, "the worker has joined");
        Ok(Arc::new(Self {
            env: Arc::new(config.attempt_env(db, id, &process.name)),
            identity: Identity { id, name: process.name },
            lease: Lease::new(sent, config.lease, config.cancel_grace(), config.margin()),
            config,
            registry,
            database,
            phases: Phases::default(),
            claims: Claims::default(),
            in_flight: InFlight::default(),
            finish_queue: FinishQueue::new(),
            tasks: TaskTracker::new(),
            vitals: Vitals::default(),
            wakeups: Wakeups::new(),
            listening: AtomicBool::new(false),
        }))
    }

    /// Takes charge of a batch that was claimed from one queue.
    pub(super) fn track(&self, claimed: Vec<Claimed>) -> impl Iterator<Item = Arc<InFlightJob>> {
        let meters = Meters::of(&claimed);
        claimed.into_iter().map(move |job| {
            let meter = meters.get(&job);
            self.in_flight.track(self.attempt(job), meter)
        })
    }

    /// Sets the gauges of the jobs that execute.
    pub(super) fn record_running(&self) {
        self.in_flight.record_running(&self.config.queues);
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
}

fn serves(config: &WorkerConfig, registry: &Registry) -> Serves {
    Serves {
        queues: config.queues.iter().map(|(name, _)| name.clone()).collect(),
        names: registry.names().into_iter().map(str::to_owned).collect(),
    }
}
