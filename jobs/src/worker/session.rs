//! The state that the parts of a running worker share.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use sea_orm::DatabaseConnection;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::claim::claims_in_flight::Claims;
use super::config::WorkerConfig;
use super::database::Database;
use super::finish::queue::FinishQueue;
use super::heartbeat::lease::Lease;
use super::heartbeat::progress::Vitals;
use super::in_flight::InFlight;
use super::stats::counters::Counters;
use crate::error::Error;
use crate::job::attempt::AttemptEnv;
use crate::job::registry::Registry;
use crate::store::clock;
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
    pub(super) counters: Counters,
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
    /// All ends are written: what was counted of them is written, too.
    pub(super) flush_stats: CancellationToken,
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
        let counters = Counters::new(clock(&database.store().db).await?);
        // The lease counts from before the row is written.
        let sent = Instant::now();
        let id = database.store().join(&process, config.lease, &serves(&config, &registry)).await?;
        tracing::info!(worker = id, name = process.name, queues = ?config.queues, "the worker has joined");
        let env = Arc::new(config.attempt_env(db, id, &process.name));
        Ok(Arc::new(Self {
            identity: Identity { id, name: process.name },
            lease: Lease::new(sent, config.lease, config.cancel_grace(), config.margin()),
            in_flight: InFlight::new(env.clone(), registry.clone()),
            config,
            registry,
            database,
            env,
            phases: Phases::default(),
            claims: Claims::default(),
            finish_queue: FinishQueue::new(),
            counters,
            tasks: TaskTracker::new(),
            vitals: Vitals::default(),
            wakeups: Wakeups::new(),
            listening: AtomicBool::new(false),
        }))
    }
}

fn serves(config: &WorkerConfig, registry: &Registry) -> Serves {
    Serves {
        queues: config.queues.iter().map(|(name, _)| name.clone()).collect(),
        names: registry.names().into_iter().map(str::to_owned).collect(),
    }
}
