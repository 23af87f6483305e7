//! What the parts of a running worker share.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use ::metrics::gauge;
use sea_orm::DatabaseConnection;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::claims::Claims;
use super::connections::Connections;
use super::lease::Lease;
use super::meter::Meter;
use super::pulse::Pulse;
use super::settings::Settings;
use crate::client::metrics;
use crate::error::Error;
use crate::job::attempt::{RunningAttempt, Setting};
use crate::job::registry::Registry;
use crate::model::{JobStatus, StopReason};
use crate::store::batch::{Finish, Key};
use crate::store::lock::lock;
use crate::store::wake::Sleeper;
use crate::store::workers::{Identity, Serves};

/// One life of a worker.
pub(super) struct Engine {
    /// New for each life, never used again.
    pub(super) id: i64,
    pub(super) label: String,
    pub(super) connections: Arc<Connections>,
    pub(super) settings: Arc<Settings>,
    pub(super) registry: Arc<Registry>,
    pub(super) lease: Lease,
    pub(super) runtime: tokio::runtime::Handle,
    pub(super) writer: Pulse,
    pub(super) claimer: Pulse,
    /// Attempts whose code goes on though they are ended in the tables.
    pub(super) unstopped: Mutex<Vec<Arc<RunningAttempt>>>,
    pub(super) sleeper: Arc<Sleeper>,
    pub(super) setting: Arc<Setting>,
    /// Attempts that are being executed, or whose end is not written yet: what this worker owns. Of one job there may be two, where others
    /// had it in between: the older one has to be asked to stop.
    owned: Mutex<HashMap<Key, Arc<Owned>>>,
    pub(super) claims: Claims,
    /// The tasks that execute.
    pub(super) tasks: TaskTracker,
    /// Ends on their way to the writer.
    pub(super) ends: mpsc::Sender<End>,
    pub(super) ends_to_write: Mutex<Option<mpsc::Receiver<End>>>,
    /// The database can wake this worker.
    pub(super) listening: AtomicBool,
    /// No more claims.
    pub(super) stopping: CancellationToken,
    /// No more ends are coming: the writer writes what it has.
    pub(super) written: CancellationToken,
    /// Another worker may have our jobs.
    pub(super) lost: CancellationToken,
    /// All is over.
    pub(super) gone: CancellationToken,
}

/// An attempt that this worker owns.
pub(super) struct Owned {
    pub(super) attempt: Arc<RunningAttempt>,
    pub(super) meter: Arc<Meter>,
    claimed: Instant,
    started: OnceLock<Instant>,
    ended: AtomicBool,
}

impl Owned {
    pub(super) fn key(&self) -> Key {
        (self.attempt.job.id, self.attempt.job.version)
    }

    /// It waits for a slot no longer.
    pub(super) fn start(&self) {
        self.started.get_or_init(Instant::now);
    }

    /// When it was started, or claimed where it still waits.
    pub(super) fn started(&self) -> Instant {
        self.started.get().copied().unwrap_or(self.claimed)
    }

    /// How long the job had been due when it was started: until it was claimed, by the database's clock.
    pub(super) fn waited(&self) -> Duration {
        let job = &self.attempt.job;
        let until_claimed = (job.started_at - job.scheduled_at).to_std().unwrap_or_default();
        until_claimed + self.started().duration_since(self.claimed)
    }

    pub(super) fn has_started(&self) -> bool {
        self.started.get().is_some()
    }

    /// True for the first who ends the attempt.
    pub(super) fn end(&self) -> bool {
        !self.ended.swap(true, Ordering::SeqCst)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }
}

/// The end of an attempt on its way to the writer, with what its notes still hold: they are taken when nothing of them is in
/// flight any more.
pub(super) struct End {
    finish: Finish,
    attempt: Option<Arc<RunningAttempt>>,
}

impl End {
    pub(super) fn of(finish: Finish, attempt: Arc<RunningAttempt>) -> Self {
        Self { finish, attempt: Some(attempt) }
    }

    /// Of an attempt that this process knows nothing of.
    pub(super) const fn of_stranger(finish: Finish) -> Self {
        Self { finish, attempt: None }
    }

    /// As it is written.
    pub(super) fn into_finish(self) -> Finish {
        let Self { mut finish, attempt } = self;
        let Some(attempt) = attempt else { return finish };
        let (job, unwritten) = (&attempt.job, attempt.notes.end());
        finish.messages = unwritten.messages(job.id, job.attempt, job.version);
        finish.progress = if finish.status == JobStatus::Terminated.code() { Some(100) } else { unwritten.progress };
        finish.results = unwritten.results;
        finish
    }
}

