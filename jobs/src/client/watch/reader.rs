//! The one who reads for all who follow jobs through one pool of connections.
//!
//! Those who follow ask for one batch at a time. The reader's task answers all who have asked with one statement, and ends if no one asks.
//! Whoever has a batch that is not consumed does not ask: it costs nothing, and what is kept for it is bounded.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::event::JobEventId;
use super::told::{Batch, knows_end, told};
use crate::client::record::JobRecord;
use crate::error::{Error, fault};
use crate::model::JobId;
use crate::store::dialect::connection;
use crate::store::lock::lock;
use crate::store::watch::{self, MAX_RECORDS, News, Place};

/// The shortest and the longest pause between two reads.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A read is followed by a pause of this many times as long as it took: all who follow take at most this share of one connection's time.
const PAUSE_FACTOR: u32 = 10;

/// The pause before the next read if the database can't be reached.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Reads for all who follow through one pool.
#[derive(Debug)]
pub(super) struct Reader {
    /// To the task, if it runs.
    requests: Mutex<Option<mpsc::UnboundedSender<Request>>>,
    /// When the next read may be.
    next_at: Mutex<Instant>,
}

#[derive(Debug)]
struct Request {
    id: JobId,
    after: JobEventId,
    answer: oneshot::Sender<Result<Batch, Error>>,
}

static READERS: LazyLock<Mutex<HashMap<usize, Weak<Reader>>>> = LazyLock::new(Mutex::default);

impl Reader {
    pub(super) fn of(db: &DatabaseConnection) -> Arc<Self> {
        let mut all = lock(&READERS);
        all.retain(|_, reader| reader.strong_count() > 0);
        let entry = all.entry(connection::key(db)).or_default();
        entry.upgrade().unwrap_or_else(|| {
            let reader = Arc::new(Self { requests: Mutex::default(), next_at: Mutex::new(Instant::now()) });
            *entry = Arc::downgrade(&reader);
            reader
        })
    }

    /// Waits for the events after this one.
    pub(super) async fn next(
        self: Arc<Self>,
        db: DatabaseConnection,
        id: JobId,
        after: JobEventId,
    ) -> Result<Batch, Error> {
        loop {
            let (answer, batch) = oneshot::channel();
            self.ask(&db, Request { id, after, answer });
            if let Ok(batch) = batch.await {
                return batch;
            }
            // The task has just ended, by itself or with its runtime: the next one is asked.
        }
    }

    fn ask(self: &Arc<Self>, db: &DatabaseConnection, request: Request) {
        let mut requests = lock(&self.requests);
        let refused = match &*requests {
            Some(task) => task.send(request).err().map(|refused| refused.0),
            None => Some(request),
        };
        if let Some(request) = refused {
            let (task, received) = mpsc::unbounded_channel();
            // Its receiver is here.
            let _ = task.send(request);
            *requests = Some(task);
            tokio::spawn(read_for_all(self.clone(), db.clone(), received));
        }
    }
}

async fn read_for_all(reader: Arc<Reader>, db: DatabaseConnection, mut received: mpsc::UnboundedReceiver<Request>) {
    let mut waiting = Vec::new();
    loop {
        let next_at = *lock(&reader.next_at);
        tokio::time::sleep_until(next_at).await;
        while let Ok(request) = received.try_recv() {
            waiting.push(request);
        }
        waiting.retain(|request| !request.answer.is_closed());
        if waiting.is_empty() {
            return;
        }
        let begin = Instant::now();
        *lock(&reader.next_at) = begin + SHORTEST_PAUSE;
        let pause = match answer(&db, &mut waiting).await {
            Ok(is_behind) => pause_after(begin.elapsed(), is_behind),
            Err(error) if fault::of(&error).is_passing() && !connection::is_closed(&db) => {
                tracing::debug!(%error, "asking again for the events of jobs");
                RETRY_PAUSE
            }
            Err(error) => {
                for request in waiting.drain(..) {
                    let _ = request.answer.send(Err(error.clone().into()));
                }
                SHORTEST_PAUSE
            }
        };
        *lock(&reader.next_at) = Instant::now() + pause;
    }
}

/// The pause after a read that took so long. Someone who `is_behind` need not wait longer than the database's share demands.
fn pause_after(took: Duration, is_behind: bool) -> Duration {
    let pause = (took * PAUSE_FACTOR).min(LONGEST_PAUSE);
    if is_behind { pause } else { pause.max(SHORTEST_PAUSE) }
}

/// Answers those for whom there is something new; the others keep waiting. Returns whether there is more to tell than was read.
async fn answer(db: &DatabaseConnection, waiting: &mut Vec<Request>) -> Result<bool, DbErr> {
    let places: HashSet<Place> = waiting.iter().map(Request::place).collect();
    let news = watch::news(db, &places.into_iter().collect::<Vec<_>>()).await?;
    let records = ended(db, waiting, &news).await?;
    let mut is_behind = records.len() == MAX_RECORDS;
    for request in mem::take(waiting) {
        let Some(news) = news.get(&request.place()) else {
            let _ = request.answer.send(Err(Error::NotFound { id: request.id }));
            continue;
        };
        match told(request.after, news, records.get(&request.id)) {
            None => waiting.push(request),
            Some(batch) => {
                is_behind |= news.is_full();
                let _ = request.answer.send(Ok(batch));
            }
        }
    }
    Ok(is_behind)
}

/// Reads the records of jobs whose end is to be told. If there are many, the others wait for the next time.
async fn ended(
    db: &DatabaseConnection,
    waiting: &[Request],
    news: &HashMap<Place, News>,
) -> Result<HashMap<JobId, JobRecord>, DbErr> {
    let is_to_be_told = |request: &&Request| {
        let news = news.get(&request.place());
        news.is_some_and(|news| news.has_ended() && !knows_end(request.after, news))
    };
    let ids: BTreeSet<i64> = waiting.iter().filter(is_to_be_told).map(|request| request.id.0).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<i64> = ids.into_iter().take(MAX_RECORDS).collect();
    let rows = watch::records(db, &ids).await?;
    Ok(rows.into_iter().map(JobRecord::of).map(|record| (record.id, record)).collect())
}

impl Request {
    const fn place(&self) -> Place {
        Place { job: self.id.0, version: self.after.version, number: self.after.message }
    }
}
