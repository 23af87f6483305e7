//! The queue between those that execute and the writer, and how the writer takes ends out of it.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::Writer;
use crate::job::attempt::RunningAttempt;
use crate::model::JobStatus;
use crate::store::finish::{FinishRow, MAX_ROWS};
use crate::store::lock::lock;

/// The capacity of the queue. If it is full, no new attempts start.
const FINISH_QUEUE_LEN: usize = 10_000;

/// For how long ends are coalesced, at least (timers are no finer) and at most, and how many are enough to be written at once. With 32
/// workers on PostgreSQL, each of which ends few at a time, drains are 1.3 times as fast as without.
const COALESCE: Range<Duration> = Duration::from_millis(1)..Duration::from_millis(20);
const COALESCE_ENOUGH: usize = MAX_ROWS / 4;

/// Ends of attempts that are to be written.
pub(in crate::worker) struct FinishQueue {
    finish_tx: mpsc::Sender<PendingFinish>,
    /// Until the writer takes it.
    finish_rx: Mutex<Option<mpsc::Receiver<PendingFinish>>>,
}

impl FinishQueue {
    pub(in crate::worker) fn new() -> Self {
        let (finish_tx, finish_rx) = mpsc::channel(FINISH_QUEUE_LEN);
        Self { finish_tx, finish_rx: Mutex::new(Some(finish_rx)) }
    }

    /// Hands an end to the writer, and waits while the queue is full.
    pub(in crate::worker) async fn push(&self, finish: PendingFinish) {
        // The writer outlives those that execute. If it is gone, so is the session.
        let _ = self.finish_tx.send(finish).await;
    }

    /// The other end of the queue: for the writer, once.
    pub(super) fn receiver(&self) -> Option<mpsc::Receiver<PendingFinish>> {
        lock(&self.finish_rx).take()
    }
}

/// The end of an attempt on its way to the writer. The updates that are not written yet are taken as late as possible: when none of them is
/// being written any more.
pub(in crate::worker) struct PendingFinish {
    finish: FinishRow,
    attempt: Option<Arc<RunningAttempt>>,
}

impl PendingFinish {
    pub(in crate::worker) fn of(finish: FinishRow, attempt: Arc<RunningAttempt>) -> Self {
        Self { finish, attempt: Some(attempt) }
    }

    /// The end of an attempt that this process does not know.
    pub(in crate::worker) const fn of_unknown(finish: FinishRow) -> Self {
        Self { finish, attempt: None }
    }

    /// The row to write, with the updates that are left.
    pub(in crate::worker) fn into_finish(self) -> FinishRow {
        let Self { mut finish, attempt } = self;
        let Some(attempt) = attempt else { return finish };
        let job = &attempt.job;
        let pending = attempt.updates.finish();
        finish.messages = pending.messages(job.id, job.attempt, job.version);
        finish.progress = if finish.status == JobStatus::Terminated { Some(100) } else { pending.progress };
        finish.results = pending.results;
        finish
    }
}

/// A reason for the writer to do something.
pub(super) enum Event {
    /// Attempts have ended.
    Finished(Vec<PendingFinish>),
    /// The pause of a locked row is over.
    LockedDue,
    UpdatesDue,
    /// No more attempts are running.
    Draining,
}

impl Writer {
    pub(super) async fn next_event(&mut self) -> Event {
        let locked_due = self.locked_due();
        let mut finishes = Vec::new();
        tokio::select! {
            _ = self.finish_rx.recv_many(&mut finishes, MAX_ROWS) => Event::Finished(finishes),
            () = until(locked_due) => Event::LockedDue,
            _ = self.update_timer.tick() => Event::UpdatesDue,
            () = self.session.phases.drain_finishes.cancelled() => Event::Draining,
        }
    }

    /// Coalesces the next ends for as long as this write took, so that writes of few take at most half of the time.
    pub(super) fn coalesce_after(&mut self, write_took: Duration) {
        if write_took >= COALESCE.start {
            self.coalesce_until = Instant::now() + write_took.min(COALESCE.end);
        }
    }

    /// Lets more ends gather if these are few and the last write has just ended.
    pub(super) async fn coalesce(&mut self, mut finishes: Vec<PendingFinish>) {
        while finishes.len() < COALESCE_ENOUGH {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(self.coalesce_until) => break,
                () = self.session.phases.drain_finishes.cancelled() => break,
                _ = self.finish_rx.recv_many(&mut finishes, MAX_ROWS) => {}
            }
        }
        self.enqueue(finishes);
    }

    pub(super) fn enqueue(&mut self, finishes: Vec<PendingFinish>) {
        self.waiting.extend(finishes.into_iter().map(PendingFinish::into_finish));
    }

    /// Takes what is left in the queue, or waits for the next locked row. False if neither is left, or it is too late.
    pub(super) async fn drain(&mut self) -> bool {
        let mut finishes = Vec::new();
        while let Ok(finish) = self.finish_rx.try_recv() {
            finishes.push(finish);
        }
        if finishes.is_empty() {
            let Some(locked_due) = self.locked_due() else { return false };
            if self.is_too_late() {
                self.give_up();
                return false;
            }
            tokio::time::sleep_until(locked_due).await;
        }
        self.enqueue(finishes);
        true
    }
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}
