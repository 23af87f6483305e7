//! Waiting for jobs to end. All who wait for one database in a process share one poll. A worker in the process wakes them; one in
//! another process does where the database notifies.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio::sync::{Notify, watch};

use crate::error::Error;
use crate::store::control;
use crate::store::dialect::connection;
use crate::store::dialect::listen::Listener;
use crate::wake::lock;
use crate::{JobId, JobRecord, JobStatus, record};

/// The first pause between two polls, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A wait that lasts so long is worth a listening connection, where the database notifies.
const LISTEN_AFTER: Duration = Duration::from_millis(80);

/// Those who wait for jobs of one database.
#[derive(Debug, Default)]
struct Waiters {
    /// What each waits for. The value is sent once: closed with a status, or gone.
    waiting: Mutex<HashMap<i64, watch::Sender<Option<Ended>>>>,
    /// Held by the one who polls for all.
    turn: tokio::sync::Mutex<()>,
    /// Someone new waits, or a job has ended here: poll now.
    poll: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Closed,
    Gone,
}

static WAITERS: LazyLock<Mutex<HashMap<usize, Weak<Waiters>>>> = LazyLock::new(Mutex::default);

/// Waits until a job has ended, and returns its record.
///
/// Without a time limit of its own: [`tokio::time::timeout`], or [`wait_for`].
pub async fn wait(db: &DatabaseConnection, id: impl Into<JobId>) -> Result<JobRecord, Error> {
    let id = id.into();
    let waiters = waiters(db);
    let mut ended = waiters.enter(id);
    let result = tokio::select! {
        // Who has what it waits for does not begin another poll when it gets the turn.
        biased;
        ended = Waiters::ended(&mut ended) => ended,
        result = waiters.poll_in_turn(db) => result.map(|never| match never {}),
    };
    drop(ended);
    waiters.leave(id);
    match result? {
        Ended::Closed => record::record(db, id).await,
        Ended::Gone => Err(Error::NotFound { id }),
    }
}

/// The same, for at most `limit`: [`Error::WaitTimeout`] after that. The job goes on.
pub async fn wait_for(db: &DatabaseConnection, id: impl Into<JobId>, limit: Duration) -> Result<JobRecord, Error> {
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

/// A poll ends only with an error.
enum Never {}

impl Waiters {
    fn enter(&self, id: JobId) -> watch::Receiver<Option<Ended>> {
        let receiver = lock(&self.waiting).entry(id.0).or_insert_with(|| watch::Sender::new(None)).subscribe();
        self.poll.notify_one();
        receiver
    }

    async fn ended(receiver: &mut watch::Receiver<Option<Ended>>) -> Result<Ended, Error> {
        let ended = receiver.wait_for(Option::is_some).await.map(|ended| *ended);
        // The sender stays until the last who waits has left.
        Ok(ended.ok().flatten().unwrap_or(Ended::Gone))
    }

    /// Forgets what nobody waits for any more.
    fn leave(&self, id: JobId) {
        let mut waiting = lock(&self.waiting);
        if waiting.get(&id.0).is_some_and(|sender| sender.receiver_count() == 0) {
            waiting.remove(&id.0);
        }
    }

    /// Waits for the turn to poll, then polls for all, until this waiter has what it waits for.
    async fn poll_in_turn(&self, db: &DatabaseConnection) -> Result<Never, Error> {
        let _turn = self.turn.lock().await;
        let mut pause = FIRST_PAUSE;
        let mut ears = Ears::default();
        loop {
            if pause >= LISTEN_AFTER {
                ears.expect(db, &self.ids()).await;
            }
            self.poll(db).await?;
            tokio::select! {
                () = self.poll.notified() => pause = FIRST_PAUSE,
                () = ears.hear() => {}
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    fn ids(&self) -> Vec<i64> {
        lock(&self.waiting).keys().copied().collect()
    }

    async fn poll(&self, db: &DatabaseConnection) -> Result<(), Error> {
        // Waiters may have been dropped while they waited.
        lock(&self.waiting).retain(|_, sender| sender.receiver_count() > 0);
        let ids = self.ids();
        let found: HashMap<i64, JobStatus> = control::statuses(db, &ids).await?.into_iter().collect();
        let waiting = lock(&self.waiting);
        for id in ids {
            let ended = match found.get(&id) {
                None => Ended::Gone,
                Some(status) if status.is_closed() => Ended::Closed,
                Some(_) => continue,
            };
            if let Some(sender) = waiting.get(&id) {
                sender.send_replace(Some(ended));
            }
        }
        Ok(())
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
        if !control::can_notify(db) {
            return;
        }
        if self.listener.is_none() {
            self.expected.clear();
            match Listener::connect(db, &["jobs_finish"]).await {
                Ok(listener) => self.listener = Some(listener),
                Err(error) => return tracing::debug!(%error, "can't listen for the ends of jobs"),
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
