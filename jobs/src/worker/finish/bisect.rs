//! Finding the rows that the database refuses, so that the others are written.

use std::slice;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::{FIRST_RETRY, LAST_RETRY, TRIES_BEFORE_BISECTING, Writer, put_back};
use crate::error::fault::{self, Fault};
use crate::job::updates::text::storable;
use crate::model::outcome::Transition;
use crate::model::{AttemptEnd, JobStatus};
use crate::store::finish::{FencedRow as _, FinishRow, is_large};
use crate::worker::execute::outcome::trace;

impl Writer {
    /// Whether the batch has to be written in parts after this many tries.
    pub(super) async fn is_refused(&mut self, batch: &[FinishRow], error: &DbErr, tries: u32) -> bool {
        match fault::of(error) {
            Fault::Data => true,
            // Neither the data nor the connection is at fault: perhaps one row is, which must not hold up the others.
            Fault::Other => tries >= TRIES_BEFORE_BISECTING,
            // A server that is sent too much at once closes the connection, and may not get to say why.
            Fault::Connection => {
                tries >= TRIES_BEFORE_BISECTING && fault::has_hung_up(error) && self.may_be_too_much(batch).await
            }
            Fault::Contention => false,
        }
    }

    /// Halves a batch in which the database refuses something until the bad row is alone. If it is refused for its data, the job fails with
    /// the reason. Otherwise the row is tried again by itself.
    pub(super) async fn bisect(&mut self, batch: Vec<FinishRow>, error: DbErr) {
        let mut parts = vec![(batch, error)];
        while let Some((mut part, error)) = parts.pop() {
            if let [end] = &part[..] {
                self.refuse_or_retry(end, &error).await;
                continue;
            }
            let second = part.split_off(part.len() / 2);
            for half in [part, second] {
                match self.try_write(&half).await {
                    Ok(()) => {}
                    Err(error) if matches!(fault::of(&error), Fault::Data | Fault::Other) => parts.push((half, error)),
                    Err(error) if fault::has_hung_up(&error) && self.may_be_too_much(&half).await => {
                        parts.push((half, error));
                    }
                    Err(_) => put_back(&mut self.waiting, half),
                }
            }
        }
    }

    async fn refuse_or_retry(&mut self, end: &FinishRow, error: &DbErr) {
        let is_refused = match fault::of(error) {
            Fault::Data => true,
            Fault::Connection if fault::has_hung_up(error) => self.is_too_much(end).await,
            _ => false,
        };
        if is_refused {
            let refused = refused(end, error);
            if let Some(job) = self.session.in_flight.get(end.fence()) {
                trace(&job.attempt.job, refused.status, refused.error.as_deref());
            }
            self.waiting.push_back(refused);
        } else {
            tracing::error!(job = end.id, %error, "the end of a job can't be written; trying again in {LAST_RETRY:?}");
            self.locked.push((Instant::now() + LAST_RETRY, end.clone()));
        }
    }

    /// Whether a batch whose connection was closed is large, and the database answers small statements.
    async fn may_be_too_much(&mut self, batch: &[FinishRow]) -> bool {
        is_large(batch) && self.fate_of(&[batch[0].id]).await.is_ok()
    }

    /// Whether the database closes the connection each time it is sent this one end, and answers in between.
    async fn is_too_much(&mut self, end: &FinishRow) -> bool {
        for _ in 0..TRIES_BEFORE_BISECTING {
            let tried = self.try_write(slice::from_ref(end)).await;
            let is_closed = tried.is_err_and(|error| fault::has_hung_up(&error));
            if !is_closed || !self.may_be_too_much(slice::from_ref(end)).await {
                return false;
            }
            tokio::time::sleep(FIRST_RETRY).await;
        }
        true
    }
}

/// The end of a job whose own end the database refuses: it fails with the reason, without what was refused.
fn refused(end: &FinishRow, error: &DbErr) -> FinishRow {
    let reason = format!("the database refused what the job wanted to store: {error}");
    let transition = Transition::closed(JobStatus::Failed, Some(AttemptEnd::Refused), Some(storable(reason)));
    FinishRow::new(end.id, end.version, transition, end.worker.clone(), end.owner)
}
