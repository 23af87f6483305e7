//! Shutting a session down, in order: no more claims, jobs end, their ends are written, the worker's row goes.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::claim::WhenIdle;
use super::session::Session;
use crate::error::Error;
use crate::model::StopReason;
use crate::store::dialect::connection::closed;

/// A signal that follows another within this time counts as the same one: `timeout` sends it to a process and then to its group.
const ONE_SIGNAL: Duration = Duration::from_millis(500);

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
        let grace = match end {
            SessionEnd::Requested => session.config.shutdown_grace,
            // Jobs can't continue without their connections.
            SessionEnd::LeaseLost | SessionEnd::PoolClosed => Duration::ZERO,
        };
        if self.or_abort(session, tokio::time::timeout(grace, session.tasks.wait())).await?.is_ok() {
            return Ok(0);
        }
        session.in_flight.stop_all(match end {
            SessionEnd::Requested | SessionEnd::PoolClosed => StopReason::Shutdown,
            SessionEnd::LeaseLost => StopReason::Lost,
        });
        // A job that reaches an `await` has ended when the grace is over. The rest is code that blocks.
        let patience = session.config.cancel_grace() + Duration::from_secs(1);
        if self.or_abort(session, tokio::time::timeout(patience, session.tasks.wait())).await?.is_ok() {
            return Ok(0);
        }
        let running = session.tasks.len();
        if running > 0 {
            tracing::warn!(
                jobs = running,
                "code of jobs goes on although it was asked to stop; another worker takes over what has not ended when the lease is over"
            );
        }
        Ok(running)
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

    /// Does the work, unless a second signal comes first.
    pub(super) async fn or_abort<T>(&self, session: &Session, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            done = work => Ok(done),
            () = self.abort.cancelled() => Err(Error::Aborted { running: session.in_flight.len() }),
        }
    }
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

/// The signals that tell a process to end, heard from the moment this is made: one that follows another at once is not missed.
#[cfg(unix)]
struct Signals(Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let signals =
            signal(SignalKind::interrupt()).and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
        Self(signals.inspect_err(|error| tracing::warn!(%error, "signals can't be heard")).ok())
    }

    async fn next(&mut self) {
        let Some((interrupt, terminate)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            Some(()) = interrupt.recv() => {}
            Some(()) = terminate.recv() => {}
            else => std::future::pending().await,
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::warn!(%error, "signals can't be heard");
            std::future::pending().await
        }
    }
}
