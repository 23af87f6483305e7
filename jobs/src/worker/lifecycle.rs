//! The lives of a worker: it joins, works and leaves; where it could not be heard for longer than its lease, it joins anew.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr, EntityTrait as _, QuerySelect as _};
use tokio_util::task::TaskTracker;

use super::claim::{self, WhenIdle};
use super::config::Settings;
use super::database::Line;
use super::session::Engine;
use super::shutdown::{End, Shutdown};
use super::{cron, finish, heartbeat, listen, maintain};
use crate::cron::declare;
use crate::error::Error;
use crate::error::fault::{self, Fault};
use crate::job::registry::Registry;
use crate::store::dialect::connection::is_closed;
use crate::store::dialect::session::{self, Unsuited};
use crate::store::entity::worker;

/// The pause between two tries to join again.
const REJOIN_PAUSE: Duration = Duration::from_secs(1);

/// For how long a worker that is told to stop goes on joining, to leave properly.
const JOIN_PATIENCE: Duration = Duration::from_secs(2);

/// From the first joining until it is told to stop.
pub(super) async fn live(
    db: &DatabaseConnection,
    settings: &Arc<Settings>,
    registry: &Arc<Registry>,
    shutdown: &Shutdown,
) -> Result<(), Error> {
    // Boxed: whoever runs a worker among other futures pays for no more than a pointer.
    let mut join = Box::pin(async {
        check_session(db).await?;
        check_tables(db).await?;
        tracing::info!("definitions:{}", registry.table(&settings.default_queue));
        let engine = Engine::join(db, settings.clone(), registry.clone()).await?;
        let begun = begin_schedules(&engine, shutdown.idle()).await;
        if begun.is_err() {
            leave_or_warn(&engine).await;
        }
        begun.map(|()| engine)
    });
    let Some(engine) = shutdown.unless_stopped(&mut join).await else { return leave_once_joined(join).await };
    let mut engine = engine?;
    while Box::pin(work(engine, shutdown)).await? == End::Lost {
        // The worker could not be heard for longer than its lease: others have its jobs. Begin anew.
        let mut rejoin = Box::pin(rejoin(db, settings, registry));
        let Some(next) = shutdown.unless_stopped(&mut rejoin).await else { return leave_once_joined(rejoin).await };
        engine = next?;
    }
    Ok(())
}

/// Told to stop while it joins: its row may be there already, and is not left behind.
async fn leave_once_joined(join: impl Future<Output = Result<Arc<Engine>, Error>>) -> Result<(), Error> {
    if let Ok(Ok(engine)) = tokio::time::timeout(JOIN_PATIENCE, join).await {
        leave_or_warn(&engine).await;
    }
    Ok(())
}

/// Writes the schedules of definitions: only when a worker starts, and not when it joins again, so that a release that goes on beside a
/// newer one changes nothing back. A worker that does not stay fires what is due before it looks for jobs.
async fn begin_schedules(engine: &Engine, when_idle: WhenIdle) -> Result<(), Error> {
    declare::schedules(&engine.connections.store(), &engine.registry).await?;
    match when_idle {
        WhenIdle::Return => Ok(cron::fire_once(engine).await?),
        WhenIdle::Sleep => Ok(()),
    }
}

/// Joins again, as soon as the database can be reached.
async fn rejoin(
    db: &DatabaseConnection,
    settings: &Arc<Settings>,
    registry: &Arc<Registry>,
) -> Result<Arc<Engine>, Error> {
    loop {
        if is_closed(db) {
            return Err(Error::PoolClosed);
        }
        match Engine::join(db, settings.clone(), registry.clone()).await {
            Err(error) if error.is_retryable() => {
                tracing::warn!(%error, "the worker can't join again yet");
                tokio::time::sleep(REJOIN_PAUSE).await;
            }
            result => return result,
        }
    }
}

/// One life of a worker, from its first claim to its last write.
async fn work(engine: Arc<Engine>, shutdown: &Shutdown) -> Result<End, Error> {
    let _when_dropped = engine.gone.clone().drop_guard();
    let background = TaskTracker::new();
    let heart = heartbeat::start(engine.clone())?;
    background.spawn(engine.gone.clone().run_until_cancelled_owned(listen::run(engine.clone())));
    background.spawn(engine.gone.clone().run_until_cancelled_owned(maintain::run(engine.clone())));
    if shutdown.idle() == WhenIdle::Sleep {
        background.spawn(cron::run(engine.clone()));
    }
    let mut claimer =
        tokio::spawn(engine.gone.clone().run_until_cancelled_owned(claim::run(engine.clone(), shutdown.idle())));
    let writer = tokio::spawn(engine.gone.clone().run_until_cancelled_owned(finish::run(engine.clone())));

    let end = shutdown.wait(&engine, &mut claimer).await;
    engine.stopping.cancel();
    shutdown.finish_claims(&engine, claimer).await?;
    let running = shutdown.let_jobs_end(&engine, end).await?;
    engine.written.cancel();
    shutdown.finish_writes(writer, &engine).await?;
    engine.gone.cancel();
    heart.stopped().await;
    background.close();
    background.wait().await;
    match end {
        End::Lost => return Ok(end),
        End::PoolClosed => tracing::error!("the pool of connections was closed under the worker: it stops"),
        End::Stopped => {}
    }
    if running > 0 {
        return Err(Error::StillRunning { running });
    }
    // No job is left behind here: a second signal is no error any more.
    match shutdown.or_abort(&engine, leave(&engine)).await {
        Ok(Ok(())) => tracing::info!(worker = engine.id, "the worker has left"),
        Ok(Err(error)) => tracing::warn!(%error, "the worker's row is left behind; it goes when its lease is over"),
        Err(_) => tracing::warn!("left at once: the worker's row is left behind; it goes when its lease is over"),
    }
    if end == End::PoolClosed { Err(Error::PoolClosed) } else { Ok(end) }
}

async fn leave_or_warn(engine: &Engine) {
    if let Err(error) = leave(engine).await {
        tracing::warn!(%error, "the worker's row is left behind; it goes when its lease is over");
    }
}

/// Deletes the worker's row; where its connections are dead, on another.
async fn leave(engine: &Engine) -> Result<(), DbErr> {
    let mut line = Line::new(engine);
    let store = line.store();
    match line.in_time(store.leave(engine.id)).await {
        Err(error) if fault::of(&error) == Fault::Connection => {
            let store = line.store();
            line.in_time(store.leave(engine.id)).await
        }
        result => result,
    }
}

/// Under some settings nothing works, or not for long, and what fails then does not say why.
async fn check_session(db: &DatabaseConnection) -> Result<(), Error> {
    match session::unsuited(db).await? {
        Some(Unsuited { setting, reason }) => Err(Error::Setup(format!("`{setting}` does not suit it: {reason}"))),
        None => Ok(()),
    }
}

/// Without tables nothing works, and the database's own error does not say what to do.
async fn check_tables(db: &DatabaseConnection) -> Result<(), Error> {
    match worker::Entity::find().limit(1).all(db).await {
        Ok(_) => Ok(()),
        Err(error) if fault::lacks_tables(&error) => Err(Error::Setup(format!(
            "the tables are not there, or of another version; `jobs::migrate(&db).await?` makes them ({error}){}",
            session::whereabouts(db).await
        ))),
        Err(error) => Err(error.into()),
    }
}
