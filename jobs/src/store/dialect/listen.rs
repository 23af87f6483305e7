//! Listening to notifications that other processes send through the database.

#[cfg(feature = "postgres")]
use std::time::Duration;

use sea_orm::{DatabaseConnection, DbErr};

/// A notification.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "nothing is heard"))]
pub(crate) enum Heard {
    /// Jobs were scheduled in this queue.
    Scheduled(String),
    /// A running job was asked to cancel.
    CancelRequested,
    /// This queue was paused or resumed.
    QueueChanged(String),
    /// A job of this name and key has ended that counted for a limit.
    LimitedEnded(String, String),
    /// Schedules were changed.
    CronChanged,
    /// An awaited job has ended.
    Finished,
}

/// A connection that listens.
#[cfg(feature = "postgres")]
pub(crate) struct Listener(sea_orm::sqlx::postgres::PgListener);

#[cfg(feature = "postgres")]
impl Listener {
    pub(crate) async fn connect(db: &DatabaseConnection, channels: &[&str]) -> Result<Self, DbErr> {
        let pool = super::own_pool::own_connections(db, 1);
        let connect = async {
            let mut listener =
                sea_orm::sqlx::postgres::PgListener::connect_with(pool.get_postgres_connection_pool()).await?;
            // A connection that is silently replaced would hide missed notifications.
            listener.eager_reconnect(false);
            listener.listen_all(channels.iter().copied()).await?;
            Ok(Self(listener))
        };
        connect.await.map_err(lost)
    }

    pub(crate) async fn hear(&mut self) -> Result<Heard, DbErr> {
        let notification = self.0.try_recv().await.map_err(lost)?.ok_or_else(disconnected)?;
        Ok(match notification.channel() {
            "jobs_cancel" => Heard::CancelRequested,
            "jobs_queue" => Heard::QueueChanged(notification.payload().to_owned()),
            "jobs_limit" => {
                let (name, key) = notification.payload().split_once('\n').unwrap_or_default();
                Heard::LimitedEnded(name.to_owned(), key.to_owned())
            }
            "jobs_cron" => Heard::CronChanged,
            "jobs_finish" => Heard::Finished,
            _ => Heard::Scheduled(notification.payload().to_owned()),
        })
    }

    /// Checks that the connection is alive: one that was cut off stays silent forever.
    pub(crate) async fn check(&mut self) -> Result<(), DbErr> {
        let ask = sea_orm::sqlx::query("SELECT 1").execute(&mut self.0);
        match tokio::time::timeout(Duration::from_secs(3), ask).await {
            Ok(answer) => answer.map(|_| ()).map_err(lost),
            Err(_) => Err(disconnected()),
        }
    }
}

#[cfg(feature = "postgres")]
fn lost(error: sea_orm::sqlx::Error) -> DbErr {
    DbErr::Conn(sea_orm::RuntimeErr::SqlxError(error.into()))
}

#[cfg(feature = "postgres")]
fn disconnected() -> DbErr {
    DbErr::Conn(sea_orm::RuntimeErr::Internal("the listening connection was lost".into()))
}

/// A listener without a database that notifies: there is nothing to hear.
#[cfg(not(feature = "postgres"))]
pub(crate) struct Listener;

#[cfg(not(feature = "postgres"))]
#[allow(clippy::unused_async, reason = "the same interface as the one that listens")]
impl Listener {
    pub(crate) async fn connect(_: &DatabaseConnection, _: &[&str]) -> Result<Self, DbErr> {
        Err(DbErr::Custom("the crate was built without the feature `postgres`".into()))
    }

    pub(crate) async fn hear(&mut self) -> Result<Heard, DbErr> {
        std::future::pending().await
    }

    pub(crate) async fn check(&mut self) -> Result<(), DbErr> {
        Ok(())
    }
}
