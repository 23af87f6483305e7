//! Waiting for jobs to end. All who wait for one database in a process share one poll. A worker in the process wakes them; one in
//! another process does where the database notifies.

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
use crate::store::control;
use crate::store::dialect::connection;
use crate::store::dialect::listen::Listener;
use crate::store::lock::lock;

/// The first pause between two polls, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A wait that lasts so long is worth a listening connection, where the database notifies.
const LISTEN_AFTER: Duration = Duration::from_millis(80);

/// How long polling waits for a connection to listen on.
const LISTEN_PATIENCE: Duration = Duration::from_millis(500);

/// How often a waiter looks whether somebody still polls for it.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Those who wait for jobs of one database.
#[derive(Debug, Default)]
struct Waiters {
    /// What each waits for. The value is sent once.
    waiting: Mutex<HashMap<i64, watch::Sender<Option<Ended>>>>,
    /// The task that polls for all; it ends when nobody waits.
    poller: Mutex<Option<JoinHandle<()>>>,
    /// Someone new waits, or a job has ended here: poll now.
    poll: Notify,
}

#[derive(Debug, Clone)]
enum Ended {
    Closed,
    Gone,
    /// The database can't be asked.
    Error(DbErr),
}

static WAITERS: LazyLock<Mutex<HashMap<usize, Weak<Waiters>>>> = LazyLock::new(Mutex::default);

/// Waits until a job has ended, and returns its record.
///
/// Without a time limit of its own: [`tokio::time::timeout`], or [`wait_timeout`].
pub async fn wait(db: &DatabaseConnection, id: impl Into<JobId>) -> Result<JobRecord, Error> {
    let id = id.into();
    let waiters = waiters(db);
    let mut waiter = waiters.enter(id);
    let ended = loop {
        waiters.keep_polling(db);
        // In vain where the runtime of the task that polls has ended before this one: then another one is started.
        if let Ok(ended) = tokio::time::timeout(CHECK_INTERVAL, waiter.wait_for(Option::is_some)).await {
            // The sender stays until the last who waits has left.
            break ended.ok().and_then(|ended| ended.clone()).unwrap_or(Ended::Gone);
        }
    };
    drop(waiter);
    waiters.leave(id);
    match ended {
        Ended::Closed => record::record(db, id).await,
        Ended::Gone => Err(Error::NotFound { id }),
        Ended::Error(error) => Err(error.into()),
    }
}

/// Waits until a job has ended, for at most `limit`, and returns its record. [`Error::WaitTimeout`] after that; the job goes on.
pub async fn wait_timeout(db: &DatabaseConnection, id: impl Into<JobId>, limit: Duration) -> Result<JobRecord, Error> {
    let id = id.into();
    match tokio::time::timeout(limit, wait(db, id)).await {
        Ok(result) => result,
        Err(_) => Err(Error::WaitTimeout { id, waited: limit }),
    }
}

/// A job has ended in this process: whoever waits for it looks at once.
pub(crate) fn ended(ids: impl Iterator<Item = i64>) {
    let all: Vec<_> = lock(&WAITERS).values().filter_map(Weak::upgrade).collect();
    if all.is_empty() {
        return;
    }
    let ids: Vec<_> = ids.collect();
    for waiters in all {
        // Another database may have a job of the same number: a poll too many, no more.
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
    fn enter(&self, id: JobId) -> watch::Receiver<Option<Ended>> {
        let receiver = lock(&self.waiting).entry(id.0).or_insert_with(|| watch::Sender::new(None)).subscribe();
        self.poll.notify_one();
        receiver
    }

    /// Starts the task that polls, unless it runs. It is nobody's own: a waiter that is not polled itself holds up no other.
    fn keep_polling(self: &Arc<Self>, db: &DatabaseConnection) {
        let mut poller = lock(&self.poller);
        if poller.as_ref().is_none_or(JoinHandle::is_finished) {
            *poller = Some(tokio::spawn(poll_for_all(self.clone(), db.clone())));
        }
    }

    /// Whether the task that polls may end: nobody waits.
    fn is_over(&self) -> bool {
        let mut poller = lock(&self.poller);
        let over = lock(&self.waiting).is_empty();
        if over {
            *poller = None;
        }
        over
    }

    /// Forgets what nobody waits for any more.
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

    /// Tells those whose jobs have ended, or all where the database can't be asked.
    async fn poll(&self, db: &DatabaseConnection) {
        // Waiters may have been dropped while they waited.
        lock(&self.waiting).retain(|_, sender| sender.receiver_count() > 0);
        let ids = self.ids();
        let ended: Vec<(i64, Ended)> = match control::statuses(db, &ids).await {
            Ok(found) => {
                let found: HashMap<i64, JobStatus> = found.into_iter().collect();
                ids.into_iter().filter_map(|id| Some((id, ended_as(found.get(&id).copied())?))).collect()
            }
            Err(error) if fault::of(&error).is_passing() => {
                return tracing::debug!(%error, "asking again for the ends of jobs");
            }
            Err(error) => ids.into_iter().map(|id| (id, Ended::Error(error.clone()))).collect(),
        };
        let waiting = lock(&self.waiting);
        for (id, ended) in ended {
            if let Some(sender) = waiting.get(&id) {
                sender.send_replace(Some(ended));
            }
        }
    }
}

fn ended_as(found: Option<JobStatus>) -> Option<Ended> {
    match found {
        None => Some(Ended::Gone),
        Some(status) => status.is_closed().then_some(Ended::Closed),
    }
}

async fn poll_for_all(waiters: Arc<Waiters>, db: DatabaseConnection) {
    let mut pause = FIRST_PAUSE;
    let mut ears = Ears::default();
    while !waiters.is_over() {
        if pause >= LISTEN_AFTER {
            ears.expect(&db, &waiters.ids()).await;
        }
        waiters.poll(&db).await;
        tokio::select! {
            () = waiters.poll.notified() => pause = FIRST_PAUSE,
            () = ears.hear() => {}
            () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
        }
    }
}

/// What the one who polls hears of jobs that end in other processes: a hint to poll at once.
#[derive(Default)]
struct Ears {
    listener: Option<Listener>,
    /// The jobs that are marked as waited for.
    expected: HashSet<i64>,
}

impl Ears {
    /// Listens for the ends of these jobs too. Where that fails, polling goes on.
    async fn expect(&mut self, db: &DatabaseConnection, ids: &[i64]) {
        if !may_listen() || !control::can_notify(db) {
            return;
        }
        if self.listener.is_none() {
            self.expected.clear();
            match tokio::time::timeout(LISTEN_PATIENCE, Listener::connect(db, &["jobs_finish"])).await {
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
        match control::expect(db, &new).await {
            Ok(()) => self.expected.extend(new),
            Err(error) => tracing::debug!(%error, "can't ask to be notified of the ends of jobs"),
        }
    }

    /// Returns when a job has ended; never where nothing can be heard.
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
