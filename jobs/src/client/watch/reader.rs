//! The one who reads for all who follow jobs through one pool of connections.
//!
//! Those who follow ask for one batch at a time. The reader's task answers all who have asked with one statement, up to [`MAX_PLACES`],
//! and ends if no one asks. Whoever has a batch that is not consumed does not ask: it costs nothing, and what is kept for it is bounded.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::mem;
use std::sync::{Arc, LazyLock, Mutex, Weak};
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr, RuntimeErr};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::event::JobEventId;
use super::told::{Batch, knows_end, told};
use crate::client::record::JobRecord;
use crate::error::{Error, fault};
use crate::model::JobId;
use crate::store::dialect::connection;
use crate::store::lock::lock;
use crate::store::watch::{self, MAX_PLACES, MAX_RECORDS, News, Place};

/// The shortest and the longest pause between two reads.
const SHORTEST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A read is followed by a pause of this many times as long as it took, up to the longest: all who follow take about this share of one
/// connection's time, if no read takes longer than a second.
const PAUSE_FACTOR: u32 = 10;

/// The pause after a read that has failed.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// How often a read is tried whose error does not come of the connection or of other transactions.
const MAX_TRIES: u32 = 3;

/// How long a read may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Reads for all who follow through one pool.
#[derive(Debug)]
pub(super) struct Reader {
    /// To the task, if it runs.
    requests: Mutex<Option<mpsc::UnboundedSender<Request>>>,
    /// When the next read may be.
    next_at: Mutex<Instant>,
    /// How long a read may take.
    patience: Duration,
}

#[derive(Debug)]
struct Request {
    id: JobId,
    after: JobEventId,
    answer: oneshot::Sender<Result<Batch, Error>>,
}

static READERS: LazyLock<Mutex<HashMap<usize, Weak<Reader>>>> = LazyLock::new(Mutex::default);

impl Reader {
    fn new(patience: Duration) -> Self {
        Self { requests: Mutex::default(), next_at: Mutex::new(Instant::now()), patience }
    }

