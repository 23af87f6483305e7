//! What workers run, for the dashboard.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::{Session, WorkerRecord};
use crate::error::Error;
use crate::model::{Action, JobId};
use crate::store::entity::worker::Model;
use crate::store::{running, workers};

/// How many jobs of each worker are shown.
const SHOWN: u64 = 10;

/// A worker, with the jobs that it has been running longest.
#[derive(Debug)]
pub(crate) struct WorkerWithJobs {
    pub(crate) worker: WorkerRecord,
    /// At most ten; what was started first comes first.
    pub(crate) longest: Vec<RunningJob>,
}

/// A job that runs.
#[derive(Debug)]
pub(crate) struct RunningJob {
    pub(crate) id: JobId,
    pub(crate) name: String,
    pub(crate) started_at: Option<DateTime<Utc>>,
}

impl Session {
    /// Like [`workers`](Self::workers), each with some of its jobs. Takes the same.
    pub(crate) async fn workers_with_jobs(&self) -> Result<Vec<WorkerWithJobs>, Error> {
        let db = self.to_read(Action::View)?;
        let mut running = HashMap::<_, (i64, Vec<_>)>::new();
        for job in running::longest(db, SHOWN).await? {
            let (jobs, longest) = running.entry(job.worker_id).or_default();
            *jobs = job.jobs;
            longest.push(RunningJob { id: JobId(job.id), name: job.name, started_at: job.started_at });
        }
        let with_jobs = |(row, is_live): (Model, bool)| {
            let (jobs, longest) = running.remove(&row.id).unwrap_or_default();
            WorkerWithJobs { worker: WorkerRecord::of(row, is_live, jobs), longest }
        };
        Ok(workers::all(db).await?.into_iter().map(with_jobs).collect())
    }
}
