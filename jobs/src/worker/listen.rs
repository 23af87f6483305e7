//! Wake-ups from other processes, if the database has them: a hint that makes the worker check at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::session::Session;
use crate::store::dialect::listen::{Heard, Listener};

/// How long to listen in silence before checking whether the connection is still alive.
const SILENCE: Duration = Duration::from_secs(20);

/// The pause after a connection was lost.
const RETRY: Duration = Duration::from_secs(1);

pub(super) async fn run(session: Arc<Session>) {
    let may_listen = session.config.listen && session.database.share.may_listen;
    if !may_listen || session.database.store().dialect.notify.is_none() {
        return;
    }
    loop {
        if let Err(error) = listen(&session).await {
            tracing::warn!(%error, "the worker can't listen to the database, and polls until it can");
        }
        session.listening.store(false, Ordering::SeqCst);
        tokio::time::sleep(RETRY).await;
    }
}

/// Listens until the connection is lost.
async fn listen(session: &Session) -> Result<(), sea_orm::DbErr> {
    let channels = ["jobs_wake", "jobs_cancel", "jobs_queue", "jobs_cron", "jobs_limit"];
    let mut listener = Listener::connect(&session.env.db, &channels).await?;
    session.listening.store(true, Ordering::SeqCst);
    // Earlier notifications were missed: check once, for jobs, for requests to cancel and for schedules.
    session.wakeups.wake_all();
    session.wakeups.beat.notify_one();
    session.wakeups.cron.notify_one();
    loop {
        match tokio::time::timeout(SILENCE, listener.hear()).await {
            Ok(heard) => match heard? {
                Heard::Scheduled(queue) => session.wakeups.wake(&queue),
                Heard::CancelRequested => session.wakeups.beat.notify_one(),
                Heard::QueueChanged(queue) => session.wakeups.queue_changed(&queue),
                Heard::LimitedEnded(name, key) => session.wakeups.limited_ended(&name, &key),
                Heard::CronChanged => session.wakeups.cron.notify_one(),
                Heard::Finished => {}
            },
            Err(_) => listener.check().await?,
        }
    }
}
