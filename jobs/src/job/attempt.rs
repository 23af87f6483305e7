//! One attempt, as its job and its worker share it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use sea_orm::DatabaseConnection;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::parameters::secrets::Parameters;
use super::report::Notes;
use crate::model::StopReason;
use crate::store::claimed::Claimed;

/// Application state by type.
pub(crate) type States = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// One attempt, as its job and its worker share it.
pub(crate) struct RunningAttempt {
    pub(crate) job: Claimed,
    pub(crate) parameters: Parameters,
    /// The names of those that are secret.
    pub(crate) secrets: &'static [&'static str],
    pub(crate) notes: Notes,
    pub(crate) stop: Stopper,
    pub(crate) inside: Inside,
    pub(crate) setting: Arc<Setting>,
}

/// What all attempts of a worker have in common.
pub(crate) struct Setting {
    pub(crate) db: DatabaseConnection,
    pub(crate) states: Arc<States>,
    pub(crate) worker: String,
    /// None where no worker executes the job, but a test, and the job has no row.
    pub(crate) worker_id: Option<i64>,
    pub(crate) lease: Duration,
    /// Held while notes are being written, so that none are in flight when a job finishes itself.
    pub(crate) writing: tokio::sync::Mutex<()>,
}

/// How long a job that finishes itself waits for a report that is under way. Where there is one writer, the report may be waiting
/// for the very transaction in which the job finishes itself, and can't land before that has ended.
const REPORT_PATIENCE: Duration = Duration::from_millis(250);

impl Setting {
    /// Waits until a report that is being written has landed. One that begins later finds the job's row taken.
    pub(crate) async fn no_notes_in_flight(&self) {
        // Where it takes too long, what it has in hand is taken along: the job's row decides which of the two lands.
        let _ = tokio::time::timeout(REPORT_PATIENCE, self.writing.lock()).await;
    }
}

/// The first reason to stop counts.
#[derive(Debug, Default)]
pub(crate) struct Stopper {
    token: CancellationToken,
    reason: OnceLock<(StopReason, Instant)>,
}

impl Stopper {
    pub(crate) fn trip(&self, reason: StopReason) {
        if self.reason.set((reason, Instant::now())).is_ok() {
            self.token.cancel();
        }
    }

    pub(crate) async fn tripped(&self) {
        self.token.cancelled().await;
    }

    /// Why, and since when.
    pub(crate) fn reason(&self) -> Option<(StopReason, Instant)> {
        self.reason.get().copied()
    }
}

/// What goes on inside an attempt that dropping its future would not end well, or not end at all.
#[derive(Debug, Default)]
pub(crate) struct Inside {
    /// Database calls of ours.
    pub(crate) calls: Arc<Counter>,
    /// Code that blocks a thread.
    pub(crate) blocking: Arc<Counter>,
    /// Its future has a thread, and has not come back to an `await`.
    polled: AtomicBool,
}

impl Inside {
    /// Does the work of the attempt, and shows when it has a thread.
    pub(crate) async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        std::future::poll_fn(|context| {
            self.polled.store(true, Ordering::SeqCst);
            let polled = work.as_mut().poll(context);
            self.polled.store(false, Ordering::SeqCst);
            polled
        })
        .await
    }

    /// Whether code of the attempt keeps a thread at this moment.
    pub(crate) fn has_thread(&self) -> bool {
        self.polled.load(Ordering::SeqCst) || !self.blocking.is_zero()
    }
}

/// How many of something are under way.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    count: AtomicUsize,
    changed: Notify,
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered(Arc<Counter>);

impl Counter {
    pub(crate) fn enter(self: &Arc<Self>) -> Entered {
        self.count.fetch_add(1, Ordering::SeqCst);
        Entered(self.clone())
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Returns when none is under way.
    pub(crate) async fn zero(&self) {
        while !self.is_zero() {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listening begins before the look, so that no change goes unseen.
            changed.as_mut().enable();
            if self.is_zero() {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}
