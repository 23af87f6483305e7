//! Shutting a session down, in order: no more claims, jobs end, their ends are written, the worker's row goes.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::claim::WhenIdle;
use super::session::Session;
use super::signals::Signals;
use crate::error::Error;
use crate::model::StopReason;
use crate::store::dialect::connection::closed;

/// A signal that follows another within this time counts as the same one: `timeout` sends it to a process and then to its group.
const ONE_SIGNAL: Duration = Duration::from_millis(500);

/// How long to wait for what was counted to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionEnd {
    /// The worker was told to stop, or has nothing left to do.
    Requested,
    /// Other workers have its jobs, or may have them.
    LeaseLost,
    /// The program has closed the pool that it gave to the worker.
    PoolClosed,
}

/// The conditions under which a worker ends.
pub(super) struct Shutdown {
    stop: CancellationToken,
    /// Leave at once.
    abort: CancellationToken,
    when_idle: WhenIdle,
    _signals: Option<tokio_util::sync::DropGuard>,
}

impl Shutdown {
    /// Ends at the first signal or when the token is canceled; aborts at the second signal.
    pub(super) fn on_signals(stop: &CancellationToken) -> Self {
        let (stop, abort, listen) = (stop.child_token(), CancellationToken::new(), CancellationToken::new());
        let hear = hear_signals(Signals::new(), stop.clone(), abort.clone());
        tokio::spawn(listen.clone().run_until_cancelled_owned(hear));
        Self { stop, abort, when_idle: WhenIdle::Sleep, _signals: Some(listen.drop_guard()) }
    }

    /// Ends when the token is canceled; no signal is handled.
    pub(super) fn on_token(stop: CancellationToken) -> Self {
        Self { stop, abort: CancellationToken::new(), when_idle: WhenIdle::Sleep, _signals: None }
    }

    /// Ends when nothing is due and nothing runs, or the token is canceled.
    pub(super) fn when_idle(stop: CancellationToken) -> Self {
        Self { stop, abort: CancellationToken::new(), when_idle: WhenIdle::Return, _signals: None }
    }

    pub(super) const fn idle(&self) -> WhenIdle {
        self.when_idle
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits until the session is to end.
    pub(super) async fn wait(&self, session: &Session, claimer: &mut JoinHandle<Option<()>>) -> SessionEnd {
        tokio::select! {
            () = self.stop.cancelled() => SessionEnd::Requested,
            () = session.phases.lease_lost.cancelled() => SessionEnd::LeaseLost,
            () = closed(&session.env.db) => SessionEnd::PoolClosed,
            // The claimer returns by itself only if it is asked to return when idle.
            ended = claimer => {
                if let Err(panic) = ended {
                    tracing::error!(%panic, "no more jobs can be claimed: the worker stops");
                }
                SessionEnd::Requested
            }
        }
    }

    /// Does the work, unless the worker is told to stop first.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.stop.run_until_cancelled(work).await
    }

    /// Lets running jobs end within the grace, then asks the others to stop. Returns how many have code that did not.
    pub(super) async fn let_jobs_end(&self, session: &Session, end: SessionEnd) -> Result<usize, Error> {
        session.tasks.close();
        let (grace, reason) = match end {
            SessionEnd::Requested => (session.config.shutdown_grace, StopReason::Shutdown),
            // Jobs can't continue without their connections.
            SessionEnd::PoolClosed => (Duration::ZERO, StopReason::Shutdown),
            SessionEnd::LeaseLost => (Duration::ZERO, StopReason::Lost),
        };
        if self.tasks_end_within(session, grace).await? {
            return Ok(0);
        }
        session.in_flight.stop_all(reason);
        // A job that reaches an `await` has ended when the grace is over. The rest is code that blocks, or waits for the database.
        if self.tasks_end_within(session, session.config.cancel_grace() + Duration::from_secs(1)).await? {
            return Ok(0);
        }
        // An answer may take that long twice: to the job's own call, and about the end of its transaction. If others have the jobs, it
        // changes nothing.
        let answers = session.config.answer_timeout() * 2;
        let matters = end != SessionEnd::LeaseLost && session.in_flight.waiting_for_database() > 0;
        if matters && self.tasks_end_within(session, answers).await? {
            return Ok(0);
        }
        Ok(count_abandoned(session))
    }

    async fn tasks_end_within(&self, session: &Session, patience: Duration) -> Result<bool, Error> {
        Ok(self.or_abort(session, tokio::time::timeout(patience, session.tasks.wait())).await?.is_ok())
    }

    /// Waits for a claim in flight. If it were cut off, its jobs would be claimed, and no task here would know of them.
    pub(super) async fn finish_claims(&self, session: &Session, claimer: JoinHandle<Option<()>>) -> Result<(), Error> {
        if claimer.is_finished() {
            return Ok(());
        }
        let abort = claimer.abort_handle();
        if self.or_abort(session, tokio::time::timeout(session.config.answer_timeout(), claimer)).await?.is_err() {
            abort.abort();
        }
        Ok(())
    }

    /// Waits for the last ends to be written.
    pub(super) async fn finish_writes(&self, session: &Session, writer: JoinHandle<Option<()>>) -> Result<(), Error> {
        self.or_abort(session, writer)
            .await?
            .map(|_| ())
            .map_err(|panic| Error::WorkerFailed(format!("the task that writes the ends of jobs ended: {panic}")))
    }

    /// Waits for what was counted to be written. No job depends on it: it is not waited for long, and is no error if it is cut off.
    pub(super) async fn flush_stats(&self, session: &Session, stats: JoinHandle<Option<()>>) {
        session.phases.flush_stats.cancel();
        if let Some(Ok(Err(panic))) = self.unless_aborted(tokio::time::timeout(FLUSH_TIMEOUT, stats)).await {
            tracing::error!(%panic, "what was counted can't be written");
        }
    }

    /// Does the work, unless a second signal comes first.
    pub(super) async fn unless_aborted<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.abort.run_until_cancelled(work).await
    }

    /// Does the work; an error if a second signal comes first.
    pub(super) async fn or_abort<T>(&self, session: &Session, work: impl Future<Output = T>) -> Result<T, Error> {
        self.unless_aborted(work).await.ok_or_else(|| Error::Aborted { running: session.in_flight.len() })
    }
}

/// How many jobs have code that goes on although it was asked to stop.
fn count_abandoned(session: &Session) -> usize {
    let unanswered = session.in_flight.waiting_for_database();
    if unanswered > 0 {
        tracing::error!(
            jobs = unanswered,
            "the database does not say whether transactions that finish jobs were committed; another worker takes over what has not ended"
        );
    }
    let running = session.tasks.len().saturating_sub(unanswered);
    if running > 0 {
        tracing::warn!(
            jobs = running,
            "code of jobs goes on although it was asked to stop; another worker takes over what has not ended when the lease is over"
        );
    }
    running
}

async fn hear_signals(mut signals: Signals, stop: CancellationToken, abort: CancellationToken) {
    signals.next().await;
    tracing::info!("told to stop: running jobs may end, no new ones start; a second signal leaves at once");
    stop.cancel();
    let repeats = async {
        loop {
            signals.next().await;
        }
    };
    let Err(_) = tokio::time::timeout(ONE_SIGNAL, repeats).await;
    signals.next().await;
    abort.cancel();
}
