//! Writing the updates of running jobs: progress, results and messages, all in one batch.

use std::collections::HashSet;
use std::slice;

use sea_orm::DbErr;

use super::{FIRST_RETRY, TRIES_BEFORE_BISECTING};
use crate::error::chain;
use crate::error::fault::{self, Fault};
use crate::store::finish::{Fence, FencedRow as _, Report, batch_len, is_large};
use crate::worker::database::StoreClient;
use crate::worker::in_flight::InFlightJob;
use crate::worker::session::Session;

/// Writes the updates of all running jobs.
pub(super) async fn write(session: &Session, client: &mut StoreClient) {
    let _writing = session.env.writing.lock().await;
    let running = session.in_flight.all().into_iter().filter(|job| !job.has_ended());
    let (jobs, batch): (Vec<_>, Vec<_>) = running.filter_map(|job| report(&job).map(|report| (job, report))).unzip();
    let fate = write_batch(session, client, &batch).await;
    for job in jobs {
        let updates = &job.attempt.updates;
        if fate.refused.contains(&job.fence()) {
            updates.write_refused();
        } else {
            updates.end_write(fate.written.contains(&job.fence()));
        }
    }
}

/// The updates of a job since the last time, if there are any.
fn report(job: &InFlightJob) -> Option<Report> {
    let pending = job.attempt.updates.begin_write()?;
    let job = &job.attempt.job;
    Some(Report {
        id: job.id,
        version: job.version,
        progress: pending.progress,
        messages: pending.messages(job.id, job.attempt, job.version),
        results: pending.results,
    })
}

/// The fate of reports. All others are kept: they may have been written anyway, and are not written twice.
#[derive(Default)]
struct Fate {
    written: HashSet<Fence>,
    refused: HashSet<Fence>,
}

async fn write_batch(session: &Session, client: &mut StoreClient, batch: &[Report]) -> Fate {
    let mut fate = Fate::default();
    let mut parts = vec![batch];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        session.vitals.writer.record();
        let (now, later) = part.split_at(batch_len(part.iter()));
        parts.push(later);
        let store = client.store();
        match client.with_timeout(store.report(now)).await {
            Ok(written) => fate.written.extend(written),
            Err(error) if !is_refused(session, client, now, &error).await => {
                tracing::warn!("progress and messages can't be written, and are kept: {}", chain(&error));
            }
            Err(error) if now.len() == 1 => {
                tracing::error!(job = now[0].id, %error, "the database refuses what a job reports; its messages are dropped");
                fate.refused.insert(now[0].fence());
            }
            Err(_) => parts.extend([&now[..now.len() / 2], &now[now.len() / 2..]]),
        }
    }
    fate
}

/// Whether the database refuses something in these reports, or all of them at once.
async fn is_refused(session: &Session, client: &mut StoreClient, reports: &[Report], error: &DbErr) -> bool {
    match fault::of(error) {
        Fault::Data => true,
        // A server that is sent too much at once closes the connection, and may not get to say why.
        Fault::Connection if fault::has_hung_up(error) && is_large(reports) => match reports {
            [report] => is_too_much(session, client, report).await,
            _ => answers(client, reports).await,
        },
        _ => false,
    }
}

/// Whether the database closes the connection each time it is sent this one report, and answers in between.
async fn is_too_much(session: &Session, client: &mut StoreClient, report: &Report) -> bool {
    for _ in 0..TRIES_BEFORE_BISECTING {
        let one = slice::from_ref(report);
        if !answers(client, one).await {
            return false;
        }
        tokio::time::sleep(FIRST_RETRY).await;
        session.vitals.writer.record();
        let store = client.store();
        let tried = client.with_timeout(store.report(one)).await;
        if !tried.is_err_and(|error| fault::has_hung_up(&error)) {
            return false;
        }
    }
    true
}

/// Whether the database answers small statements.
async fn answers(client: &mut StoreClient, reports: &[Report]) -> bool {
    let store = client.store();
    client.with_timeout(store.row_states(&[reports[0].id])).await.is_ok()
}
