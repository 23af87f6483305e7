//! `watch`: one job until it has ended, or all that run.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::{Done, Failure};
use super::output::Output;
use super::schedule::succeeded;
use super::screen::Screen;
use crate::store::health;
use crate::{Error, JobFilter, JobId, JobRecord, JobStatus};

/// How often the database is asked. An attempt that begins and ends in between is not seen where its job waits for another one.
const PAUSE: Duration = Duration::from_millis(250);

/// How many jobs are watched while they run, and told of when they have ended.
const JOBS: u64 = 1_000;

/// How long before the latest end another one may have been that could not be seen then: its statement was still under way.
const OVERLAP: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct Watch {
    /// The job [default: all that run].
    id: Option<JobId>,
}

impl Watch {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> Done {
        let mut screen = Screen::new(output);
        if let Some(id) = self.id {
            return match follow(id, db, &mut screen).await {
                // Nobody has been told how it ended.
                Err(Failure::Unread) => Err(Failure::Said),
                followed => followed,
            };
        }
        tokio::select! {
            watched = watch_all(db, &mut screen) => watched,
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    }
}

/// One job, with what it says.
async fn follow(id: JobId, db: &DatabaseConnection, screen: &mut Screen) -> Done {
    let mut known: Option<JobRecord> = None;
    let mut heard = 0;
    loop {
        // The record first: what is said before a job ends is written with its end.
        let job = crate::record(db, id).await?;
        let messages = crate::messages(db, id).await?;
        for message in messages.iter().skip(heard) {
            screen.said(&job, message)?;
        }
        heard = messages.len();
        if known.as_ref().is_none_or(|known| has_changed(known, &job)) {
            screen.changed(&job)?;
        }
        if job.status.is_closed() {
            return succeeded(&job);
        }
        known = Some(job);
        tokio::time::sleep(PAUSE).await;
    }
}

async fn watch_all(db: &DatabaseConnection, screen: &mut Screen) -> Done {
    let mut known = BTreeMap::new();
    let mut closed = Closed::until_now(db).await?;
    loop {
        let mut running = running(db).await?;
        // In this order: what has begun and ended since the last look is among those that are closed.
        let ended_unseen = closed.look(db).await?;
        for id in known.keys().filter(|id| !running.contains_key(id)).copied().collect::<Vec<_>>() {
            match crate::record(db, id).await {
                // One of more than are watched.
                Ok(job) if job.status == JobStatus::Running => _ = running.insert(id, job),
                Ok(job) => {
                    closed.told.insert(key(&job));
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
    Ok(running.into_iter().map(|job| (job.id, job)).collect())
}

/// Which jobs have ended, each told once.
struct Closed {
    since: DateTime<Utc>,
    told: HashSet<(JobId, i64)>,
}

impl Closed {
    /// What has ended so far is not told.
    async fn until_now(db: &DatabaseConnection) -> Result<Self, Failure> {
        let mut closed = Self { since: health::clock(db).await?, told: HashSet::new() };
        closed.look(db).await?;
        Ok(closed)
    }

    /// Those that were not told of, in the order in which they ended.
    async fn look(&mut self, db: &DatabaseConnection) -> Result<Vec<JobRecord>, Failure> {
        let latest: Vec<_> = health::closed_since(db, self.since - OVERLAP, JOBS).await?;
        let mut jobs: Vec<_> = latest.into_iter().map(JobRecord::of).rev().collect();
        if let Some(last) = jobs.last().and_then(|job| job.finished_at) {
            self.since = last;
        }
        let told = std::mem::replace(&mut self.told, jobs.iter().map(key).collect());
        jobs.retain(|job| !told.contains(&key(job)));
        Ok(jobs)
    }
}

/// One end of a job.
fn key(job: &JobRecord) -> (JobId, i64) {
    (job.id, job.version)
}

fn has_changed(known: &JobRecord, job: &JobRecord) -> bool {
    (known.version, known.progress, known.cancel_requested_at) != (job.version, job.progress, job.cancel_requested_at)
}
