//! What is the same for all who look: it is asked for once, for all of them.
//!
//! Together, that is fewer than two statements a second while somebody looks, however many do, and none otherwise.

use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use tokio::sync::watch;
use tokio::time::Instant;

use super::TIME_LIMIT;
use super::failure::{Failure, Told};
use crate::client::health::{Check, Finding};
use crate::client::running::WorkerWithJobs;
use crate::{
    Action, BoundedCounts, Error, FailureGroups, JobFilter, Principal, QueueRecord, Role, Session, Stats, StatsRange,
    Unserved,
};

/// How old what is shown may be: three statements in the first time, two in the second, one in the third, up to three in the fourth; in the
/// last two for each range of charts and each way to show failures, and five for the findings. All of that is 1.95 statements a second,
/// if what is not served is of no more than a hundred queues, priorities and names: each further hundred are one statement more.
const QUEUES: Duration = Duration::from_secs(3);
const WORKERS: Duration = Duration::from_secs(5);
const COUNTS: Duration = Duration::from_secs(5);
const UNSERVED: Duration = Duration::from_secs(30);
const HISTORY: Duration = Duration::from_mins(1);

/// What of `doctor`'s checks is made: the overview tells in sections of its own which workers are lost and what is not served, has read the
/// queues, and fails if it can't read the tables.
const CHECKS: [Check; 5] =
    [Check::Migrations, Check::Clock, Check::Schedules, Check::LongAttempts, Check::LongTransactions];

/// How long a failure is told: pages come back soon after the database has.
const FAILURE: Duration = Duration::from_secs(3);

/// What all viewers of a service look at.
pub(super) struct Shared {
    /// It may only view: nothing that somebody may not see can be shared with them.
    session: Session,
    /// How many changes viewers have made: what was asked for before one is not shown after it.
    changes: AtomicU64,
    queues: Flight<Vec<QueueRecord>>,
    workers: Flight<Vec<WorkerWithJobs>>,
    counts: Flight<BoundedCounts>,
    unserved: Flight<Vec<Unserved>>,
    hour: Flight<Stats>,
    day: Flight<Stats>,
    week: Flight<Stats>,
    failures: Flight<FailureGroups>,
    /// With their errors, for those who may see them.
    failures_with_errors: Flight<FailureGroups>,
    findings: Flight<Vec<Finding>>,
}

impl Shared {
    pub(super) fn new(db: &DatabaseConnection) -> Self {
        Self {
            session: crate::acting_as(db, Principal::new("dashboard", Role::Viewer)),
            changes: AtomicU64::new(0),
            queues: Flight::every(QUEUES),
            workers: Flight::every(WORKERS),
            counts: Flight::every(COUNTS),
            unserved: Flight::every(UNSERVED),
            hour: Flight::every(HISTORY),
            day: Flight::every(HISTORY),
            week: Flight::every(HISTORY),
            failures: Flight::every(HISTORY),
            failures_with_errors: Flight::every(HISTORY),
            findings: Flight::every(HISTORY),
        }
    }

    /// The queues, without counting all that waits. See [`Session::bounded_queues`].
    pub(super) async fn queues(&self) -> Result<Seen<Vec<QueueRecord>>, Failure> {
        let session = self.session.clone();
        self.queues.join(&self.changes, || async move { session.bounded_queues().await }).await
    }

    /// The workers, and what they have been running longest. See [`Session::workers_with_jobs`].
    pub(super) async fn workers(&self) -> Result<Seen<Vec<WorkerWithJobs>>, Failure> {
        let session = self.session.clone();
        self.workers.join(&self.changes, || async move { session.workers_with_jobs().await }).await
    }

    /// The number of jobs in each status. See [`Session::bounded_counts`].
    pub(super) async fn counts(&self) -> Result<Seen<BoundedCounts>, Failure> {
        let session = self.session.clone();
        self.counts.join(&self.changes, || async move { session.bounded_counts(JobFilter::new()).await }).await
    }

