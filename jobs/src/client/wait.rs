//! Waiting for jobs to end. All waiters of a process on one database share one polling task. A worker in the process wakes it; one
//! in another process does if the database notifies.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::options::may_listen;
use super::{JobRecord, record};
use crate::error::{Error, fault};
use crate::model::{JobId, JobStatus};
use crate::store::dialect::connection;
use crate::store::dialect::listen::Listener;
use crate::store::lock::lock;
use crate::store::{jobs, notify};

/// The first and the longest pause between two polls.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A wait of this length is worth a listening connection, if the database notifies.
const LISTEN_AFTER: Duration = Duration::from_millis(80);

/// How long the polling task waits for a connection to listen on.
const LISTEN_TIMEOUT: Duration = Duration::from_millis(500);

/// How often a waiter checks that the polling task is still alive.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The waiters on one database.
#[derive(Debug, Default)]
struct Waiters {
    /// The jobs waited for. The value is sent once.
    waiting: Mutex<HashMap<i64, watch::Sender<Option<WaitResult>>>>,
    /// The task that polls for all waiters; it ends when there are none.
    poller: Mutex<Option<JoinHandle<()>>>,
    /// There is a new waiter, or a job has ended in this process: poll now.
    poll: Notify,
}

#[derive(Debug, Clone)]
enum WaitResult {
    Closed,
    Deleted,
    /// The database can't be queried.
    Error(DbErr),
}

static WAITERS: LazyLock<Mutex<HashMap<usize, Weak<Waiters>>>> = LazyLock::new(Mutex::default);

/// Waits until a job has ended, and returns its record.
///
/// This has no time limit: see [`wait_timeout`], or use [`tokio::time::timeout`].
pub async fn wait(db: &DatabaseConnection, id: impl Into<JobId>) -> Result<JobRecord, Error> {
    let id = id.into();
    let waiters = waiters(db);
    let mut waiter = waiters.enter(id);
    let ended = loop {
        waiters.keep_polling(db);
        // If the runtime of the polling task has shut down, this times out, and another task is started.
        if let Ok(ended) = tokio::time::timeout(CHECK_INTERVAL, waiter.wait_for(Option::is_some)).await {
            // The sender stays until the last waiter has left.
            break ended.ok().and_then(|ended| ended.clone()).unwrap_or(WaitResult::Deleted);
        }
    };
    drop(waiter);
    waiters.leave(id);
    match ended {
        WaitResult::Closed => record::record(db, id).await,
        WaitResult::Deleted => Err(Error::NotFound { id }),
        WaitResult::Error(error) => Err(error.into()),
    }
}

/// Waits for at most `limit` until a job has ended: [`Error::WaitTimeout`] after that. The job keeps running.
pub async fn wait_timeout(db: &DatabaseConnection, id: impl Into<JobId>, limit: Duration) -> Result<JobRecord, Error> {
    let id = id.into();
    match tokio::time::timeout(limit, wait(db, id)).await {
        Ok(result) => result,
        Err(_) => Err(Error::WaitTimeout { id, waited: limit }),
    }
}

/// Jobs have ended in this process: wakes the polling tasks that wait for them.
pub(crate) fn ended(ids: impl Iterator<Item = i64>) {
    let all: Vec<_> = lock(&WAITERS).values().filter_map(Weak::upgrade).collect();
    if all.is_empty() {
        return;
    }
    let ids: Vec<_> = ids.collect();
    for waiters in all {
        // Another database may have a job of the same id: that costs one extra poll.
        if ids.iter().any(|id| lock(&waiters.waiting).contains_key(id)) {
            waiters.poll.notify_one();
        }
    }
}

fn waiters(db: &DatabaseConnection) -> Arc<Waiters> {
    let mut all = lock(&WAITERS);
    all.retain(|_, waiters| waiters.strong_count() > 0);
    let entry = all.entry(connection::key(db)).or_default();
    entry.upgrade().unwrap_or_else(|| {
        let waiters = Arc::default();
        *entry = Arc::downgrade(&waiters);
        waiters
    })
}

impl Waiters {
    fn enter(&self, id: JobId) -> watch::Receiver<Option<WaitResult>> {
        let receiver = lock(&self.waiting).entry(id.0).or_insert_with(|| watch::Sender::new(None)).subscribe();
        self.poll.notify_one();
        receiver
    }

