//! Jobs that finish themselves inside a transaction of their own: the row tells how they ended.

use std::time::Duration;

use sea_orm::DbErr;

use crate::client::wait;
use crate::error::chain;
use crate::job::attempt::RunningAttempt;
use crate::model::outcome::Outcome;
use crate::model::{AttemptEnd, JobStatus};
use crate::store::Store;
use crate::store::claimed::Claimed;
use crate::worker::database::Line;
use crate::worker::meter;
use crate::worker::session::Engine;

/// Where the job was finished inside a transaction of its own, the row tells how it ended. `None`: it has.
pub(super) async fn finished_inside(engine: &Engine, attempt: &RunningAttempt, outcome: Outcome) -> Option<Outcome> {
    if !attempt.notes.is_closed() {
        return Some(outcome);
    }
    let job = &attempt.job;
    let (mut line, mut pause) = (Line::new(engine), Duration::from_millis(10));
    loop {
        let store = line.store();
        match line.in_time(inside(&store, job)).await {
            Ok(Inside::Unknown) => {}
            Ok(Inside::NotCommitted) => {
                let reason = "finish_in was not committed: its transaction was rolled back or dropped".into();
                attempt.notes.reopen();
                return Some(match outcome {
                    Outcome::Succeeded => Outcome::Errored { how: AttemptEnd::Error, reason, delay: None },
                    other => other,
                });
            }
            Ok(Inside::Over { by }) => {
                engine.disown(job.id, job.version);
                if by == Some(engine.id) {
                    meter::finished_inside(job);
                }
                wait::ended(std::iter::once(job.id));
                return None;
            }
            Err(error) => tracing::warn!(job = job.id, "can't see whether finish_in was committed: {}", chain(&error)),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}

enum Inside {
    /// Its transaction is still open.
    Unknown,
    NotCommitted,
    /// The row is at another version: finished by us, or taken over.
    Over {
        by: Option<i64>,
    },
}

async fn inside(store: &Store, job: &Claimed) -> Result<Inside, DbErr> {
    if store.is_locked(job.id).await? {
        return Ok(Inside::Unknown);
    }
    let marks = store.marks(&[job.id]).await?;
    Ok(match marks.first() {
        Some(mark) if mark.version == job.version && mark.status == JobStatus::Running => Inside::NotCommitted,
        Some(mark) if mark.version == job.version + 1 => Inside::Over { by: mark.worker },
        _ => Inside::Over { by: None },
    })
}
