//! A worker's life: it joins, works and leaves. If it could not reach the database for longer than its lease, it joins again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::{DatabaseConnection, DbErr, EntityTrait as _, QuerySelect as _};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::claim::{self, WhenIdle};
use super::config::WorkerConfig;
use super::session::Session;
use super::shutdown::{SessionEnd, Shutdown};
use super::{cron, finish, heartbeat, limits, listen, maintain, stats};
use crate::cron::declare;
use crate::error::Error;
use crate::error::fault::{self, Fault};
use crate::job::panics;
use crate::job::registry::Registry;
use crate::store::dialect::connection::is_closed;
use crate::store::dialect::session::{Unsuited, unsuited, whereabouts};
use crate::store::entity::worker;

/// The pause between two tries to join again.
const REJOIN_PAUSE: Duration = Duration::from_secs(1);

/// How long a connection that was closed may still count, and the pause between two tries to leave meanwhile.
const STILL_COUNTS: Duration = Duration::from_secs(5);
const LEAVE_PAUSE: Duration = Duration::from_millis(50);

/// How long a worker that is told to stop keeps joining, to leave properly.
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Works until it is told to stop, in as many sessions as that takes.
pub(super) async fn run_sessions(
    db: &DatabaseConnection,
    config: &Arc<WorkerConfig>,
    registry: &Arc<Registry>,
    shutdown: &Shutdown,
) -> Result<(), Error> {
    panics::remember_places();
    // Boxed: a program that runs a worker among other futures pays for no more than a pointer.
    let mut join = Box::pin(first_join(db, config, registry, shutdown.idle()));
    let Some(session) = shutdown.unless_stopped(&mut join).await else {
        return leave_once_joined(shutdown, join).await;
    };
    let mut session = session?;
    while Box::pin(work(session, shutdown)).await? == SessionEnd::LeaseLost {
        // Other workers have its jobs.
        let mut rejoin = Box::pin(rejoin(db, config, registry, shutdown));
        let Some(next) = shutdown.unless_stopped(&mut rejoin).await else {
            return leave_once_joined(shutdown, rejoin).await;
        };
        session = next?;
    }
    Ok(())
}

/// Joins a database that is fit for it, and writes the schedules of the definitions.
async fn first_join(
    db: &DatabaseConnection,
    config: &Arc<WorkerConfig>,
    registry: &Arc<Registry>,
    when_idle: WhenIdle,
) -> Result<Arc<Session>, Error> {
    check_session(db).await?;
    check_tables(db).await?;
    tracing::info!("definitions:{}", registry.table(&config.default_queue));
    let session = Session::join(db, config.clone(), registry.clone()).await?;
    if let Err(error) = begin_schedules(&session, when_idle).await {
        leave_or_warn(&session).await;
        return Err(error);
    }
    Ok(session)
}

/// Some settings of a database's sessions make jobs fail sooner or later, with errors that don't say why.
async fn check_session(db: &DatabaseConnection) -> Result<(), Error> {
    match unsuited(db).await? {
        Some(Unsuited { setting, reason }) => Err(Error::Setup(format!("`{setting}` does not suit it: {reason}"))),
        None => Ok(()),
    }
}

/// If tables are missing, the database's own error does not say what to do.
async fn check_tables(db: &DatabaseConnection) -> Result<(), Error> {
    match worker::Entity::find().limit(1).all(db).await {
        Ok(_) => Ok(()),
        Err(error) if fault::lacks_tables(&error) => Err(Error::Setup(format!(
            "the tables are not there, or of another version; `jobs::migrate(&db).await?` makes them ({error}){}",
            whereabouts(db).await
        ))),
        Err(error) => Err(error.into()),
    }
}

/// Writes the limits and the schedules of definitions: when a worker starts, and not when it joins again, so that an old release that still runs beside a
/// newer one does not undo its changes. A worker that returns when it is idle fires what is due before it claims.
async fn begin_schedules(session: &Session, when_idle: WhenIdle) -> Result<(), Error> {
    limits::declare(&session.database.store(), &session.registry).await?;
    declare::schedules(&session.database.store(), &session.registry).await?;
    match when_idle {
        WhenIdle::Return => Ok(cron::fire_once(session).await?),
        WhenIdle::Sleep => Ok(()),
    }
}

/// Joins again, as soon as the database can be reached; tries no more if the worker is told to stop.
async fn rejoin(
    db: &DatabaseConnection,
    config: &Arc<WorkerConfig>,
    registry: &Arc<Registry>,
    shutdown: &Shutdown,
) -> Result<Arc<Session>, Error> {
    loop {
        if is_closed(db) {
            return Err(Error::PoolClosed);
        }
        match Session::join(db, config.clone(), registry.clone()).await {
            Err(error) if error.is_retryable() && !shutdown.is_stopping() => {
                tracing::warn!(%error, "the worker can't join again yet");
                tokio::time::sleep(REJOIN_PAUSE).await;
            }
            result => return result,
        }
    }
}

