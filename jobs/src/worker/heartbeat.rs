//! The heartbeat: on a thread of its own, with a runtime and a connection of its own, so that nothing a job does can starve it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::DbErr;
use tokio::sync::oneshot;

use super::engine::{self, End, Engine};
use super::{meter, stuck};
use crate::error::{Error, fault};
use crate::model::RetryPolicy;
use crate::model::StopReason;
use crate::model::outcome::{Attempts, Outcome};
use crate::store::Store;
use crate::store::batch::{Finish, Key};
use crate::store::dialect::connection::key;
use crate::store::dialect::own_pool::OwnPool;
use crate::store::workers::Owned;

/// The pause after a beat that failed.
const RETRY: Duration = Duration::from_millis(500);

/// What beats.
pub(super) struct Heart(oneshot::Receiver<()>);

impl Heart {
    pub(super) async fn stopped(self) {
        // An error means the same: it has ended.
        let _ = self.0.await;
    }
}

/// Starts to beat, until the engine is gone. A database in memory has but one connection, and gets no thread.
pub(super) fn start(engine: Arc<Engine>) -> Result<Heart, Error> {
    let (ended, end) = oneshot::channel();
    let shares_connections = key(&OwnPool::beside(&engine.setting.db, 1).connections()) == key(&engine.setting.db);
    let beat = async move {
        let (gone, poked) = (engine.gone.clone(), engine.clone());
        let beat = async {
            tokio::select! {
                () = run(engine) => {}
                () = stuck::poke(&poked) => {}
            }
        };
        gone.run_until_cancelled_owned(beat).await;
        // Nobody may be left to hear it.
        let _ = ended.send(());
    };
    if shares_connections {
        // A connection goes back to its pool in a task of the runtime that has used it, and is lost where that has ended.
        tokio::spawn(beat);
        return Ok(Heart(end));
    }
    let cannot =
        |error: std::io::Error| Error::WorkerFailed(format!("the heartbeat's thread can't be started: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    std::thread::Builder::new().name("jobs-heartbeat".into()).spawn(move || runtime.block_on(beat)).map_err(cannot)?;
    Ok(Heart(end))
}

async fn run(engine: Arc<Engine>) {
    let mut heartbeat = Heartbeat {
        store: engine.connections.store(),
        pool: OwnPool::beside(&engine.setting.db, 1),
        engine,
        strangers: HashMap::new(),
        stuck: Vec::new(),
        is_hopeless: false,
    };
    loop {
        let sent = Instant::now();
        heartbeat.look_for_standstill();
        let next = match heartbeat.beat_before_deadline(sent).await {
            Ok(true) => heartbeat.engine.settings.heartbeat(),
            Ok(false) => return heartbeat.lost(),
            Err(error) => {
                tracing::warn!(%error, "a heartbeat failed; trying again in {RETRY:?}");
                RETRY.min(heartbeat.engine.settings.heartbeat())
            }
        };
        heartbeat.wait(sent + next).await;
    }
}

/// What this process knows to own, by id and version.
type Known = HashMap<Key, Arc<engine::Owned>>;

struct Heartbeat {
    engine: Arc<Engine>,
    store: Store,
    /// Its one connection.
    pool: OwnPool,
    /// Running rows under our name that nobody here knew at the last beat, each with the number of the last claim that may have brought it.
    strangers: HashMap<Key, u64>,
    /// Ends of jobs that keep the runtime from writing them.
    stuck: Vec<Finish>,
    /// Others are to have our jobs.
    is_hopeless: bool,
}

impl Heartbeat {
    /// A beat; where the deadline comes first, all jobs are stopped while it goes on.
    async fn beat_before_deadline(&mut self, sent: Instant) -> Result<bool, DbErr> {
        let engine = self.engine.clone();
        let beat = self.beat_in_time(sent);
        tokio::pin!(beat);
        tokio::select! {
            result = &mut beat => return result,
            () = stop_at_deadline(&engine) => {}
        }
        beat.await
    }

    /// A beat that takes so long that the lease is at risk counts as failed.
    async fn beat_in_time(&mut self, sent: Instant) -> Result<bool, DbErr> {
        let limit = self.engine.settings.answer_timeout().min(self.engine.settings.lease / 3);
        self.store.db = self.pool.connections();
        if let Ok(result) = tokio::time::timeout(limit, self.beat(sent)).await {
            return result;
        }
        // The connection may be dead without knowing it: the next beat has another.
        self.pool.renew();
        Err(DbErr::Custom(format!("no answer within {limit:?}")))
    }

    /// One beat. False: others have this worker's jobs, or may have them.
    async fn beat(&mut self, sent: Instant) -> Result<bool, DbErr> {
        // In this order: what these claims have brought is known.
        let claims_over = self.engine.claims.over_up_to();
        let known = self.known();
        let Some(rows) = self.store.beat(self.engine.id, self.engine.settings.lease).await? else {
            tracing::warn!(worker = self.engine.id, "another worker has taken this one for dead, and its jobs");
            return Ok(false);
        };
        self.engine.lease.renew(sent);
        judge(&known, &rows);
        if self.is_hopeless {
            self.give_up_jobs().await?;
            return Ok(false);
        }
        self.give_back_strangers(&known, &rows, claims_over).await;
        Ok(true)
    }

    /// Where the worker stands still, and jobs that did not stop keep its threads, there is no hope: the ends of such jobs are written
    /// from here, and the row goes, so that others take over what else this worker has. Jobs that nobody asked to stop may take their
    /// time.
    fn look_for_standstill(&mut self) {
        let Some(silence) = stuck::standstill(&self.engine) else { return };
        self.stuck.extend(stuck::end_those_that_do_not_stop(&self.engine).into_iter().map(End::into_finish));
        if !stuck::goes_on(&self.engine) {
            tracing::warn!(
                "the worker has stood still for {silence:?}: code of jobs that blocks belongs into `run_blocking`"
            );
        } else if !std::mem::replace(&mut self.is_hopeless, true) {
            tracing::error!(
                "the worker has stood still for {silence:?}, its threads are kept by code of jobs that does not stop: it gives its \
                 other jobs up, and executes no more until that code ends; restart the process"
            );
        }
    }

    /// Ends what does not stop, and lets others take the rest over.
    async fn give_up_jobs(&self) -> Result<(), DbErr> {
        let written = if self.stuck.is_empty() { Ok(HashSet::new()) } else { self.store.finish(&self.stuck).await };
        match written {
            Ok(written) => self.count(&written),
            Err(error) if fault::of(&error).is_passing() => return Err(error),
            Err(error) => {
                tracing::error!(%error, "the ends of jobs that do not stop can't be written: others will run them again");
            }
        }
        self.store.leave(self.engine.id).await
    }

    /// Counts the ends that were written from here.
    fn count(&self, written: &HashSet<Key>) {
        let known = self.known();
        meter::finished(self.stuck.iter().filter(|end| written.contains(&(end.id, end.version))).filter_map(|end| {
            let job = &known.get(&(end.id, end.version))?.attempt.job;
            Some((&*job.queue, &*job.name, end))
        }));
    }

    fn known(&self) -> Known {
        self.engine.owned().into_iter().map(|owned| (owned.key(), owned)).collect()
    }

    /// A row that is still unknown when all claims are over that had begun when it was first seen was claimed by one whose reply was lost: it
    /// goes back untouched.
    async fn give_back_strangers(&mut self, known: &Known, rows: &[Owned], claims_over: u64) {
        let claims_begun = self.engine.claims.last();
        let mut strangers = HashMap::new();
        for key in rows.iter().map(|row| (row.id, row.version)).filter(|key| !known.contains_key(key)) {
            let last_claim = *strangers.entry(key).or_insert(self.strangers.get(&key).copied().unwrap_or(claims_begun));
            if self.strangers.contains_key(&key) && last_claim <= claims_over {
                self.give_back_stranger(key).await;
            }
        }
        self.strangers = strangers;
    }

    async fn give_back_stranger(&self, (id, version): Key) {
        tracing::warn!(job = id, "giving back a job whose claim was not answered");
        let attempts = Attempts { attempt: 1, max_attempts: 1, budget: 1, retry: RetryPolicy::DEFAULT };
        let ending = Outcome::NeverStarted.ending(attempts, 0.5);
        let finish = Finish::new(id, version, ending, self.engine.label.clone(), Some(self.engine.id));
        // Where the writer is gone, so is everything.
        let _ = self.engine.ends.send(End::of_stranger(finish)).await;
    }

    fn lost(&self) {
        self.engine.stop_all(StopReason::Lost);
        self.engine.lost.cancel();
    }

    /// Waits until then, or until a hint asks for a beat.
    async fn wait(&self, until: Instant) {
        let deadline = async {
            stop_at_deadline(&self.engine).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => {}
            () = self.engine.sleeper.beat.notified() => {}
            () = deadline => {}
        }
    }
}

/// Past the deadline, asks all jobs to stop, before others may take them. Waits for ever where it has passed.
async fn stop_at_deadline(engine: &Engine) {
    let deadline = engine.lease.deadline();
    if deadline <= Instant::now() {
        return std::future::pending().await;
    }
    tokio::time::sleep_until(deadline.into()).await;
    if !engine.lease.holds() && engine.running() > 0 {
        tracing::warn!("the database has been out of reach for too long: all jobs are stopped, others may take them");
        engine.stop_all(StopReason::Lost);
    }
}

/// What the database says of what was ours when the beat began: asked to cancel, or no longer ours.
fn judge(known: &Known, rows: &[Owned]) {
    let rows: HashMap<_, _> = rows.iter().map(|row| ((row.id, row.version), row)).collect();
    for (key, owned) in known {
        match rows.get(key) {
            Some(row) if row.cancel_requested => owned.attempt.stop.trip(StopReason::Canceled),
            // One whose end is being written is told by the writer.
            None if !owned.has_ended() && !owned.attempt.notes.is_closed() => {
                owned.attempt.stop.trip(StopReason::Lost);
            }
            _ => {}
        }
    }
}
