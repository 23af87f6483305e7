//! Drains of jobs whose number is limited, compared with jobs without a limit, and how soon a job starts while those of all other keys wait.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{Error, JobDefaults, Limit};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::Result;
use crate::bench::Bench;
use crate::database::{Database, Kind};
use crate::figure::{Figure, Goal, Samples, Unit, percentile};
use crate::job::{self, Noop};
use crate::workers::Workers;

/// How many keys there are, if there are several.
const KEYS: u64 = 1_000;

/// The number of jobs at once in the worker.
const CONCURRENCY: usize = 100;

/// Five at once of each key. Registered by hand: other drains have no limits in force.
#[job_params]
struct Keyed {
    key: u64,
}

impl Job for Keyed {
    const DEFAULTS: JobDefaults =
        JobDefaults::new("Keyed").queue("bench").limit_each(&["key"], Limit::new().running(5));

    fn limit_values(&self) -> Result<Value, Error> {
        Ok(json!([self.key()]))
    }
}

impl Execute for Keyed {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        job::count();
        Ok(())
    }
}

/// A hundred at once.
#[job_params]
struct Hot;

impl Job for Hot {
    const DEFAULTS: JobDefaults = JobDefaults::new("Hot").queue("bench").limit(Limit::new().running(100));
}

impl Execute for Hot {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        job::count();
        Ok(())
    }
}

/// One at a time of each key. Registered by hand, as `Keyed`.
#[job_params]
struct Single {
    key: u64,
    /// When it should start; 0 if it is to hold its key.
    at: u64,
}

impl Job for Single {
    const DEFAULTS: JobDefaults =
        JobDefaults::new("Single").queue("bench").limit_each(&["key"], Limit::new().running(1));

    fn limit_values(&self) -> Result<Value, Error> {
        Ok(json!([self.key()]))
    }
}

impl Execute for Single {
    type Output = ();

    async fn execute(&self, _: &JobContext) -> JobResult {
        if self.at() == 0 {
            job::count();
            let _open = GATE.acquire().await;
        } else {
            job::started(self.at());
        }
        Ok(())
    }
}

/// Where jobs that hold their keys wait.
static GATE: Semaphore = Semaphore::const_new(0);

/// How many keys are held, for a drain of 20,000; how many jobs of other keys there are, and how far apart.
const HELD: u64 = 10_000;
const OTHERS: u64 = 200;
const APART: Duration = Duration::from_millis(50);

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let (database, jobs) = (bench.server.make().await?, bench.arguments.jobs);
    let [mut plain, mut keyed, mut hot, mut open] = [(); 4].map(|()| Samples::default());
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("limits, repeat {}", repeat + 1));
        plain.push_rate(jobs, drain(bench, &database, (0..jobs).map(Noop::numbered)).await?);
        keyed.push_rate(jobs, drain(bench, &database, (0..jobs).map(|number| Keyed::new(number % KEYS))).await?);
        hot.push_rate(jobs, drain(bench, &database, (0..jobs).map(|_| Hot::new())).await?);
        open.push_millis(percentile(&mut start_beside_held(bench, &database).await?, 0.99));
    }
    let wakes = database.kind != Kind::Mysql;
    bench.server.remove(database).await?;
    let figure = |name: &str, samples| {
        let figure = Figure::new(name, Unit::JobsPerSecond, samples);
        figure.floor("ours, without a limit", plain.clone()).goal(Goal::RatioAtLeast(0.5))
    };
    Ok(vec![
        figure("drain, 1,000 keys, 5 at once of each", keyed),
        figure("drain, 100 at once of one key", hot),
        Figure::new("latency of new keys, 10,000 others held back, p99", Unit::Milliseconds, open)
            .goal(Goal::AtMost(if wakes { 50.0 } else { 1_000.0 })),
    ])
}

/// How late the jobs of new keys start while very many other keys have a job that runs, and another that waits for it.
async fn start_beside_held(bench: &Bench, database: &Database) -> Result<Vec<Duration>> {
    database.empty().await?;
    let (held, others) = (bench.arguments.scaled(HELD), bench.arguments.scaled(OTHERS));
    let all = [0, 1].into_iter().flat_map(|_| (0..held).map(|key| Single::new(key, 0)));
    jobs::schedule_all(&database.db, all).await?;
    database.settle().await?;
    job::expect(held);
    let slots = usize::try_from(held)? + CONCURRENCY;
    let mut workers =
        Workers::start_with(database, 1, &[("bench", slots)], |worker| worker.register::<Single>()).await?;
    workers.until(job::all_executed()).await?;
    job::expect(others);
    let schedule = async {
        for number in 0..others {
            jobs::schedule_all(&database.db, [Single::new(held + number, job::now())]).await?;
            tokio::time::sleep(APART).await;
        }
        Ok::<_, Error>(())
    };
    workers.until(schedule).await??;
    workers.until(job::all_executed()).await?;
    GATE.add_permits(CONCURRENCY);
    workers.until(database.until_none("SELECT count(*) FROM jobs_job WHERE status < 2")).await??;
    workers.stop().await?;
    GATE.forget_permits(CONCURRENCY);
    database.check_done(2 * held + others).await?;
    Ok(job::delays())
}

/// Schedules the jobs, and returns how long it takes to execute them.
async fn drain<J: Job>(bench: &Bench, database: &Database, jobs: impl Iterator<Item = J>) -> Result<Duration> {
    database.empty().await?;
    jobs::schedule_all(&database.db, jobs).await?;
    database.settle().await?;
    job::expect(bench.arguments.jobs);
    let serves_all = |worker: Worker| worker.register::<Keyed>().register::<Hot>();
    let mut workers =
        Workers::start_with(database, bench.arguments.workers, &[("bench", CONCURRENCY)], serves_all).await?;
    workers.until(job::all_executed()).await?;
    workers.until(database.until_written()).await??;
    let time = job::since_first();
    workers.stop().await?;
    crate::drain::check(database, bench.arguments.jobs).await?;
    Ok(time)
}
