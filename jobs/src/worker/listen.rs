//! Wake-ups from other processes, where the database has them: a hint that makes the worker look at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::session::Engine;
use crate::store::dialect::listen::{Heard, Listener};

/// How long to listen in silence before asking whether the connection still lives.
const SILENCE: Duration = Duration::from_secs(20);

/// The pause after a connection was lost.
const RETRY: Duration = Duration::from_secs(1);

pub(super) async fn run(engine: Arc<Engine>) {
    let may_listen = engine.settings.listen && engine.connections.share.may_listen;
    if !may_listen || engine.connections.store().dialect.notify.is_none() {
        return;
    }
    loop {
        if let Err(error) = listen(&engine).await {
            tracing::warn!(%error, "the worker can't listen to the database, and polls until it can");
        }
        engine.listening.store(false, Ordering::SeqCst);
        tokio::time::sleep(RETRY).await;
    }
}

/// Listens until the connection is lost.
async fn listen(engine: &Engine) -> Result<(), sea_orm::DbErr> {
    let channels = ["jobs_wake", "jobs_cancel", "jobs_queue", "jobs_cron"];
    let mut listener = Listener::connect(&engine.setting.db, &channels).await?;
    engine.listening.store(true, Ordering::SeqCst);
    // What was said before is not heard: look once, for jobs, for requests to cancel and for schedules.
    engine.sleeper.wake_all();
    engine.sleeper.beat.notify_one();
    engine.sleeper.cron.notify_one();
    loop {
        match tokio::time::timeout(SILENCE, listener.hear()).await {
            Ok(heard) => match heard? {
                Heard::Scheduled(queue) => engine.sleeper.wake(&queue),
                Heard::CancelRequested => engine.sleeper.beat.notify_one(),
                Heard::QueueChanged(queue) => engine.sleeper.queue_changed(&queue),
                Heard::CronChanged => engine.sleeper.cron.notify_one(),
                Heard::Finished => {}
            },
            Err(_) => listener.check().await?,
        }
    }
}