    pub(super) fn of(db: &DatabaseConnection) -> Arc<Self> {
        let mut all = lock(&READERS);
        all.retain(|_, reader| reader.strong_count() > 0);
        let entry = all.entry(connection::key(db)).or_default();
        entry.upgrade().unwrap_or_else(|| {
            let reader = Arc::new(Self::new(PATIENCE));
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
    let mut waiting = Waiting::default();
    let mut failures = Failures::default();
    loop {
        let next_at = *lock(&reader.next_at);
        tokio::time::sleep_until(next_at).await;
        while let Ok(request) = received.try_recv() {
            waiting.read.push(request);
        }
        let mut requests = waiting.next();
        if requests.is_empty() {
            return;
        }
        let begin = Instant::now();
        *lock(&reader.next_at) = begin + SHORTEST_PAUSE;
        let pause = match within(reader.patience, answer(&db, &mut requests)).await {
            Ok(is_behind) => {
                failures = Failures::default();
                waiting.read.append(&mut requests);
                waiting.is_behind |= is_behind;
                pause_after(begin.elapsed(), waiting.is_behind || !waiting.unread.is_empty())
            }
            Err(error) => {
                waiting.unread.append(&mut requests);
                if connection::is_closed(&db) || !failures.may_pass(&error) {
                    waiting.end(&error);
                    failures = Failures::default();
                }
                RETRY_PAUSE
            }
        };
        *lock(&reader.next_at) = Instant::now() + pause;
    }
}

/// Gives up on a read that gets no answer in time: if a connection is cut without notice, the system waits minutes or hours before it reports
/// an error. `SQLx` takes the connection back only after the server has answered a ping on it.
async fn within<T>(patience: Duration, read: impl Future<Output = Result<T, DbErr>>) -> Result<T, DbErr> {
    tokio::time::timeout(patience, read).await.unwrap_or_else(|_| {
        Err(DbErr::Conn(RuntimeErr::Internal(format!("the database gives no answer within {patience:?}"))))
    })
}

/// The pause after a read that took so long. If there `is_more` to read, it is no longer than the database's share demands.
fn pause_after(took: Duration, is_more: bool) -> Duration {
    let pause = (took * PAUSE_FACTOR).min(LONGEST_PAUSE);
    if is_more { pause } else { pause.max(SHORTEST_PAUSE) }
}

/// Those who wait for an answer. In a round, each is read for once, [`MAX_PLACES`] places at a time.
#[derive(Default)]
struct Waiting {
    unread: Vec<Request>,
    /// Those who had nothing new in this round, or have asked since it began.
    read: Vec<Request>,
    /// Whether there is more to tell than was read in this round.
    is_behind: bool,
}

impl Waiting {
    /// Takes those for whom to read now. There are none if no one waits.
    fn next(&mut self) -> Vec<Request> {
        for requests in [&mut self.unread, &mut self.read] {
            requests.retain(|request| !request.answer.is_closed());
        }
        if self.unread.is_empty() {
            *self = Self { unread: mem::take(&mut self.read), ..Self::default() };
        }
        let mut places = HashSet::new();
        let (next, unread) = mem::take(&mut self.unread).into_iter().partition(|request| {
            places.contains(&request.place()) || (places.len() < MAX_PLACES && places.insert(request.place()))
        });
        self.unread = unread;
        next
    }

    /// Ends all streams with this error.
    fn end(&mut self, error: &DbErr) {
        for request in self.unread.drain(..).chain(self.read.drain(..)) {
            let _ = request.answer.send(Err(error.clone().into()));
        }
    }
}

/// The reads that have failed since the last that succeeded.
#[derive(Default)]
struct Failures {
    count: u32,
    /// How many of the last ones were none of the connection's or of other transactions.
    lasting: u32,
}

impl Failures {
    /// Logs one more failure. Returns whether the next read may succeed.
    fn may_pass(&mut self, error: &DbErr) -> bool {
        self.count += 1;
        self.lasting = if fault::of(error).is_passing() { 0 } else { self.lasting + 1 };
        if self.count == 1 {
            tracing::warn!(%error, "can't read the events of jobs; trying again");
        } else {
            tracing::debug!(%error, "still can't read the events of jobs");
        }
        self.lasting < MAX_TRIES
    }
}

/// Answers those for whom there is something new; the others are left. Returns whether there is more to tell than was read.
async fn answer(db: &DatabaseConnection, requests: &mut Vec<Request>) -> Result<bool, DbErr> {
    let places: HashSet<Place> = requests.iter().map(Request::place).collect();
    let news = watch::news(db, &places.into_iter().collect::<Vec<_>>()).await?;
    let records = ended(db, requests, &news).await?;
    let mut is_behind = records.len() == MAX_RECORDS;
    for request in mem::take(requests) {
        let news = match news.get(&request.place()) {
            Some(Ok(news)) => news,
            unread => {
                let error = unread.and_then(|news| news.as_ref().err()).cloned();
                let error = error.map_or(Error::NotFound { id: request.id }, Error::from);
                let _ = request.answer.send(Err(error));
                continue;
            }
        };
        let record = records.get(&request.id);
        match (told(request.after, news, record.and_then(|record| record.as_ref().ok())), record) {
            (Some(batch), _) => {
                is_behind |= news.is_full();
                let _ = request.answer.send(Ok(batch));
            }
            (None, Some(Err(error))) => _ = request.answer.send(Err(error.clone().into())),
            (None, _) => requests.push(request),
        }
    }
    Ok(is_behind)
}

/// Reads the records of jobs whose end is to be told. If there are many, the others wait for the next time.
async fn ended(
    db: &DatabaseConnection,
    requests: &[Request],
    news: &HashMap<Place, Result<News, DbErr>>,
) -> Result<HashMap<JobId, Result<Arc<JobRecord>, DbErr>>, DbErr> {
    let is_to_be_told = |request: &&Request| {
        let news = news.get(&request.place()).and_then(|news| news.as_ref().ok());
        news.is_some_and(|news| news.has_ended() && !knows_end(request.after, news))
    };
    let ids: BTreeSet<i64> = requests.iter().filter(is_to_be_told).map(|request| request.id.0).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<i64> = ids.into_iter().take(MAX_RECORDS).collect();
    let rows = watch::records(db, &ids).await?;
    Ok(rows.into_iter().map(|(id, row)| (JobId(id), row.map(|row| Arc::new(JobRecord::of(row))))).collect())
}

impl Request {
    const fn place(&self) -> Place {
        Place { job: self.id.0, version: self.after.version, number: self.after.message }
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use sea_orm::{ConnectOptions, Database};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_read_without_an_answer_is_given_up_and_tried_again() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut options = ConnectOptions::new(format!("postgres://jobs@{}/jobs", silent.local_addr().unwrap()));
        options.connect_lazy(true).max_connections(1);
        let db = Database::connect(options).await.unwrap();
        let reader = Arc::new(Reader::new(Duration::from_millis(50)));
        let following = tokio::spawn(reader.next(db, JobId(1), JobEventId::START));
        let mut connections = Vec::new();
        for _ in 0..2 {
            let next = tokio::time::timeout(Duration::from_secs(20), silent.accept());
            connections.push(next.await.expect("it tries again").unwrap());
        }
        assert!(!following.is_finished());
        following.abort();
    }
}
