//! Drains of jobs whose number is limited, compared with jobs without a limit.

use std::time::Duration;

use jobs::prelude::*;
use jobs::{Error, JobDefaults, Limit};
use serde_json::{Value, json};

use crate::Result;
use crate::bench::Bench;
use crate::database::Database;
use crate::figure::{Figure, Goal, Samples, Unit};
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

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let (database, jobs) = (bench.server.make().await?, bench.arguments.jobs);
    let [mut plain, mut keyed, mut hot] = [(); 3].map(|()| Samples::default());
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("limits, repeat {}", repeat + 1));
        plain.push_rate(jobs, drain(bench, &database, (0..jobs).map(Noop::numbered)).await?);
        keyed.push_rate(jobs, drain(bench, &database, (0..jobs).map(|number| Keyed::new(number % KEYS))).await?);
        hot.push_rate(jobs, drain(bench, &database, (0..jobs).map(|_| Hot::new())).await?);
    }
    bench.server.remove(database).await?;
    let figure = |name: &str, samples| {
        let figure = Figure::new(name, Unit::JobsPerSecond, samples);
        figure.floor("ours, without a limit", plain.clone()).goal(Goal::RatioAtLeast(0.5))
    };
    Ok(vec![figure("drain, 1,000 keys, 5 at once of each", keyed), figure("drain, 100 at once of one key", hot)])
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
