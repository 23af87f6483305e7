//! The heartbeat: on a separate thread, with a separate runtime and connection, so that nothing a job does can starve it.

mod give_up;
pub(super) mod lease;
pub(super) mod progress;
pub(super) mod watchdog;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::DbErr;
use tokio::sync::oneshot;

use super::claim::claims_in_flight::UnknownJobs;
use super::finish::queue::PendingFinish;
use super::in_flight::InFlightJob;
use super::session::Session;
use crate::error::Error;
use crate::model::RetryPolicy;
use crate::model::StopReason;
use crate::model::outcome::{Attempts, Outcome};
use crate::store::Store;
use crate::store::dialect::connection::key;
use crate::store::dialect::own_pool::OwnPool;
use crate::store::finish::{Fence, FinishRow};
use crate::store::workers::Owned;

/// The pause after a beat that failed.
const RETRY: Duration = Duration::from_millis(500);

/// The task that beats.
pub(super) struct HeartbeatTask(oneshot::Receiver<()>);

impl HeartbeatTask {
    pub(super) async fn stopped(self) {
        // An error means the same: the task has ended.
        let _ = self.0.await;
    }
}

/// Beats until the session is terminated. A database in memory has one connection only: its heartbeat shares it, and gets no thread.
pub(super) fn start(session: Arc<Session>) -> Result<HeartbeatTask, Error> {
    let (ended, end) = oneshot::channel();
    let runtime = tokio::runtime::Handle::current();
    let shares_connections = key(&OwnPool::beside(&session.env.db, 1).connections()) == key(&session.env.db);
    let beat = async move {
        let terminated = session.phases.terminated.clone();
        let beat = async {
            tokio::select! {
                () = run(session) => {}
                () = watchdog::unpark_runtime(runtime) => {}
            }
        };
        terminated.run_until_cancelled_owned(beat).await;
        // The receiver may be gone.
        let _ = ended.send(());
    };
    if shares_connections {
        // A connection goes back to its pool in a task of the runtime that has used it. If that runtime has ended, it is lost.
        tokio::spawn(beat);
        return Ok(HeartbeatTask(end));
    }
    let cannot =
        |error: std::io::Error| Error::WorkerFailed(format!("the heartbeat's thread can't be started: {error}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(cannot)?;
    std::thread::Builder::new().name("jobs-heartbeat".into()).spawn(move || runtime.block_on(beat)).map_err(cannot)?;
    Ok(HeartbeatTask(end))
}

async fn run(session: Arc<Session>) {
    let mut heartbeat = Heartbeat {
        store: session.database.store(),
        pool: OwnPool::beside(&session.env.db, 1),
        session,
        unknown_jobs: UnknownJobs::default(),
        runaways: Vec::new(),
        giving_up: false,
    };
    loop {
        let sent = Instant::now();
        heartbeat.check_progress();
        let next = match heartbeat.beat_before_deadline(sent).await {
            Ok(true) => heartbeat.session.config.heartbeat(),
            Ok(false) => return heartbeat.lose_lease(),
            Err(error) => {
                tracing::warn!(%error, "a heartbeat failed; trying again in {RETRY:?}");
                RETRY.min(heartbeat.session.config.heartbeat())
            }
        };
        heartbeat.wait(sent + next).await;
    }
}

/// The jobs in flight, as this process knows them.
type Known = HashMap<Fence, Arc<InFlightJob>>;

struct Heartbeat {
    session: Arc<Session>,
    store: Store,
    /// Its one connection.
    pool: OwnPool,
    unknown_jobs: UnknownJobs,
    /// Ends of jobs whose code keeps the writer from writing them.
    runaways: Vec<FinishRow>,
    /// The worker can't continue: other workers should take its jobs.
    giving_up: bool,
}

impl Heartbeat {
    /// Beats. If the lease's deadline comes first, stops all jobs while the beat continues.
    async fn beat_before_deadline(&mut self, sent: Instant) -> Result<bool, DbErr> {
        let session = self.session.clone();
        let beat = self.beat_with_timeout(sent);
        tokio::pin!(beat);
        tokio::select! {
            result = &mut beat => return result,
            () = stop_at_deadline(&session) => {}
        }
        beat.await
    }

    /// Beats. A beat that takes so long that the lease is at risk counts as failed.
    async fn beat_with_timeout(&mut self, sent: Instant) -> Result<bool, DbErr> {
        let limit = self.session.config.answer_timeout().min(self.session.config.lease / 3);
        self.store.db = self.pool.connections();
        if let Ok(result) = tokio::time::timeout(limit, self.beat(sent)).await {
            return result;
        }
        // The connection may be dead without knowing it: the next beat has another.
        self.pool.renew();
        Err(DbErr::Custom(format!("no answer within {limit:?}")))
    }

    /// Beats. False if other workers have this one's jobs, or may have them.
    async fn beat(&mut self, sent: Instant) -> Result<bool, DbErr> {
        // In this order: the jobs of claims that are over are known.
        let claims_over = self.session.claims.over_up_to();
        let known = self.known();
        let Some(rows) = self.store.beat(self.session.identity.id, self.session.config.lease).await? else {
            tracing::warn!(
                worker = self.session.identity.id,
                "another worker has taken this one for dead, and its jobs"
            );
            return Ok(false);
        };
        self.session.lease.renew(sent);
        apply_reply(&known, &rows);
        if self.giving_up {
            self.give_up_jobs().await?;
            return Ok(false);
        }
        let unknown = rows.iter().map(|row| (row.id, row.version)).filter(|fence| !known.contains_key(fence));
        for fence in self.unknown_jobs.observe(unknown, self.session.claims.last(), claims_over) {
            self.give_back_unknown(fence).await;
        }
        Ok(true)
    }

    fn known(&self) -> Known {
        self.session.in_flight.all().into_iter().map(|job| (job.fence(), job)).collect()
    }

    /// Gives a job back untouched.
    async fn give_back_unknown(&self, (id, version): Fence) {
        tracing::warn!(job = id, "giving back a job whose claim was not answered");
        let attempts = Attempts { attempt: 1, max_attempts: 1, budget: 1, retry: RetryPolicy::DEFAULT };
        let transition = Outcome::NeverStarted.transition(attempts, 0.5);
        let identity = &self.session.identity;
        let finish = FinishRow::new(id, version, transition, identity.name.clone(), Some(identity.id));
        self.session.finish_queue.push(PendingFinish::of_unknown(finish)).await;
    }

    fn lose_lease(&self) {
        self.session.in_flight.stop_all(StopReason::Lost);
        self.session.phases.lease_lost.cancel();
    }

    /// Waits until then, or until something asks for a beat.
    async fn wait(&self, until: Instant) {
        let deadline = async {
            stop_at_deadline(&self.session).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = tokio::time::sleep_until(until.into()) => {}
            () = self.session.wakeups.beat.notified() => {}
            () = deadline => {}
        }
    }
}

/// At the lease's deadline, asks all jobs to stop, before others may take them. Never returns if the deadline has passed.
async fn stop_at_deadline(session: &Session) {
    let deadline = session.lease.deadline();
    if deadline <= Instant::now() {
        return std::future::pending().await;
    }
    tokio::time::sleep_until(deadline.into()).await;
    if !session.lease.holds() && session.in_flight.has_unended() {
        tracing::warn!("the database has been out of reach for too long: all jobs are stopped, others may take them");
        session.in_flight.stop_all(StopReason::Lost);
    }
}

/// Stops those of the known jobs that the database's reply says are to be canceled, or no longer ours.
fn apply_reply(known: &Known, rows: &[Owned]) {
    let rows: HashMap<_, _> = rows.iter().map(|row| ((row.id, row.version), row)).collect();
    for (fence, job) in known {
        match rows.get(fence) {
            Some(row) if row.cancel_requested => job.attempt.stop.request(StopReason::Canceled),
            // If the end is being written, the writer finds out.
            None if !job.has_ended() && !job.attempt.updates.is_closed() => {
                job.attempt.stop.request(StopReason::Lost);
            }
            _ => {}
        }
    }
}
