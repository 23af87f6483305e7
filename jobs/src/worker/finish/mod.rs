//! The writer: ends of attempts, and what running ones report, in batches. While one batch is written the next gathers, so a
//! lone job is finished at once and a flood in bulk, without a timer.

mod retry;
mod updates;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};

use super::database::Line;
use super::heartbeat::watchdog;
use super::meter;
use super::session::{End, Engine, Owned};
use crate::client::wait;
use crate::error::fault::{self, Fault};
use crate::job::report::storable;
use crate::model::outcome::Ending;
use crate::model::{AttemptEnd, JobStatus};
use crate::store::batch::{Finish, MAX_ROWS, batch_len, is_large};
use crate::store::control::Mark;
use crate::store::dialect::connection::is_closed;
use crate::store::lock::lock;
use retry::{FIRST_RETRY, LAST_RETRY, TRIES_BEFORE_DIVIDING};

/// How often progress, messages and results of running jobs are written.
const REPORT_INTERVAL: Duration = Duration::from_millis(500);

/// How soon a row that somebody else has locked is tried again.
const LOCKED_PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn run(engine: Arc<Engine>) {
    let Some(ends) = lock(&engine.ends_to_write).take() else { return };
    // Should it ever unwind, nothing would be written any more: others are to have the jobs.
    let _when_dropped = engine.lost.clone().drop_guard();
    let line = Line::new(&engine);
    let mut writer = Writer { engine, line, ends, waiting: VecDeque::new(), locked: Vec::new(), give_up_at: None };
    let mut reports = tokio::time::interval(REPORT_INTERVAL);
    reports.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while writer.gather(&mut reports).await {
        writer.write().await;
    }
    writer.engine.measure_running();
}

/// What became of rows that a batch could not write.
#[derive(Default)]
struct Became {
    marks: HashMap<i64, Mark>,
    /// By id and version: ended by their owner.
    ended: HashSet<(i64, i64)>,
}

struct Writer {
    engine: Arc<Engine>,
    line: Line,
    ends: mpsc::Receiver<End>,
    waiting: VecDeque<Finish>,
    /// Held up by somebody else's lock until then.
    locked: Vec<(Instant, Finish)>,
    /// When a worker that leaves stops trying.
    give_up_at: Option<Instant>,
}

