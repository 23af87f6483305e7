//! Two releases of a program at work on the same database: while one replaces the other, and after it is rolled back.

use jobs::JobDefaults;
use jobs::prelude::*;
use jobs_tests::{Database, cases};
use serde::{Deserialize, Serialize};

use crate::support::fleet::Fleet;
use crate::support::load::{Execution, QUEUE, executed};
use crate::support::scenario::Scenario;
use crate::support::scheduled::Fate;

cases![workers_of_an_older_release_fail_nothing_and_burn_nothing];

/// Which definitions a worker has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Release {
    Old,
    New,
}

impl Release {
    /// The definitions are registered by hand: both releases are one program here.
    pub(crate) fn register(self, worker: Worker) -> Worker {
        match self {
            Self::Old => worker.register::<MailBefore>(),
            Self::New => worker.register::<Mail>().register::<Archive>(),
        }
    }
}

/// The job as the old release knows it.
#[job_params]
#[derive(Debug)]
struct MailBefore {
    to: String,
}

/// The job as the new release knows it.
#[job_params]
#[derive(Debug)]
struct Mail {
    to: String,
    #[param(default = 1)]
    copies: u32,
}

/// A job that only the new release knows.
#[job_params]
#[derive(Debug)]
struct Archive;

const MAIL: JobDefaults = JobDefaults::new("Mail").queue(QUEUE).max_attempts(50);

impl Job for MailBefore {
    const DEFAULTS: JobDefaults = MAIL;
}

impl Job for Mail {
    const DEFAULTS: JobDefaults = MAIL;
}

impl Job for Archive {
    const DEFAULTS: JobDefaults = JobDefaults::new("Archive").queue(QUEUE).max_attempts(50).priority(-1);
}

impl Execute for MailBefore {
    type Output = u32;

    async fn execute(&self, job: &JobContext) -> JobResult<u32> {
        let _execution = Execution::of(job);
        assert!(!self.to().is_empty());
        Ok(job.attempt())
    }
}

impl Execute for Mail {
    type Output = u32;

    async fn execute(&self, job: &JobContext) -> JobResult<u32> {
        let _execution = Execution::of(job);
        assert!(!self.to().is_empty() && self.copies() > 0);
        Ok(job.attempt())
    }
}

impl Execute for Archive {
    type Output = u32;

    async fn execute(&self, job: &JobContext) -> JobResult<u32> {
        let _execution = Execution::of(job);
        Ok(job.attempt())
    }
}

/// Attempts that either release has failed, or repeated although it was not told to stop.
const BURNT: &str = "SELECT count(*) FROM jobs_attempt JOIN jobs_job ON id = job_id \
                     WHERE name IN ('Mail', 'Archive') AND how <> 'shutdown'";

async fn workers_of_an_older_release_fail_nothing_and_burn_nothing(t: Database) {
    let mut fleet = Fleet::new(&t);
    fleet.setup.release = Some(Release::Old);
    fleet.add_all(3).await;
    let asked = std::cell::RefCell::new(Vec::new());
    let deploy = async |fleet: &mut Fleet, random: &mut fastrand::Rng| {
        let scheduled = schedule(&t).await;
        asked.borrow_mut().extend(scheduled);
        if fleet.setup.release == Some(Release::Old) {
            // These come in front of all others, and no worker knows them yet.
            executed(&t).await;
            let untouched = "SELECT count(*) FROM jobs_job WHERE name = 'Archive' AND status = 0 AND attempt = 0";
            assert_eq!(t.number(untouched).await, 20, "jobs that nobody knows wait");
        }
        // Forward, back, and forward again.
        for release in [Release::New, Release::Old, Release::New] {
            fleet.setup.release = Some(release);
            fleet.replace_one(&t, random).await;
        }
        assert_eq!(t.number(BURNT).await, 0, "attempts were burnt by workers of another release");
    };
    let scenario = Scenario { name: "3 deployments", rounds: 5, in_an_hour: 50, jobs_a_round: 100 };
    let (fleet, mut scheduled) = scenario.inflict(t.db(), &t, fleet, deploy).await;
    scheduled.acknowledged.extend(asked.into_inner().into_iter().map(|id| (id, Fate::Terminates)));
    scenario.conclude(&t, fleet, scheduled).await;
    assert_eq!(t.number(BURNT).await, 0, "attempts were burnt by workers of another release");
}

/// Some of both kinds; the old release does not know `copies`.
async fn schedule(t: &Database) -> Vec<JobId> {
    let mail = jobs::schedule_all(t.db(), (0..20).map(|_| Mail::new("ada@example.org").with_copies(2))).await.unwrap();
    let archive = jobs::schedule_all(t.db(), (0..20).map(|_| Archive::new())).await.unwrap();
    mail.iter().map(JobHandle::id).chain(archive.iter().map(JobHandle::id)).collect()
}
