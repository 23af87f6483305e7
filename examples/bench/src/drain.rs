//! Drain: how fast waiting jobs are executed and finished.

use std::time::Duration;

use crate::Result;
use crate::arguments::Arguments;
use crate::bench::Bench;
use crate::database::{Database, Kind};
use crate::figure::{Figure, Goal, Samples, Unit};
use crate::floor::{self, Connection};
use crate::job::{self, Noop};
use crate::workers::Workers;

/// Connections and batch of the floor: the best of these counts.
const CONNECTIONS: [usize; 3] = [1, 2, 4];
const BATCHES: [i64; 3] = [100, 200, 500];

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let (arguments, database) = (&bench.arguments, bench.server.make().await?);
    let jobs = arguments.jobs;
    let concurrencies = arguments.concurrencies();
    let (mut raw, mut through_sea_orm) = (Samples::default(), Samples::default());
    let mut ours = vec![Samples::default(); concurrencies.len()];
    let (best, first) = best_floor(&database, jobs).await?;
    raw.push_rate(jobs, first);
    for repeat in 0..arguments.repeats() {
        bench.says(format_args!("drain, repeat {}", repeat + 1));
        if repeat > 0 {
            let connections = Connection::open_all(&database, best.connections).await?;
            raw.push_rate(jobs, drain_raw(&database, connections, best.batch, jobs).await?);
        }
        let connections = (0..best.connections).map(|_| Connection::SeaOrm(database.db.clone())).collect();
        through_sea_orm.push_rate(jobs, drain_raw(&database, connections, best.batch, jobs).await?);
        for (concurrency, samples) in concurrencies.iter().zip(&mut ours) {
            fill(&database, jobs).await?;
            let time = drain(&database, arguments, *concurrency, jobs).await;
            samples.push_rate(jobs, time.map_err(|error| format!("ours, concurrency {concurrency}: {error}"))?);
        }
    }
    let goal = if database.kind == Kind::Sqlite { 0.70 } else { 0.65 };
    let mut figures = Vec::new();
    for (concurrency, ours) in concurrencies.iter().zip(ours) {
        let name = format!("drain, concurrency {concurrency}");
        let figure = Figure::new(name, Unit::JobsPerSecond, ours);
        let floor = format!("raw, {} × {}", best.connections, best.batch);
        figures.push(figure.clone().floor(floor, raw.clone()).goal(Goal::RatioAtLeast(goal)));
        let figure = figure.floor("the same through sea-orm", through_sea_orm.clone());
        figures.push(if database.kind == Kind::Postgres { figure.goal(Goal::RatioAtLeast(0.8)) } else { figure });
    }
    bench.server.remove(database).await?;
    Ok(figures)
}

/// A way to run the floor.
struct Best {
    connections: usize,
    batch: i64,
}

/// The fastest way, and how long it took.
async fn best_floor(database: &Database, jobs: u64) -> Result<(Best, Duration)> {
    let mut best = (Best { connections: 1, batch: 100 }, Duration::MAX);
    for connections in CONNECTIONS {
        if connections > 1 && database.kind == Kind::Sqlite {
            // There is one writer at a time.
            break;
        }
        for batch in BATCHES {
            let open = Connection::open_all(database, connections).await?;
            let time = drain_raw(database, open, batch, jobs).await?;
            if time < best.1 {
                best = (Best { connections, batch }, time);
            }
        }
    }
    Ok(best)
}

async fn drain_raw(database: &Database, connections: Vec<Connection>, batch: i64, jobs: u64) -> Result<Duration> {
    fill(database, jobs).await?;
    let time = floor::drain(connections, batch).await?;
    database.check_done(jobs).await.map_err(|error| format!("the floor: {error}"))?;
    Ok(time)
}

/// Makes this many jobs wait, and no others.
pub(crate) async fn fill(database: &Database, jobs: u64) -> Result<()> {
    database.empty().await?;
    let jobs: Vec<_> = (0..jobs).map(Noop::numbered).collect();
    Connection::open(database).await?.insert_all(&jobs).await?;
    database.settle().await
}

/// Drains the queue with workers, and returns the time from the start of the first job until the last is written.
pub(crate) async fn drain(
    database: &Database,
    arguments: &Arguments,
    concurrency: usize,
    jobs: u64,
) -> Result<Duration> {
    let time = execute(database, arguments, concurrency, jobs).await?;
    check(database, jobs).await?;
    Ok(time)
}

/// Like `drain`, but other jobs may wait that no worker here knows. The caller has to check what was executed.
pub(crate) async fn execute(
    database: &Database,
    arguments: &Arguments,
    concurrency: usize,
    jobs: u64,
) -> Result<Duration> {
    job::expect(jobs);
    let mut workers = Workers::start(database, arguments.workers, &[("bench", concurrency)]).await?;
    workers.until(job::all_executed()).await?;
    workers.until(database.until_written()).await??;
    let time = job::since_first();
    workers.stop().await?;
    Ok(time)
}

/// Checks that each job was executed once, and finished once.
pub(crate) async fn check(database: &Database, jobs: u64) -> Result<()> {
    if job::executed() != jobs {
        return Err(format!("{} executions of {jobs} jobs", job::executed()).into());
    }
    database.check_done(jobs).await
}
