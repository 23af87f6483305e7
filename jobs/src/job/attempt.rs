//! The state of one attempt, shared by its job and its worker.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use sea_orm::DatabaseConnection;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::parameters::secrets::Parameters;
use super::updates::Updates;
use crate::model::StopReason;
use crate::store::row::Claimed;

/// Application state by type.
pub(crate) type States = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// An attempt, shared by its job and its worker.
pub(crate) struct RunningAttempt {
    pub(crate) job: Claimed,
    pub(crate) parameters: Parameters,
    /// The names of the secret parameters.
    pub(crate) secrets: &'static [&'static str],
    pub(crate) updates: Updates,
    pub(crate) stop: StopSignal,
    pub(crate) activity: Activity,
    pub(crate) env: Arc<AttemptEnv>,
}

/// The environment that all attempts of a worker share.
pub(crate) struct AttemptEnv {
    pub(crate) db: DatabaseConnection,
    pub(crate) states: Arc<States>,
    pub(crate) worker: String,
    /// `None` if a test executes the job: there is no worker, and the job has no row.
    pub(crate) worker_id: Option<i64>,
    pub(crate) lease: Duration,
    /// Held while updates are being written, so that `finish_in` can wait until none are.
    pub(crate) writing: tokio::sync::Mutex<()>,
}

/// How long `finish_in` waits for updates that are being written. If the database has one writer, they may be waiting for the very
/// transaction that `finish_in` writes in, and can't land before that has ended.
const WRITING_TIMEOUT: Duration = Duration::from_millis(250);

impl AttemptEnv {
    /// Waits until the updates that are being written have landed. A later write finds the job's row locked.
    pub(crate) async fn updates_written(&self) {
        // If it takes too long, `finish_in` writes them as well: the row's lock decides which of the two lands.
        let _ = tokio::time::timeout(WRITING_TIMEOUT, self.writing.lock()).await;
    }
}

/// Asks an attempt to stop. The first reason counts.
#[derive(Debug, Default)]
pub(crate) struct StopSignal {
    token: CancellationToken,
    reason: OnceLock<(StopReason, Instant)>,
}

impl StopSignal {
    pub(crate) fn request(&self, reason: StopReason) {
        if self.reason.set((reason, Instant::now())).is_ok() {
            self.token.cancel();
        }
    }

    pub(crate) async fn requested(&self) {
        self.token.cancelled().await;
    }

    /// Why, and since when.
    pub(crate) fn reason(&self) -> Option<(StopReason, Instant)> {
        self.reason.get().copied()
    }
}

/// Work in an attempt that must not, or cannot, be interrupted by dropping its future.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    /// The library's own database calls.
    pub(crate) calls: Arc<InFlightCount>,
    /// Code that blocks a thread.
    pub(crate) blocking: Arc<InFlightCount>,
    /// The future is being polled: it has a thread, and has not come back to an `await`.
    polled: AtomicBool,
}

impl Activity {
    /// Does the attempt's work, and records when it has a thread.
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

    /// Whether code of the attempt has a thread at this moment.
    pub(crate) fn has_thread(&self) -> bool {
        self.polled.load(Ordering::SeqCst) || !self.blocking.is_zero()
    }
}

/// How many calls are in flight.
#[derive(Debug, Default)]
pub(crate) struct InFlightCount {
    count: AtomicUsize,
    changed: Notify,
}

/// One call in flight, until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlightGuard(Arc<InFlightCount>);

impl InFlightCount {
    pub(crate) fn enter(self: &Arc<Self>) -> InFlightGuard {
        self.count.fetch_add(1, Ordering::SeqCst);
        InFlightGuard(self.clone())
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.count.load(Ordering::SeqCst) == 0
    }

    /// Waits until nothing is in flight.
    pub(crate) async fn drained(&self) {
        while !self.is_zero() {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Listening begins before the count is read, so that no change goes unseen.
            changed.as_mut().enable();
            if self.is_zero() {
                return;
            }
            changed.await;
        }
    }
}

impl Drop for InFlightGuard {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::SeqCst);
        self.0.changed.notify_waiters();
    }
}