impl Writer {
    /// Waits for something to write. False: everything is written, and nothing more is coming.
    async fn gather(&mut self, reports: &mut tokio::time::Interval) -> bool {
        self.engine.writer.beat();
        let retry_locked = self.locked.iter().map(|(when, _)| *when).min();
        let mut ends = Vec::new();
        tokio::select! {
            _ = self.ends.recv_many(&mut ends, MAX_ROWS) => {}
            () = until(retry_locked) => {}
            _ = reports.tick() => {
                self.waiting.extend(watchdog::end_those_that_do_not_stop(&self.engine).into_iter().map(End::into_finish));
                self.engine.measure_running();
                updates::write(&self.engine, &mut self.line).await;
            }
            () = self.engine.written.cancelled() => {
                while let Ok(end) = self.ends.try_recv() {
                    ends.push(end);
                }
                if ends.is_empty() {
                    match retry_locked {
                        None => return false,
                        Some(_) if self.is_too_late() => {
                            self.give_up();
                            return false;
                        }
                        Some(when) => tokio::time::sleep_until(when).await,
                    }
                }
            }
        }
        self.waiting.extend(ends.into_iter().map(End::into_finish));
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.locked).into_iter().partition(|(when, _)| *when <= now);
        self.locked = later;
        self.waiting.extend(due.into_iter().map(|(_, end): (Instant, Finish)| end));
        true
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
            match fault::of(&error) {
                Fault::Data => {
                    self.divide(batch, error).await;
                    (tries, retry) = (0, FIRST_RETRY);
                }
                // Neither the data nor the connection: perhaps one row's, which is not to hold up the others.
                Fault::Other if tries >= TRIES_BEFORE_DIVIDING => {
                    self.divide(batch, error).await;
                    (tries, retry) = (0, FIRST_RETRY);
                }
                // A server that is sent too much at once closes the connection, and may not get to say why.
                Fault::Connection
                    if tries >= TRIES_BEFORE_DIVIDING
                        && fault::has_hung_up(&error)
                        && self.may_be_too_much(&batch).await =>
                {
                    self.divide(batch, error).await;
                    (tries, retry) = (0, FIRST_RETRY);
                }
                _ => {
                    tracing::warn!(%error, ends = batch.len(), "ends of jobs can't be written; trying again in {retry:?}");
                    put_back(&mut self.waiting, batch);
                    if self.is_too_late() {
                        return self.give_up();
                    }
                    tokio::time::sleep(retry).await;
                    retry = (retry * 2).min(LAST_RETRY);
                }
            }
        }
    }

    /// Whether a worker that leaves has tried for as long as its lease to write its last ends.
    fn is_too_late(&mut self) -> bool {
        if !self.engine.written.is_cancelled() {
            return false;
        }
        if is_closed(&self.line.store().db) {
            // A database in memory is gone with its pool.
            return true;
        }
        let give_up_at = *self.give_up_at.get_or_insert_with(|| Instant::now() + self.engine.settings.lease);
        Instant::now() >= give_up_at
    }

    async fn try_write(&mut self, batch: &[Finish]) -> Result<(), DbErr> {
        self.engine.writer.beat();
        let store = self.line.store();
        let written = self.line.in_time(store.finish(batch)).await?;
        let is_written = |end: &Finish| written.contains(&(end.id, end.version));
        let missed: Vec<i64> = batch.iter().filter(|end| !is_written(end)).map(|end| end.id).collect();
        let became = if missed.is_empty() { Became::default() } else { self.what_became_of(&missed).await? };
        let mut finished = Vec::with_capacity(batch.len());
        for end in batch {
            let owned = if is_written(end) { self.settled(end) } else { self.missed(end, &became) };
            finished.extend(owned.map(|owned| (owned, end)));
        }
        meter::finished(finished.iter().map(|(owned, end)| {
            let job = &owned.attempt.job;
            (&*job.queue, &*job.name, *end)
        }));
        wait::ended(written.iter().map(|(id, _)| *id));
        self.engine.sleeper.nudge();
        Ok(())
    }

    async fn what_became_of(&mut self, ids: &[i64]) -> Result<Became, DbErr> {
        let store = self.line.store();
        let marks = self.line.in_time(store.marks(ids)).await?.into_iter().map(|mark| (mark.id, mark)).collect();
        Ok(Became { marks, ended: self.line.in_time(store.ended_by_owner(ids)).await? })
    }

    /// Returns the attempt that this was the end of.
    fn settled(&self, end: &Finish) -> Option<Arc<Owned>> {
        let owned = self.engine.disown(end.id, end.version);
        if end.status == JobStatus::Scheduled.code() {
            // A retry or a snooze may be due soon, in one of our queues.
            self.engine.sleeper.look();
        }
        owned
    }

    /// A row that was not written: held by somebody else's transaction, written before, or no longer ours.
    fn missed(&mut self, end: &Finish, became: &Became) -> Option<Arc<Owned>> {
        match became.marks.get(&end.id) {
            Some(mark) if mark.version == end.version && mark.status == JobStatus::Running => {
                self.locked.push((Instant::now() + LOCKED_PAUSE, end.clone()));
                None
            }
            // Written before, by a statement whose answer was lost.
            Some(mark) if mark.version == end.version + 1 && mark.worker == Some(self.engine.id) => {
                wait::ended(std::iter::once(end.id));
                self.settled(end)
            }
            // The same, and it has been claimed again since.
            Some(_) if became.ended.contains(&(end.id, end.version)) => self.settled(end),
            // Given back untouched, and claimed again: by whom it was given back does not matter.
            Some(_) if end.attempt_change < 0 => self.settled(end),
            _ => {
                tracing::warn!(
                    job = end.id,
                    version = end.version,
                    "fenced out: another worker has taken the job over, its end is not written"
                );
                if let Some(owned) = self.engine.disown(end.id, end.version) {
                    meter::fenced_out(&owned.attempt.job);
                }
                None
            }
        }
    }

    /// Whether a batch whose connection was closed is large, and the database answers what is small.
    async fn may_be_too_much(&mut self, batch: &[Finish]) -> bool {
        is_large(batch) && self.what_became_of(&[batch[0].id]).await.is_ok()
    }

    /// Whether the database closes the connection each time that it is sent this one end, and answers in between.
    async fn is_too_much(&mut self, end: &Finish) -> bool {
        for _ in 0..TRIES_BEFORE_DIVIDING {
            let tried = self.try_write(std::slice::from_ref(end)).await;
            let is_closed = tried.is_err_and(|error| fault::has_hung_up(&error));
            if !is_closed || !self.may_be_too_much(std::slice::from_ref(end)).await {
                return false;
            }
            tokio::time::sleep(FIRST_RETRY).await;
        }
        true
    }

    /// The database refuses something in the batch: halves it until the bad row is alone. Where it is refused for its data, it ends
    /// with the reason; else it is tried again by itself.
    async fn divide(&mut self, batch: Vec<Finish>, error: DbErr) {
        let mut parts = vec![(batch, error)];
        while let Some((mut part, error)) = parts.pop() {
            if let [end] = &part[..] {
                let is_refused = match fault::of(&error) {
                    Fault::Data => true,
                    Fault::Connection if fault::has_hung_up(&error) => self.is_too_much(end).await,
                    _ => false,
                };
                if is_refused {
                    self.waiting.push_back(refused(end, &error));
                } else {
                    tracing::error!(job = end.id, %error, "the end of a job can't be written; trying again in {LAST_RETRY:?}");
                    self.locked.push((Instant::now() + LAST_RETRY, end.clone()));
                }
                continue;
            }
            let second = part.split_off(part.len() / 2);
            for half in [part, second] {
                match self.try_write(&half).await {
                    Ok(()) => {}
                    Err(error) if matches!(fault::of(&error), Fault::Data | Fault::Other) => parts.push((half, error)),
                    Err(error) if fault::has_hung_up(&error) && self.may_be_too_much(&half).await => {
                        parts.push((half, error));
                    }
                    Err(_) => put_back(&mut self.waiting, half),
                }
            }
        }
    }

    /// The worker can't wait any longer: others take the jobs over.
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

/// The job whose end the database refuses: it fails, and says why; what was refused is left out.
fn refused(end: &Finish, error: &DbErr) -> Finish {
    tracing::error!(job = end.id, %error, "the database refuses the end of a job");
    let reason = format!("the database refused what the job wanted to store: {error}");
    let ending = Ending::closed(JobStatus::Failed, Some(AttemptEnd::Refused), Some(storable(reason)));
    Finish::new(end.id, end.version, ending, end.worker.clone(), end.owner)
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when).await,
        None => std::future::pending().await,
    }
}

fn next_batch(waiting: &mut VecDeque<Finish>) -> Vec<Finish> {
    let rows = batch_len(waiting.iter());
    let mut batch: Vec<Finish> = waiting.drain(..rows.min(waiting.len())).collect();
    // Rows are locked in this order.
    batch.sort_unstable_by_key(|end| end.id);
    batch
}

fn put_back(waiting: &mut VecDeque<Finish>, batch: Vec<Finish>) {
    for end in batch.into_iter().rev() {
        waiting.push_front(end);
    }
}
