//! `watch`: one job until it has ended, or all running jobs.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::{CommandResult, Failure};
use super::output::Output;
use super::schedule::succeeded;
use super::screen::Screen;
use crate::store::health;
use crate::{Error, JobEventKind, JobFilter, JobId, JobRecord, JobState, JobStatus};

/// How often the database is asked about all running jobs. An attempt that begins and ends in between is missed if its job waits for another one.
const PAUSE: Duration = Duration::from_millis(250);

/// How many running jobs are watched, and how many ended ones are read at once.
const JOBS: u64 = 1_000;

/// How long before the latest end there may be another that was not visible yet, because its statement was still in flight.
const OVERLAP: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct Watch {
    /// The job [default: all running jobs].
    id: Option<JobId>,
}

impl Watch {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> CommandResult {
        let mut screen = Screen::new(output);
        if let Some(id) = self.id {
            return match follow(id, db, &mut screen).await {
                // How the job ended was not shown.
                Err(Failure::BrokenPipe) => Err(Failure::AlreadyReported),
                followed => followed,
            };
        }
        tokio::select! {
            watched = watch_all(db, &mut screen) => watched,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }
}

/// Follows one job, with its messages.
async fn follow(id: JobId, db: &DatabaseConnection, screen: &mut Screen) -> CommandResult {
    let mut job = crate::record(db, id).await?;
    let mut events = crate::watch(db, id);
    while let Some(event) = events.next().await {
        match event?.kind {
            JobEventKind::State(state) => {
                update(&mut job, state);
                screen.changed(&job)?;
            }
            JobEventKind::Message(message) => screen.said(&job, &message)?,
            JobEventKind::End(end) => {
                screen.changed(&end)?;
                job = Arc::unwrap_or_clone(end);
            }
        }
    }
    succeeded(&job)
}

fn update(job: &mut JobRecord, state: JobState) {
    let JobState { status, attempt, progress, scheduled_at, cancel_requested_at, last_error } = state;
    *job = JobRecord { status, attempt, progress, scheduled_at, cancel_requested_at, last_error, ..job.clone() };
}

async fn watch_all(db: &DatabaseConnection, screen: &mut Screen) -> CommandResult {
    let mut known = BTreeMap::new();
    let mut closed = Closed::until_now(db).await?;
    loop {
        let mut running = running(db).await?;
        // In this order: jobs that began and ended since the last poll are among the closed ones.
        let ended_unseen = closed.poll(db).await?;
        for id in known.keys().filter(|id| !running.contains_key(id)).copied().collect::<Vec<_>>() {
            match crate::record(db, id).await {
                // There are more running jobs than are watched.
                Ok(job) if job.status == JobStatus::Running => _ = running.insert(id, job),
                Ok(job) => {
                    closed.seen.insert(key(&job));
                    screen.changed(&job)?;
                }
                Err(Error::NotFound { .. }) => screen.gone(id)?,
                Err(error) => return Err(error.into()),
            }
        }
        for job in ended_unseen.iter().filter(|job| !known.contains_key(&job.id) && !running.contains_key(&job.id)) {
            screen.changed(job)?;
        }
        for job in running.values() {
            if known.get(&job.id).is_none_or(|known| has_changed(known, job)) {
                screen.changed(job)?;
            }
        }
        screen.count(running.len());
        known = running;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn running(db: &DatabaseConnection) -> Result<BTreeMap<JobId, JobRecord>, Error> {
    let running = crate::list(db, JobFilter::new().status(JobStatus::Running).limit(JOBS)).await?;
    Ok(running.jobs.into_iter().map(|job| (job.id, job)).collect())
}

/// The jobs that have ended, each returned once.
struct Closed {
    since: DateTime<Utc>,
    seen: HashSet<(JobId, i64)>,
}

impl Closed {
    /// Skips jobs that have ended so far.
    async fn until_now(db: &DatabaseConnection) -> Result<Self, Failure> {
        let mut closed = Self { since: health::clock(db).await?, seen: HashSet::new() };
        closed.poll(db).await?;
        Ok(closed)
    }

    /// The jobs that have ended since the last call, in the order in which they ended.
    async fn poll(&mut self, db: &DatabaseConnection) -> Result<Vec<JobRecord>, Failure> {
        let latest: Vec<_> = health::closed_since(db, self.since - OVERLAP, JOBS).await?;
        let mut jobs: Vec<_> = latest.into_iter().map(JobRecord::of).rev().collect();
        if let Some(last) = jobs.last().and_then(|job| job.finished_at) {
            self.since = last;
        }
        let seen = std::mem::replace(&mut self.seen, jobs.iter().map(key).collect());
        jobs.retain(|job| !seen.contains(&key(job)));
        Ok(jobs)
    }
}

/// Identifies one end of a job.
fn key(job: &JobRecord) -> (JobId, i64) {
    (job.id, job.version)
}

fn has_changed(known: &JobRecord, job: &JobRecord) -> bool {
    (known.version, known.progress, known.cancel_requested_at) != (job.version, job.progress, job.cancel_requested_at)
}
