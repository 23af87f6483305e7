//! What every worker does for all from time to time: rescue, retention, and warnings of jobs that nobody serves.

mod failure_detector;
mod sample;

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::{Instant, MissedTickBehavior};

use super::database::Line;
use super::meter;
use super::session::Engine;
use crate::client::wait;
use crate::model::outcome::{Attempts, Outcome};
use crate::model::{AttemptEnd, RetryPolicy};
use crate::store::batch::Finish;
use crate::store::maintain::{MAINTENANCE_ROWS, Orphan};
use crate::store::{Store, unserved, wake};
use failure_detector::FailureDetector;
use sample::Sampler;

const RETENTION_INTERVAL: Duration = Duration::from_mins(5);
const UNSERVED_INTERVAL: Duration = Duration::from_mins(5);

/// The pause between two batches of deletes: retention is in no hurry.
const RETENTION_PAUSE: Duration = Duration::from_millis(100);

pub(super) async fn run(engine: Arc<Engine>) {
    // Side by side: a long delete does not hold up a rescue.
    tokio::join!(
        rescue_from_time_to_time(&engine),
        delete_from_time_to_time(&engine),
        warn_from_time_to_time(&engine),
        sample_from_time_to_time(&engine)
    );
}

async fn rescue_from_time_to_time(engine: &Engine) {
    let (interval, mut line) = (engine.settings.heartbeat(), Line::new(engine));
    let mut detector = FailureDetector::new();
    loop {
        let store = line.store();
        complain(line.in_time(rescue(engine, &store, &mut detector)).await);
        let now = Instant::now();
        let next =
            detector.next_expiry(now.into()).map_or(now + interval, |expiry| (now + interval).min(expiry.into()));
        tokio::time::sleep_until(next).await;
    }
}

async fn delete_from_time_to_time(engine: &Engine) {
    let (mut time, mut line) = (every(RETENTION_INTERVAL), Line::new(engine));
    loop {
        time.tick().await;
        complain(delete_expired(engine, &mut line).await);
    }
}

async fn warn_from_time_to_time(engine: &Engine) {
    let (mut time, mut line) = (every(UNSERVED_INTERVAL), Line::new(engine));
    let mut warned = HashMap::new();
    loop {
        time.tick().await;
        complain(sweep_keys(&mut line).await);
        let store = line.store();
        complain(line.in_time(warn_of_unserved(&store, &mut warned)).await);
    }
}

async fn sweep_keys(line: &mut Line) -> Result<(), DbErr> {
    loop {
        let store = line.store();
        if !line.in_time(store.sweep_some_keys()).await? {
            return Ok(());
        }
        tokio::time::sleep(RETENTION_PAUSE).await;
    }
}

async fn sample_from_time_to_time(engine: &Engine) {
    let Some(interval) = engine.settings.sample_queues else { return };
    let (mut time, mut line) = (every(interval), Line::new(engine));
    let mut sampler = Sampler::new(engine);
    loop {
        time.tick().await;
        let store = line.store();
        complain(line.in_time(sampler.sample(&store)).await);
    }
}