/// How many ends may wait for the writer before new starts wait too.
const BUFFERED_ENDS: usize = 10_000;

impl Engine {
    pub(super) async fn join(
        db: &DatabaseConnection,
        settings: Arc<Settings>,
        registry: Arc<Registry>,
    ) -> Result<Arc<Self>, Error> {
        let connections = Connections::like(db).await?;
        let identity = identity(&settings);
        let serves = Serves {
            queues: settings.queues.iter().map(|(name, _)| name.clone()).collect(),
            names: registry.names().into_iter().map(str::to_owned).collect(),
        };
        let sent = Instant::now();
        let id = connections.store().join(&identity, settings.lease, &serves).await?;
        let (ends, ends_to_write) = mpsc::channel(BUFFERED_ENDS);
        let setting = Arc::new(Setting {
            db: db.clone(),
            states: Arc::new(settings.states.clone()),
            worker: identity.name.clone(),
            worker_id: Some(id),
            lease: settings.lease,
            writing: tokio::sync::Mutex::default(),
        });
        tracing::info!(worker = id, name = identity.name, queues = ?settings.queues, "the worker has joined");
        Ok(Arc::new(Self {
            id,
            label: identity.name,
            lease: Lease::new(sent, settings.lease, settings.cancel_grace(), settings.margin()),
            runtime: tokio::runtime::Handle::current(),
            writer: Pulse::new(),
            claimer: Pulse::new(),
            unstopped: Mutex::default(),
            sleeper: Sleeper::new(),
            connections: Arc::new(connections),
            settings,
            registry,
            setting,
            owned: Mutex::default(),
            claims: Claims::default(),
            tasks: TaskTracker::new(),
            ends,
            ends_to_write: Mutex::new(Some(ends_to_write)),
            listening: AtomicBool::new(false),
            stopping: CancellationToken::new(),
            written: CancellationToken::new(),
            lost: CancellationToken::new(),
            gone: CancellationToken::new(),
        }))
    }

    pub(super) fn own(&self, attempt: Arc<RunningAttempt>, meter: Arc<Meter>) -> Arc<Owned> {
        let owned = Arc::new(Owned {
            attempt,
            meter,
            claimed: Instant::now(),
            started: OnceLock::new(),
            ended: AtomicBool::new(false),
        });
        lock(&self.owned).insert(owned.key(), owned.clone());
        owned
    }

    /// The end of this attempt is written, or another has the job. Returns what was owned.
    pub(super) fn disown(&self, id: i64, version: i64) -> Option<Arc<Owned>> {
        lock(&self.owned).remove(&(id, version))
    }

    pub(super) fn owned(&self) -> Vec<Arc<Owned>> {
        lock(&self.owned).values().cloned().collect()
    }

    /// Those that still execute.
    pub(super) fn running(&self) -> usize {
        lock(&self.owned).values().filter(|owned| !owned.has_ended()).count()
    }

    /// Asks all that still execute to stop.
    pub(super) fn stop_all(&self, reason: StopReason) {
        for owned in self.owned() {
            owned.attempt.stop.trip(reason);
        }
    }

    /// Measures how many jobs of each queue execute.
    pub(super) fn measure_running(&self) {
        let mut running: HashMap<&str, u32> =
            self.settings.queues.iter().map(|(queue, _)| (queue.as_str(), 0)).collect();
        for owned in self.owned() {
            if owned.has_started()
                && !owned.has_ended()
                && let Some(jobs) = running.get_mut(owned.attempt.job.queue.as_str())
            {
                *jobs += 1;
            }
        }
        for (queue, jobs) in running {
            gauge!(metrics::RUNNING, "queue" => queue.to_owned()).set(jobs);
        }
    }

    /// Whether anything is owned: executing, or with an end that is not written.
    pub(super) fn is_idle(&self) -> bool {
        lock(&self.owned).is_empty()
    }
}

fn identity(settings: &Settings) -> Identity {
    let host = hostname();
    let pid = std::process::id();
    let mut name = settings.name.clone().unwrap_or_else(|| format!("{host}:{pid}"));
    name.truncate(name.floor_char_boundary(200));
    Identity { name, host, pid }
}

fn hostname() -> String {
    let mut name = gethostname::gethostname().to_string_lossy().into_owned();
    name.truncate(name.floor_char_boundary(200));
    name
}