    /// The due jobs that nobody serves, without counting all. See [`Session::bounded_unserved`].
    pub(super) async fn unserved(&self) -> Result<Seen<Vec<Unserved>>, Failure> {
        let session = self.session.clone();
        self.unserved.join(&self.changes, || async move { session.bounded_unserved().await }).await
    }

    /// What workers have counted. See [`Session::stats`].
    pub(super) async fn stats(&self, range: StatsRange) -> Result<Seen<Stats>, Failure> {
        let flight = match range {
            StatsRange::Hour => &self.hour,
            StatsRange::Day => &self.day,
            StatsRange::Week => &self.week,
        };
        let session = self.session.clone();
        flight.join(&self.changes, || async move { session.stats(range).await }).await
    }

    /// What has failed lately, as this session may see it. See [`Session::failures`].
    pub(super) async fn failures(&self, session: &Session) -> Result<Seen<FailureGroups>, Failure> {
        let sees_errors = session.may(Action::ViewPayload);
        let flight = if sees_errors { &self.failures_with_errors } else { &self.failures };
        let session = session.clone();
        flight.join(&self.changes, || async move { session.failures().await }).await
    }

    /// What checks have found that the overview does not tell otherwise. See [`Session::findings`].
    pub(super) async fn findings(&self) -> Result<Seen<Vec<Finding>>, Failure> {
        let session = self.session.clone();
        self.findings.join(&self.changes, || async move { session.findings(&CHECKS).await }).await
    }

    /// Asks anew from now on: a viewer has changed something, and looks at what came of it.
    pub(super) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
    }
}

/// What was read, and when. It is cheap to clone.
pub(super) struct Seen<T> {
    value: Arc<T>,
    pub(super) at: DateTime<Utc>,
}

impl<T> Clone for Seen<T> {
    fn clone(&self) -> Self {
        Self { value: Arc::clone(&self.value), at: self.at }
    }
}

impl<T> Deref for Seen<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A question of many, which is asked at most once in a period, and not again before it is answered.
struct Flight<T> {
    period: Duration,
    last: Mutex<Option<Asked<T>>>,
}

/// When it was asked last, and what came of it.
struct Asked<T> {
    at: Instant,
    changes: u64,
    answer: Answer<T>,
}

/// The answer, once there is one.
type Answer<T> = watch::Receiver<Option<Result<Seen<T>, Box<Told>>>>;

impl<T: Send + Sync + 'static> Flight<T> {
    fn every(period: Duration) -> Self {
        Self { period, last: Mutex::new(None) }
    }

    /// Returns the last answer if it is not too old. Otherwise one asks, and the others wait for what that one gets: also for a failure.
    async fn join<F>(&self, changes: &AtomicU64, ask: impl FnOnce() -> F) -> Result<Seen<T>, Failure>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let mut asked = self.asked(changes.load(Ordering::SeqCst), ask);
        let answer = asked.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone());
        // There is none if asking has panicked.
        answer.unwrap_or_else(|| Err(Box::new(Failure::Slow.told()))).map_err(Failure::Shared)
    }

    fn asked<F>(&self, changes: u64, ask: impl FnOnce() -> F) -> Answer<T>
    where
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let is_valid =
            |asked: &&Asked<T>| asked.changes == changes && (asked.is_awaited() || asked.is_recent(self.period));
        let valid = last.as_ref().filter(is_valid).map(|asked| asked.answer.clone());
        valid.unwrap_or_else(|| {
            let answer = answer_to(ask());
            last.insert(Asked { at: Instant::now(), changes, answer }).answer.clone()
        })
    }
}

impl<T> Asked<T> {
    fn is_recent(&self, period: Duration) -> bool {
        let has_failed = matches!(*self.answer.borrow(), Some(Err(_)));
        self.at.elapsed() < if has_failed { period.min(FAILURE) } else { period }
    }

    /// Whether the answer is still to come.
    fn is_awaited(&self) -> bool {
        self.answer.borrow().is_none() && self.answer.has_changed().is_ok()
    }
}

