//! `watch`: one job until it has ended, or all that run.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use sea_orm::DatabaseConnection;

use super::failure::Done;
use super::output::Output;
use super::schedule::succeeded;
use super::screen::Screen;
use crate::{Error, JobFilter, JobId, JobRecord, JobStatus};

/// How often the database is asked. A job that begins and ends in between is not seen among those that run.
const PAUSE: Duration = Duration::from_millis(250);

/// How many running jobs are watched.
const JOBS: u64 = 1_000;

#[derive(Debug, Args)]
pub(super) struct Watch {
    /// The job [default: all that run].
    id: Option<JobId>,
}

impl Watch {
    pub(super) async fn run(self, db: &DatabaseConnection, output: Output) -> Done {
        let mut screen = Screen::new(output);
        if let Some(id) = self.id {
            return follow(id, db, &mut screen).await;
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
    loop {
        let running = crate::list(db, JobFilter::new().status(JobStatus::Running).limit(JOBS)).await?;
        let running: BTreeMap<JobId, JobRecord> = running.into_iter().map(|job| (job.id, job)).collect();
        for id in known.keys().filter(|id| !running.contains_key(id)) {
            match crate::record(db, *id).await {
                Ok(job) => screen.changed(&job)?,
                Err(Error::NotFound { .. }) => screen.gone(*id)?,
                Err(error) => return Err(error.into()),
            }
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

fn has_changed(known: &JobRecord, job: &JobRecord) -> bool {
    (known.version, known.progress, known.cancel_requested_at) != (job.version, job.progress, job.cancel_requested_at)
}
