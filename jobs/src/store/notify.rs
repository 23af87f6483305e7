//! Notifications to other processes, if the database can send them: hints, as those of [`wake`](super::wake) are within the process.

use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{dialect, json, statement};

/// Notifies other processes, if the database can: `channel` is `jobs_wake` or `jobs_queue` (a queue), `jobs_cancel` or `jobs_finish` (a job),
/// or `jobs_cron` (a schedule).
pub(crate) async fn send<C: ConnectionTrait>(db: &C, channel: &str, payload: &str) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    if let Some(sql) = dialect.notify {
        db.execute_raw(statement(dialect, sql, [channel.into(), payload.into()])).await?;
    }
    Ok(())
}

/// Sends several notifications in one statement: their payloads are texts or ids.
pub(crate) async fn send_all<C: ConnectionTrait>(
    db: &C,
    channel: &str,
    payloads: &[impl Serialize],
) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    if let (Some(sql), false) = (dialect.notify_all, payloads.is_empty()) {
        db.execute_raw(statement(dialect, sql, [channel.into(), json(payloads)?.into()])).await?;
    }
    Ok(())
}

/// Marks jobs whose end a process waits and listens for.
pub(crate) async fn mark_awaited<C: ConnectionTrait>(db: &C, ids: &[i64]) -> Result<(), DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    if let Some(sql) = dialect.mark_awaited {
        db.execute_raw(statement(dialect, sql, [json(ids)?.into()])).await?;
    }
    Ok(())
}

/// Whether this database can notify other processes.
pub(crate) fn can_send<C: ConnectionTrait>(db: &C) -> bool {
    dialect::of(db.get_database_backend()).is_ok_and(|dialect| dialect.notify.is_some())
}
