//! The writer: ends of attempts, and updates of running ones, in batches. While one batch is written, the next one accumulates, and soon
//! after a write few ends wait for more, so that a single job finishes at once and many finish in bulk.

mod bisect;
pub(super) mod queue;
mod reconcile;
mod updates;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use super::database::StoreClient;
use super::heartbeat::watchdog;
use super::in_flight::InFlightJob;
use super::meter;
use super::session::Session;
use super::stats::counters::End;
use crate::client::wait;
use crate::model::JobStatus;
use crate::store::dialect::connection::is_closed;
use crate::store::finish::{FinishRow, batch_len};
use crate::store::limited::UNLIMITED;
use crate::store::row::Claimed;
use crate::store::wake;
use queue::{Event, PendingFinish};
use reconcile::Fate;

/// How often updates of running jobs (progress, messages and results) are written.
const UPDATE_INTERVAL: Duration = Duration::from_millis(500);

/// How often a batch is tried whole if the fault is neither in its data nor in the connection.
pub(super) const TRIES_BEFORE_BISECTING: u32 = 5;

/// The pause after the first try, and the longest.
pub(super) const FIRST_RETRY: Duration = Duration::from_millis(50);
pub(super) const LAST_RETRY: Duration = Duration::from_secs(1);

/// Writes until the session is terminated, or drained.
pub(super) async fn run(session: Arc<Session>) {
    let Some(finish_rx) = session.finish_queue.receiver() else { return };
    // If the writer ever unwinds, nothing is written any more: other workers should take the jobs.
    let _when_dropped = session.phases.lease_lost.clone().drop_guard();
    let mut writer = Writer::new(session, finish_rx);
    while writer.collect().await {
        let begun = Instant::now();
        writer.write().await;
        writer.coalesce_after(begun.elapsed());
    }
    writer.session.in_flight.record_running(&writer.session.config.queues);
}

struct Writer {
    session: Arc<Session>,
    client: StoreClient,
    finish_rx: mpsc::Receiver<PendingFinish>,
    update_timer: Interval,
    waiting: VecDeque<FinishRow>,
    /// Rows that are not tried again before that time: another transaction has them locked.
    locked: Vec<(Instant, FinishRow)>,
    /// Until when ends are coalesced.
    coalesce_until: Instant,
    /// The time at which a worker that leaves stops trying.
    give_up_at: Option<Instant>,
}

