//! The queue between those that execute and the writer.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use crate::job::attempt::RunningAttempt;
use crate::model::JobStatus;
use crate::store::finish::FinishRow;
use crate::store::lock::lock;

/// The capacity of the queue. If it is full, no new attempts start.
const FINISH_QUEUE_LEN: usize = 10_000;

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
