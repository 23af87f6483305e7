//! The end of a worker, in order: no more claims, jobs end, ends are written, the row goes.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::claim::WhenIdle;
use super::engine::Engine;
use crate::error::Error;
use crate::model::StopReason;
use crate::store::dialect::connection::closed;

/// A signal that follows another this soon is the same one: `timeout` sends it to a process and then to its group.
const ONE_SIGNAL: Duration = Duration::from_millis(500);

/// Why one life of a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was told to stop, or had nothing left to do.
    Stopped,
    /// Others have taken its jobs.
    Lost,
    /// The program has closed the pool that the worker was given.
    PoolClosed,
}

/// When a worker ends.
pub(super) struct Shutdown {
    stop: CancellationToken,
    /// Leave at once.
    abort: CancellationToken,
    when_idle: WhenIdle,
    _signals: Option<tokio_util::sync::DropGuard>,
}

impl Shutdown {
    /// At the first signal or when the token is canceled; at the second signal at once.
    pub(super) fn on_signals(stop: &CancellationToken) -> Self {
        let (stop, abort, listen) = (stop.child_token(), CancellationToken::new(), CancellationToken::new());
        let hear = hear_signals(Signals::new(), stop.clone(), abort.clone());
        tokio::spawn(listen.clone().run_until_cancelled_owned(hear));
        Self { stop, abort, when_idle: WhenIdle::Sleep, _signals: Some(listen.drop_guard()) }
    }

    /// When the token is canceled: no signal is heard.
    pub(super) fn on_token(stop: CancellationToken) -> Self {
        Self { stop, abort: CancellationToken::new(), when_idle: WhenIdle::Sleep, _signals: None }
    }

    /// When nothing is due and nothing runs, or the token is canceled.
    pub(super) fn when_idle(stop: CancellationToken) -> Self {
        Self { stop, abort: CancellationToken::new(), when_idle: WhenIdle::Return, _signals: None }
    }

    pub(super) const fn idle(&self) -> WhenIdle {
        self.when_idle
    }

    /// Waits until this life of the worker is to end.
    pub(super) async fn wait(&self, engine: &Engine, claimer: &mut JoinHandle<Option<()>>) -> End {
        tokio::select! {
            () = self.stop.cancelled() => End::Stopped,
            () = engine.lost.cancelled() => End::Lost,
            () = closed(&engine.setting.db) => End::PoolClosed,
            // It returns by itself only when it is idle and asked to return then.
            ended = claimer => {
                if let Err(panic) = ended {
                    tracing::error!(%panic, "no more jobs can be claimed: the worker stops");
                }
                End::Stopped
            }
        }
    }

    /// Does it, unless the worker is told to stop before.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.stop.run_until_cancelled(work).await
    }

    /// Lets running jobs end within the grace, then asks those that are left to stop. Returns how many have code that
    /// has not stopped.
    pub(super) async fn let_jobs_end(&self, engine: &Engine, end: End) -> Result<usize, Error> {
        engine.tasks.close();
        let grace = match end {
            End::Stopped => engine.settings.shutdown_grace,
            // Without their connections jobs can't go on.
            End::Lost | End::PoolClosed => Duration::ZERO,
        };
        if self.or_abort(engine, tokio::time::timeout(grace, engine.tasks.wait())).await?.is_ok() {
            return Ok(0);
        }
        engine.stop_all(match end {
            End::Stopped | End::PoolClosed => StopReason::Shutdown,
            End::Lost => StopReason::Lost,
        });
        // A job that stops at an `await` has ended when the grace is over; what is left is code that blocks.
        let patience = engine.settings.cancel_grace() + Duration::from_secs(1);
        if self.or_abort(engine, tokio::time::timeout(patience, engine.tasks.wait())).await?.is_ok() {
            return Ok(0);
        }
        let running = engine.tasks.len();
        if running > 0 {
            tracing::warn!(
                jobs = running,
                "code of jobs goes on although it was asked to stop; another worker takes over what has not ended when the lease is over"
            );
        }
        Ok(running)
    }

    /// Waits for a claim that is under way: cut off, its jobs would be claimed and nobody would know.
    pub(super) async fn finish_claims(&self, engine: &Engine, claimer: JoinHandle<Option<()>>) -> Result<(), Error> {
        if claimer.is_finished() {
            return Ok(());
        }
        let abort = claimer.abort_handle();
        if self.or_abort(engine, tokio::time::timeout(engine.settings.answer_timeout(), claimer)).await?.is_err() {
            abort.abort();
        }
        Ok(())
    }

    /// Waits for the last ends to be written.
    pub(super) async fn finish_writes(
        &self,
        writer: JoinHandle<Option<()>>,
        engine: &Arc<Engine>,
    ) -> Result<(), Error> {
        self.or_abort(engine, writer)
            .await?
            .map(|_| ())
            .map_err(|panic| Error::WorkerFailed(format!("the task that writes the ends of jobs ended: {panic}")))
    }

    /// Does it, unless a second signal comes before.
    pub(super) async fn or_abort<T>(&self, engine: &Engine, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            done = work => Ok(done),
            () = self.abort.cancelled() => Err(Error::Aborted { running: engine.owned().len() }),
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

/// The signals that tell a process to end, heard from here on: one that follows another at once is not missed.
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
