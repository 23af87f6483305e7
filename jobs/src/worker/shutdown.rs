//! The end of a worker, in order: no more claims, jobs end, ends are written, the row goes.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::claim::WhenIdle;
use super::engine::Engine;
use crate::attempt::Stop;
use crate::error::Error;

/// Why one life of a worker ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It was told to stop, or had nothing left to do.
    Stopped,
    /// Others have taken its jobs.
    Lost,
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
        tokio::spawn(listen.clone().run_until_cancelled_owned(hear_signals(stop.clone(), abort.clone())));
        Self { stop, abort, when_idle: WhenIdle::Sleep, _signals: Some(listen.drop_guard()) }
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
            // It returns by itself only when it is idle and asked to return then.
            _ = claimer => End::Stopped,
        }
    }

    /// Does it, unless the worker is told to stop before.
    pub(super) async fn unless_stopped<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.stop.run_until_cancelled(work).await
    }

    /// Lets running jobs end within the grace, then asks those that are left to stop. False: some code has not stopped.
    pub(super) async fn let_jobs_end(&self, engine: &Engine, end: End) -> Result<bool, Error> {
        engine.tasks.close();
        let grace = match end {
            End::Stopped => engine.settings.shutdown_grace,
            End::Lost => Duration::ZERO,
        };
        if self.or_abort(engine, tokio::time::timeout(grace, engine.tasks.wait())).await?.is_ok() {
            return Ok(true);
        }
        engine.stop_all(match end {
            End::Stopped => Stop::Shutdown,
            End::Lost => Stop::Lost,
        });
        // A job that stops at an `await` has ended when the grace is over; what is left is code that blocks.
        let patience = engine.settings.cancel_grace() + Duration::from_secs(1);
        let ended = self.or_abort(engine, tokio::time::timeout(patience, engine.tasks.wait())).await?.is_ok();
        if !ended {
            tracing::warn!(
                jobs = engine.running(),
                "code of jobs goes on although they were asked to stop; another worker takes these jobs over when the lease is over"
            );
        }
        Ok(ended)
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
            .map_err(|panic| Error::Setup(format!("the writer ended: {panic}")))
    }

    async fn or_abort<T>(&self, engine: &Engine, work: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            done = work => Ok(done),
            () = self.abort.cancelled() => Err(Error::Aborted { running: engine.running() }),
        }
    }
}

/// Waits for a claim that is under way: cut off, its jobs would be claimed and nobody would know.
pub(super) async fn finish_claims(engine: &Engine, claimer: JoinHandle<Option<()>>) {
    if claimer.is_finished() {
        return;
    }
    let abort = claimer.abort_handle();
    if tokio::time::timeout(engine.settings.lease, claimer).await.is_err() {
        abort.abort();
    }
}

async fn hear_signals(stop: CancellationToken, abort: CancellationToken) {
    if signal().await {
        tracing::info!("told to stop: running jobs may end, no new ones start; a second signal leaves at once");
        stop.cancel();
    }
    if signal().await {
        abort.cancel();
    }
}

/// Waits for a signal to end. False: none can be heard.
async fn signal() -> bool {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            tracing::warn!("signals can't be heard");
            return std::future::pending().await;
        };
        tokio::select! {
            heard = interrupt.recv() => heard.is_some(),
            heard = terminate.recv() => heard.is_some(),
        }
    }
    #[cfg(not(unix))]
    {
        tokio::signal::ctrl_c().await.is_ok()
    }
}