fn complain(done: Result<(), DbErr>) {
    if let Err(error) = done {
        tracing::warn!(%error, "maintenance failed; it is tried again at its next time");
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Takes the jobs of workers that are gone. Only a worker whose own beats have gone well for a whole lease may say so: one that
/// was cut off itself can't tell who is dead.
async fn rescue(engine: &Engine, store: &Store, detector: &mut FailureDetector) -> Result<(), DbErr> {
    let sent = std::time::Instant::now();
    let seen = store.see_workers().await?;
    let answered = std::time::Instant::now();
    detector.observe(sent, answered, &seen);
    if !engine.lease.is_trusted() {
        return Ok(());
    }
    let mut dead = detector.dead(answered);
    dead.retain(|(worker, _)| *worker != engine.id);
    let buried = store.bury_workers(&dead).await?;
    if buried > 0 {
        tracing::warn!(workers = buried, "workers have stopped responding; their jobs are taken over");
    } else if !seen.has_orphans {
        return Ok(());
    }
    loop {
        let orphans = store.orphans().await?;
        let ends: Vec<_> = orphans.iter().map(|orphan| end_of_lost(engine, orphan)).collect();
        let written = if ends.is_empty() { return Ok(()) } else { store.finish(&ends).await? };
        let is_rescued = |(orphan, _): &(&Orphan, _)| written.contains(&(orphan.id, orphan.version));
        let rescued: Vec<_> = orphans.iter().zip(&ends).filter(is_rescued).collect();
        meter::finished(rescued.iter().map(|(orphan, end)| (&*orphan.queue, &*orphan.name, *end)));
        for (orphan, _) in rescued {
            tracing::warn!(job = orphan.id, name = orphan.name, attempt = orphan.attempt, "rescued from a lost worker");
            wake::scheduled(&orphan.queue);
        }
        let was_all = u64::try_from(orphans.len()).is_ok_and(|rows| rows < MAINTENANCE_ROWS);
        let some = !written.is_empty();
        wait::ended(written.iter().map(|(id, _)| *id));
        if was_all || !some {
            return Ok(());
        }
    }
}

fn end_of_lost(engine: &Engine, orphan: &Orphan) -> Finish {
    let worker = orphan.worker_id.map_or_else(|| "unknown".to_owned(), |id| format!("worker {id}"));
    let reason = if orphan.budget == 1 {
        format!("{worker} stopped responding; whether it had started the job can't be known, and max_attempts is 1")
    } else {
        format!("{worker} stopped responding")
    };
    let retry = engine.registry.get(&orphan.name).map_or(RetryPolicy::DEFAULT, |definition| definition.defaults.retry);
    let attempts =
        Attempts { attempt: orphan.attempt, max_attempts: orphan.max_attempts, budget: orphan.budget, retry };
    // Not the job's fault, as far as anybody knows: it runs again at once.
    let outcome = Outcome::Errored { how: AttemptEnd::Lost, reason, delay: Some(Duration::ZERO) };
    Finish::new(orphan.id, orphan.version, outcome.ending(attempts, fastrand::f64()), worker, None)
}

async fn delete_expired(engine: &Engine, line: &mut Line) -> Result<(), DbErr> {
    for (status, age) in &engine.settings.retention {
        let Some(age) = age else { continue };
        let mut deleted = 0;
        loop {
            let store = line.store();
            let rows = line.in_time(store.delete_expired(*status, *age)).await?;
            deleted += rows;
            if u64::try_from(rows).is_ok_and(|rows| rows < MAINTENANCE_ROWS) {
                break;
            }
            tokio::time::sleep(RETENTION_PAUSE).await;
        }
        if deleted > 0 {
            tracing::debug!(deleted, %status, "jobs whose time to be kept is over were deleted");
        }
    }
    Ok(())
}

/// Each queue and name once an hour.
async fn warn_of_unserved(store: &Store, warned: &mut HashMap<(String, String), Instant>) -> Result<(), DbErr> {
    warned.retain(|_, when| when.elapsed() < Duration::from_hours(1));
    let mut oldest = BTreeMap::new();
    for group in unserved::groups(&store.db).await? {
        let first = oldest.entry((group.queue, group.name)).or_insert(group.oldest);
        *first = group.oldest.min(*first);
    }
    for ((queue, name), oldest) in oldest {
        let Entry::Vacant(unwarned) = warned.entry((queue, name)) else { continue };
        let (queue, name) = unwarned.key();
        tracing::warn!(
            "jobs named `{name}` wait in queue `{queue}` since {oldest}, and no live worker serves them: is the crate that \
             defines them linked, and the queue served?"
        );
        unwarned.insert(Instant::now());
    }
    Ok(())
}
