//! Progress, results and messages of running jobs, all in one batch.

use std::collections::HashSet;

use super::engine::Engine;
use super::finish::batch_len;
use super::line::Line;
use crate::error::chain;
use crate::store::batch::{Key, Report, Row as _};
use crate::store::fault::{self, Fault};

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
    let written = write_batch(line, &batch).await;
    for owned in taken {
        owned.attempt.notes.reported(written.contains(&owned.key()));
    }
}

/// Returns the jobs whose reports are done with: written, or refused by the database for what they contain.
async fn write_batch(line: &mut Line, batch: &[Report]) -> HashSet<Key> {
    let mut done = HashSet::new();
    let mut parts = vec![batch];
    while let Some(part) = parts.pop() {
        if part.is_empty() {
            continue;
        }
        let (now, later) = part.split_at(batch_len(part.iter()));
        parts.push(later);
        let store = line.store();
        match line.in_time(store.report(now)).await {
            Ok(written) => done.extend(written),
            Err(error) if fault::of(&error) != Fault::Data => {
                tracing::warn!("progress and messages can't be written, and are kept: {}", chain(&error));
            }
            Err(error) if now.len() == 1 => {
                tracing::error!(job = now[0].id, %error, "the database refuses what a job reports; it is dropped");
                done.insert(now[0].key());
            }
            Err(_) => parts.extend([&now[..now.len() / 2], &now[now.len() / 2..]]),
        }
    }
    done
}
