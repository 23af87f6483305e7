//! The course of a case: a load, a fault that happens repeatedly in the meantime, and the check when everything is over.

use std::time::Duration;

use jobs::sea_orm::DatabaseConnection;
use jobs_tests::{Database, PATIENCE};
use tokio::time::Instant;

use crate::support::fleet::Fleet;
use crate::support::load;
use crate::support::options::Options;
use crate::support::scheduled::Scheduled;
use crate::support::{check, journal};

/// How long the load may take to drain after the last fault, beside whatever else the machine does.
pub(crate) const DRAIN: Duration = Duration::from_mins(5);

/// How many jobs are left to do.
pub(crate) const OPEN: &str = "SELECT count(*) FROM jobs_job WHERE status < 2";

/// How often the fault happens, in the short form and in an hour of all cases, and how many jobs are scheduled each time.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) rounds: u64,
    pub(crate) in_an_hour: u64,
    pub(crate) jobs_a_round: usize,
}

impl Scenario {
    /// Schedules jobs while the fault happens repeatedly, lets everything drain, and checks.
    pub(crate) async fn run(self, t: &Database, fleet: Fleet, fault: impl AsyncFn(&mut Fleet, &mut fastrand::Rng)) {
        self.run_for(t.db(), t, fleet, fault).await;
    }

    /// Like `run`, but the jobs are scheduled on this connection.
    pub(crate) async fn run_for(
        self,
        client: &DatabaseConnection,
        t: &Database,
        fleet: Fleet,
        fault: impl AsyncFn(&mut Fleet, &mut fastrand::Rng),
    ) {
        let (fleet, scheduled) = Box::pin(self.inflict(client, t, fleet, fault)).await;
        Box::pin(self.conclude(t, fleet, scheduled)).await;
    }

    /// Schedules jobs while the fault happens repeatedly.
    pub(crate) async fn inflict(
        &self,
        client: &DatabaseConnection,
        t: &Database,
        mut fleet: Fleet,
        fault: impl AsyncFn(&mut Fleet, &mut fastrand::Rng),
    ) -> (Fleet, Scheduled) {
        let options = Options::get();
        let mut random = fastrand::Rng::with_seed(options.seed);
        load::prepare(t).await;
        // A worker that can't reach the database when it starts reports that and ends.
        fleet.until_all_have_joined(t).await;
        let mut scheduled = Scheduled::default();
        for _ in 0..options.rounds(self.rounds, self.in_an_hour) {
            let mut of_fault = random.fork();
            let spread = schedule_slowly(client, &mut scheduled, &mut random, self.jobs_a_round);
            tokio::join!(spread, fault(&mut fleet, &mut of_fault));
        }
        (fleet, scheduled)
    }

    /// Lets everything drain, and checks.
    pub(crate) async fn conclude(self, t: &Database, mut fleet: Fleet, mut scheduled: Scheduled) {
        until_none(t, OPEN, DRAIN).await;
        fleet.until_all_have_joined(t).await;
        fleet.stop_all().await;
        forget_dead_workers(t).await;
        scheduled.resolve(t).await;
        let mut report = check::check(t, &scheduled, &fleet, &journal::read(fleet.directory())).await;
        report.found(std::mem::take(&mut fleet.surprises));
        report.conclude(Options::get().seed, self.name, &fleet.log());
    }
}

async fn schedule_slowly(
    client: &DatabaseConnection,
    scheduled: &mut Scheduled,
    random: &mut fastrand::Rng,
    jobs: usize,
) {
    for _ in 0..10 {
        scheduled.add(client, random, jobs / 10).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until there are none of these; if that does not happen in time, the check says so.
pub(crate) async fn until_none(t: &Database, count: &str, patience: Duration) {
    let until = Instant::now() + patience;
    while t.number(count).await > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Lets one more worker live for as long as it takes to forget those that died.
async fn forget_dead_workers(t: &Database) {
    let mut last = Fleet::start(t, 1).await;
    last.until_all_have_joined(t).await;
    let dead = format!("SELECT count(*) FROM jobs_worker WHERE pid <> {}", last.workers[0].pid());
    until_none(t, &dead, PATIENCE).await;
    last.stop_all().await;
}