/// Asks in a task: if whoever has asked leaves, the others still get the answer.
fn answer_to<T: Send + Sync + 'static>(question: impl Future<Output = Result<T, Error>> + Send + 'static) -> Answer<T> {
    let (tell, answer) = watch::channel(None);
    tokio::spawn(async move {
        let at = Utc::now();
        // Without a limit, all would wait for an answer that never comes.
        let answer = match tokio::time::timeout(TIME_LIMIT, question).await {
            Ok(Ok(value)) => Ok(Seen { value: Arc::new(value), at }),
            Ok(Err(error)) => Err(Box::new(Failure::from(error).told())),
            Err(_) => Err(Box::new(Failure::Slow.told())),
        };
        // Something else may have been asked by now, for which nobody waits any more.
        _ = tell.send(Some(answer));
    });
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_hours(1);

    /// Asks for a number that says how often it was asked.
    async fn ask(flight: &Flight<u64>, changes: &AtomicU64, count: &Arc<AtomicU64>) -> u64 {
        let count = Arc::clone(count);
        let seen = flight.join(changes, || async move { Ok(count.fetch_add(1, Ordering::SeqCst)) }).await;
        *seen.expect("an answer")
    }

    #[tokio::test]
    async fn an_answer_is_for_all_until_it_is_old_or_something_has_changed() {
        let (flight, changes, count) = (Flight::every(LONG), AtomicU64::new(0), Arc::default());
        let all = futures_util::future::join_all((0..100).map(|_| ask(&flight, &changes, &count)));
        assert_eq!(all.await, [0; 100]);
        changes.fetch_add(1, Ordering::SeqCst);
        assert_eq!(ask(&flight, &changes, &count).await, 1);
        assert_eq!(ask(&flight, &changes, &count).await, 1);
        let short = Flight::every(Duration::ZERO);
        assert_eq!([ask(&short, &changes, &count).await, ask(&short, &changes, &count).await], [2, 3]);
    }

    #[tokio::test]
    async fn what_was_asked_before_a_change_is_not_shown_after_it() {
        let (flight, changes, count) = (Flight::every(LONG), Arc::new(AtomicU64::new(0)), Arc::default());
        let changing = Arc::clone(&changes);
        let seen = flight.join(&changes, || async move { Ok(changing.fetch_add(1, Ordering::SeqCst)) }).await;
        assert_eq!(*seen.expect("an answer"), 0);
        assert_eq!(ask(&flight, &changes, &count).await, 0);
        assert_eq!(count.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_failure_is_for_all_too() {
        let (flight, changes) = (Flight::<u64>::every(LONG), AtomicU64::new(0));
        let fails = || async { Err(Error::invalid("filter", "it is wrong")) };
        for _ in 0..2 {
            assert!(matches!(flight.join(&changes, fails).await, Err(Failure::Shared(_))));
        }
        let never = || async { unreachable!("the failure is known") };
        assert!(flight.join(&changes, never).await.is_err());
    }

    #[tokio::test]
    async fn if_whoever_asks_leaves_the_others_get_the_answer_and_nobody_asks_again() {
        let (flight, changes) = (Flight::every(Duration::ZERO), AtomicU64::new(0));
        let (end, ended) = tokio::sync::oneshot::channel();
        let first = flight.join(&changes, || async { Ok(ended.await.expect("it ends")) });
        assert!(tokio::time::timeout(Duration::ZERO, first).await.is_err());
        let never = || async { unreachable!("it was asked") };
        let mut second = Box::pin(flight.join(&changes, never));
        assert!(tokio::time::timeout(Duration::ZERO, &mut second).await.is_err());
        end.send(7_u64).expect("it is awaited, although who asked has left");
        assert_eq!(*second.await.expect("an answer"), 7);
        let count = Arc::new(AtomicU64::new(8));
        assert_eq!(ask(&flight, &changes, &count).await, 8, "the answer is old by now");
    }
}