/// One session, from its first claim to its last write.
async fn work(session: Arc<Session>, shutdown: &Shutdown) -> Result<SessionEnd, Error> {
    let _when_dropped = session.phases.terminated.clone().drop_guard();
    let heartbeat = heartbeat::start(session.clone())?;
    let background = start_background(&session, shutdown.idle());
    let mut claimer = spawn(&session, claim::run(session.clone(), shutdown.idle()));
    let writer = spawn(&session, finish::run(session.clone()));
    let stats = spawn(&session, stats::run(session.clone()));

    let end = shutdown.wait(&session, &mut claimer).await;
    session.phases.stop_claiming.cancel();
    shutdown.finish_claims(&session, claimer).await?;
    let running = shutdown.let_jobs_end(&session, end).await?;
    session.phases.drain_finishes.cancel();
    shutdown.finish_writes(&session, writer).await?;
    shutdown.flush_stats(&session, stats).await;
    session.phases.terminated.cancel();
    heartbeat.stopped().await;
    background.close();
    background.wait().await;

    match end {
        SessionEnd::LeaseLost => return Ok(end),
        SessionEnd::PoolClosed => tracing::error!("the pool of connections was closed under the worker: it stops"),
        SessionEnd::Requested => {}
    }
    if running > 0 {
        return Err(Error::StillRunning { running });
    }
    // No job is left behind: a second signal is no longer an error.
    let reconnect_and_leave = async {
        session.database.reconnect().await;
        leave(&session).await
    };
    match shutdown.or_abort(&session, Box::pin(reconnect_and_leave)).await {
        Ok(Ok(())) => tracing::info!(worker = session.identity.id, "the worker has left"),
        Ok(Err(error)) => warn_of_row_left(&error),
        Err(_) => tracing::warn!("left at once: the worker's row is left behind; it goes when its lease is over"),
    }
    if end == SessionEnd::PoolClosed { Err(Error::PoolClosed) } else { Ok(end) }
}

fn start_background(session: &Arc<Session>, when_idle: WhenIdle) -> TaskTracker {
    let background = TaskTracker::new();
    let terminated = &session.phases.terminated;
    background.spawn(terminated.clone().run_until_cancelled_owned(listen::run(session.clone())));
    background.spawn(terminated.clone().run_until_cancelled_owned(maintain::run(session.clone())));
    if when_idle == WhenIdle::Sleep {
        background.spawn(cron::run(session.clone()));
    }
    background
}

fn spawn(session: &Session, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<Option<()>> {
    tokio::spawn(session.phases.terminated.clone().run_until_cancelled_owned(task))
}

/// If a worker is told to stop while it joins, its row may be there already, and must not be left behind.
async fn leave_once_joined(
    shutdown: &Shutdown,
    join: impl Future<Output = Result<Arc<Session>, Error>>,
) -> Result<(), Error> {
    match shutdown.unless_aborted(tokio::time::timeout(JOIN_TIMEOUT, join)).await {
        Some(Ok(Ok(session))) => leave_or_warn(&session).await,
        Some(Ok(Err(error))) => tracing::warn!(%error, "the worker could not join, and is told to stop"),
        Some(Err(_)) | None => {
            tracing::warn!(
                "told to stop before it has joined: the worker's row, if there is one, goes when its lease is over"
            );
        }
    }
    Ok(())
}

async fn leave_or_warn(session: &Session) {
    if let Err(error) = leave(session).await {
        warn_of_row_left(&error);
    }
}

fn warn_of_row_left(error: &DbErr) {
    tracing::warn!(%error, "the worker's row is left behind; it goes when its lease is over");
}

/// Deletes the worker's row; on another connection if its own is dead. Where an account may have few connections, those that were closed a
/// moment ago may still count.
async fn leave(session: &Session) -> Result<(), DbErr> {
    let (mut client, begun, mut may_be_dead) = (session.database.client(), Instant::now(), true);
    loop {
        let store = client.store();
        match client.with_timeout(store.leave(session.identity.id)).await {
            Err(error) if fault::is_one_too_many(&error) && begun.elapsed() < STILL_COUNTS => {
                tokio::time::sleep(LEAVE_PAUSE).await;
            }
            Err(error) if fault::of(&error) == Fault::Connection && may_be_dead => may_be_dead = false,
            result => return result,
        }
    }
}