    /// Starts the polling task unless it runs. No waiter owns it, so a waiter that is not polled does not delay the others.
    fn keep_polling(self: &Arc<Self>, db: &DatabaseConnection) {
        let mut poller = lock(&self.poller);
        if poller.as_ref().is_none_or(JoinHandle::is_finished) {
            *poller = Some(tokio::spawn(poll_for_all(self.clone(), db.clone())));
        }
    }

    /// Whether the polling task may end because there are no waiters.
    fn is_over(&self) -> bool {
        let mut poller = lock(&self.poller);
        let over = lock(&self.waiting).is_empty();
        if over {
            *poller = None;
        }
        over
    }

    /// Forgets the job if no other waiter waits for it.
    fn leave(&self, id: JobId) {
        let mut waiting = lock(&self.waiting);
        if waiting.get(&id.0).is_some_and(|sender| sender.receiver_count() == 0) {
            waiting.remove(&id.0);
        }
        if waiting.is_empty() {
            self.poll.notify_one();
        }
    }

    fn ids(&self) -> Vec<i64> {
        lock(&self.waiting).keys().copied().collect()
    }

    /// Notifies the waiters whose jobs have ended, or all if the database can't be queried.
    async fn poll(&self, db: &DatabaseConnection) {
        // Waiters may have been dropped while they waited.
        lock(&self.waiting).retain(|_, sender| sender.receiver_count() > 0);
        let ids = self.ids();
        let ended: Vec<(i64, WaitResult)> = match jobs::statuses(db, &ids).await {
            Ok(found) => {
                let found: HashMap<i64, JobStatus> = found.into_iter().collect();
                ids.into_iter().filter_map(|id| Some((id, result_of(found.get(&id).copied())?))).collect()
            }
            Err(error) if fault::of(&error).is_passing() => {
                return tracing::debug!(%error, "asking again for the ends of jobs");
            }
            Err(error) => ids.into_iter().map(|id| (id, WaitResult::Error(error.clone()))).collect(),
        };
        let waiting = lock(&self.waiting);
        for (id, ended) in ended {
            if let Some(sender) = waiting.get(&id) {
                sender.send_replace(Some(ended));
            }
        }
    }
}

fn result_of(found: Option<JobStatus>) -> Option<WaitResult> {
    match found {
        None => Some(WaitResult::Deleted),
        Some(status) => status.is_closed().then_some(WaitResult::Closed),
    }
}

async fn poll_for_all(waiters: Arc<Waiters>, db: DatabaseConnection) {
    let mut pause = FIRST_PAUSE;
    let mut listener = FinishListener::default();
    while !waiters.is_over() {
        if pause >= LISTEN_AFTER {
            listener.listen_for(&db, &waiters.ids()).await;
        }
        waiters.poll(&db).await;
        tokio::select! {
            () = waiters.poll.notified() => pause = FIRST_PAUSE,
            () = listener.hear() => {}
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// Listens for jobs that end in other processes: a hint to poll at once.
#[derive(Default)]
struct FinishListener {
    listener: Option<Listener>,
    /// The jobs that are marked as awaited.
    expected: HashSet<i64>,
}

impl FinishListener {
    /// Listens for these jobs as well. If that fails, polling continues.
    async fn listen_for(&mut self, db: &DatabaseConnection, ids: &[i64]) {
        if !may_listen() || !notify::can_send(db) {
            return;
        }
        if self.listener.is_none() {
            self.expected.clear();
            match tokio::time::timeout(LISTEN_TIMEOUT, Listener::connect(db, &["jobs_finish"])).await {
                Ok(Ok(listener)) => self.listener = Some(listener),
                Ok(Err(error)) => return tracing::debug!(%error, "can't listen for the ends of jobs"),
                Err(_) => return tracing::debug!("it takes too long to listen for the ends of jobs"),
            }
        }
        self.expected.retain(|id| ids.contains(id));
        let new: Vec<i64> = ids.iter().copied().filter(|id| !self.expected.contains(id)).collect();
        if new.is_empty() {
            return;
        }
        match notify::mark_awaited(db, &new).await {
            Ok(()) => self.expected.extend(new),
            Err(error) => tracing::debug!(%error, "can't ask to be notified of the ends of jobs"),
        }
    }

    /// Returns when a job has ended; never if there is no listening connection.
    async fn hear(&mut self) {
        match &mut self.listener {
            None => std::future::pending().await,
            Some(listener) => {
                if let Err(error) = listener.hear().await {
                    tracing::debug!(%error, "the connection that listens for the ends of jobs was lost");
                    self.listener = None;
                }
            }
        }
    }
}