impl Writer {
    fn new(session: Arc<Session>, finish_rx: mpsc::Receiver<PendingFinish>) -> Self {
        let mut update_timer = tokio::time::interval(UPDATE_INTERVAL);
        update_timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            client: session.database.client(),
            session,
            finish_rx,
            update_timer,
            waiting: VecDeque::new(),
            locked: Vec::new(),
            coalesce_until: Instant::now(),
            give_up_at: None,
        }
    }

    /// Waits for something to write. False if everything is written and nothing more is coming.
    async fn collect(&mut self) -> bool {
        self.session.vitals.writer.record();
        match self.next_event().await {
            Event::Finished(finishes) => self.coalesce(finishes).await,
            Event::LockedDue => {}
            Event::UpdatesDue => self.write_updates().await,
            Event::Draining => {
                if !self.drain().await {
                    return false;
                }
            }
        }
        self.enqueue_locked();
        true
    }

    /// Writes updates of running jobs, and ends those that don't stop.
    async fn write_updates(&mut self) {
        self.enqueue(watchdog::fail_runaways(&self.session));
        self.session.in_flight.record_running(&self.session.config.queues);
        updates::write(&self.session, &mut self.client).await;
    }

    /// Writes all that waits.
    async fn write(&mut self) {
        let (mut tries, mut retry) = (0, FIRST_RETRY);
        while !self.waiting.is_empty() {
            let batch = next_batch(&mut self.waiting);
            let Err(error) = self.try_write(&batch).await else {
                (tries, retry) = (0, FIRST_RETRY);
                continue;
            };
            tries += 1;
            if self.is_refused(&batch, &error, tries).await {
                self.bisect(batch, error).await;
                (tries, retry) = (0, FIRST_RETRY);
                continue;
            }
            tracing::warn!(%error, ends = batch.len(), "ends of jobs can't be written; trying again in {retry:?}");
            put_back(&mut self.waiting, batch);
            if self.is_too_late() {
                return self.give_up();
            }
            tokio::time::sleep(retry).await;
            retry = (retry * 2).min(LAST_RETRY);
        }
    }

    async fn try_write(&mut self, batch: &[FinishRow]) -> Result<(), DbErr> {
        self.session.vitals.writer.record();
        let store = self.client.store();
        let written = self.client.with_timeout(store.finish(batch)).await?;
        let is_written = |end: &FinishRow| written.contains(&(end.id, end.version));
        let missed: Vec<i64> = batch.iter().filter(|end| !is_written(end)).map(|end| end.id).collect();
        let fate = if missed.is_empty() { Fate::default() } else { self.fate_of(&missed).await? };
        // Before the jobs are released: a worker that runs until it is idle looks for room once nothing is in flight.
        let limited: Vec<_> = batch.iter().filter_map(|end| self.limited(end)).collect();
        for job in &limited {
            wake::limited_ended(&job.attempt.job.name, &job.attempt.job.limit_key);
        }
        let mut finished = Vec::with_capacity(batch.len());
        for end in batch {
            let job = if is_written(end) { self.acknowledge(end) } else { self.reconcile(end, &fate) };
            finished.extend(job.map(|job| (job, end)));
        }
        self.session.counters.count(finished.iter().filter_map(|(job, end)| End::of(job, end)));
        meter::finished(finished.iter().map(|(job, end)| {
            let job = &job.attempt.job;
            (&*job.queue, &*job.name, *end)
        }));
        wait::ended(written.iter().map(|(id, _)| *id));
        self.session.wakeups.notify();
        tell_of_room(&mut self.client, limited.iter().map(|job| &job.attempt.job)).await;
        Ok(())
    }

    /// The job that ends, if it counts for a limit.
    fn limited(&self, end: &FinishRow) -> Option<Arc<InFlightJob>> {
        let job = self.session.in_flight.get((end.id, end.version))?;
        (job.attempt.job.limit_key != UNLIMITED).then_some(job)
    }

    /// Acknowledges that the end is written. Returns the job that it ends.
    fn acknowledge(&self, end: &FinishRow) -> Option<Arc<InFlightJob>> {
        let job = self.session.in_flight.release((end.id, end.version));
        if end.status == JobStatus::Scheduled {
            // A retry or a snooze may be due soon, in one of our queues.
            self.session.wakeups.recheck_due();
        }
        job
    }

    /// Whether a worker that leaves has tried for as long as its lease to write its last ends.
    fn is_too_late(&mut self) -> bool {
        if !self.session.phases.drain_finishes.is_cancelled() {
            return false;
        }
        if is_closed(&self.client.store().db) {
            // A database in memory is gone with its pool.
            return true;
        }
        let give_up_at = *self.give_up_at.get_or_insert_with(|| Instant::now() + self.session.config.lease);
        Instant::now() >= give_up_at
    }

    /// Leaves the jobs to other workers.
    fn give_up(&mut self) {
        let ends = self.waiting.len() + self.locked.len();
        tracing::error!(
            ends,
            "the ends of jobs could not be written for as long as the lease: another worker will run them again"
        );
        self.waiting.clear();
        self.locked.clear();
    }
}

/// Tells other processes that there is room for more jobs whose number is limited. They ask again anyway, later.
pub(super) async fn tell_of_room(client: &mut StoreClient, ended: impl Iterator<Item = &Claimed>) {
    let limited = ended.filter(|job| job.limit_key != UNLIMITED);
    let ended = limited.map(|job| (job.name.as_str(), job.limit_key.as_str())).collect();
    let store = client.store();
    if let Err(error) = client.with_timeout(store.tell_of_room(&ended)).await {
        tracing::debug!(%error, "other workers are not told that there is room under a limit");
    }
}

fn next_batch(waiting: &mut VecDeque<FinishRow>) -> Vec<FinishRow> {
    let rows = batch_len(waiting.iter());
    let mut batch: Vec<FinishRow> = waiting.drain(..rows.min(waiting.len())).collect();
    // Rows are locked in this order.
    batch.sort_unstable_by_key(|end| end.id);
    batch
}

fn put_back(waiting: &mut VecDeque<FinishRow>, batch: Vec<FinishRow>) {
    for end in batch.into_iter().rev() {
        waiting.push_front(end);
    }
}
