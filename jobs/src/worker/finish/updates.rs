//! Progress, results and messages of running jobs, all in one batch.

use std::collections::HashSet;

use sea_orm::DbErr;

use super::retry::{FIRST_RETRY, TRIES_BEFORE_DIVIDING};
use crate::error::chain;
use crate::error::fault::{self, Fault};
use crate::store::batch::{Key, Report, Row as _, batch_len, is_large};
use crate::worker::database::Line;
use crate::worker::session::Engine;

/// Writes what running jobs have to say.
pub(super) async fn write(engine: &Engine, line: &mut Line) {
    let _writing = engine.setting.writing.lock().await;
    let mut batch = Vec::new();
    let mut taken = Vec::new();
    for owned in engine.owned() {
        if owned.has_ended() {
            continue;
        }
        if let Some(unwritten) = owned.attempt.notes.report() {
            let job = &owned.attempt.job;
            batch.push(Report {
                id: job.id,
                version: job.version,
                progress: unwritten.progress,
                results: unwritten.results.clone(),
                messages: unwritten.messages(job.id, job.attempt, job.version),
            });
            taken.push(owned);
        }
    }
    let became = write_batch(engine, line, &batch).await;
    for owned in taken {
        let notes = &owned.attempt.notes;
        if became.refused.contains(&owned.key()) {
            notes.refused();
        } else {
            notes.reported(became.written.contains(&owned.key()));
        }
    }
}

/// What became of reports. The others are kept: they may have been written all the same, and are not written twice.
#[derive(Default)]
struct Became {
    written: HashSet<Key>,
    refused: HashSet<Key>,
}

async fn write_batch(engine: &Engine, line: &mut Line, batch: &[Report]) -> Became {
    let mut became = Became::default();
    let mut parts = vec![batch];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        engine.writer.beat();
        let (now, later) = part.split_at(batch_len(part.iter()));
        parts.push(later);
        let store = line.store();
        match line.in_time(store.report(now)).await {
            Ok(written) => became.written.extend(written),
            Err(error) if !is_refused(engine, line, now, &error).await => {
                tracing::warn!("progress and messages can't be written, and are kept: {}", chain(&error));
            }
            Err(error) if now.len() == 1 => {
                tracing::error!(job = now[0].id, %error, "the database refuses what a job reports; its messages are dropped");
                became.refused.insert(now[0].key());
            }
            Err(_) => parts.extend([&now[..now.len() / 2], &now[now.len() / 2..]]),
        }
    }
    became
}

/// Whether the database refuses something in these reports, or all of them at once.
async fn is_refused(engine: &Engine, line: &mut Line, reports: &[Report], error: &DbErr) -> bool {
    match fault::of(error) {
        Fault::Data => true,
        // A server that is sent too much at once closes the connection, and may not get to say why.
        Fault::Connection if fault::has_hung_up(error) && is_large(reports) => match reports {
            [report] => is_too_much(engine, line, report).await,
            _ => answers(line, reports).await,
        },
        _ => false,
    }
}

/// Whether the database closes the connection each time that it is sent this one report, and answers in between.
async fn is_too_much(engine: &Engine, line: &mut Line, report: &Report) -> bool {
    for _ in 0..TRIES_BEFORE_DIVIDING {
        let one = std::slice::from_ref(report);
        if !answers(line, one).await {
            return false;
        }
        tokio::time::sleep(FIRST_RETRY).await;
        engine.writer.beat();
        let store = line.store();
        let tried = line.in_time(store.report(one)).await;
        if !tried.is_err_and(|error| fault::has_hung_up(&error)) {
            return false;
        }
    }
    true
}

/// Whether the database answers what is small.
async fn answers(line: &mut Line, reports: &[Report]) -> bool {
    let store = line.store();
    line.in_time(store.marks(&[reports[0].id])).await.is_ok()
}
