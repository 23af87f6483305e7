//! Drains by many workers, compared with one: more workers should drain faster, and never slower.

use std::time::Duration;

use crate::Result;
use crate::bench::Bench;
use crate::database::{Database, Kind};
use crate::drain::fill;
use crate::figure::{Figure, Goal, Samples, Unit};
use crate::job;
use crate::processes::Processes;
use crate::workers::{PATIENCE, Workers};

/// The workers that drain.
#[derive(Debug, Clone, Copy)]
enum Crew {
    Workers(u16),
    Processes(u16),
}

const ONE: Crew = Crew::Workers(1);
const CREWS: [Crew; 3] = [Crew::Workers(8), Crew::Workers(32), Crew::Processes(8)];

/// How many jobs each runs at once.
const CONCURRENCY: usize = 10;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let database = bench.server.make().await?;
    let jobs = bench.arguments.scaled(JOBS);
    let (mut one, mut many) = (Samples::default(), vec![Samples::default(); CREWS.len()]);
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("drains by many workers, repeat {}", repeat + 1));
        one.push_rate(jobs, drain(&database, ONE, jobs).await?);
        for (crew, samples) in CREWS.into_iter().zip(&mut many) {
            samples.push_rate(jobs, drain(&database, crew, jobs).await?);
        }
    }
    let goal = match database.kind {
        Kind::Postgres => Some(0.9),
        Kind::Mysql => Some(0.8),
        // There is one writer at a time.
        Kind::Sqlite => None,
    };
    bench.server.remove(database).await?;
    let figure = |(crew, samples): (Crew, Samples)| {
        let figure = Figure::new(crew.name(), Unit::JobsPerSecond, samples).floor("ours, 1 worker", one.clone());
        match goal {
            Some(goal) => figure.goal(Goal::RatioAtLeast(goal)),
            None => figure,
        }
    };
    Ok(CREWS.into_iter().zip(many).map(figure).collect())
}

/// How many jobs there are, for a drain of 20,000: a short one is over before all workers have begun.
const JOBS: u64 = 80_000;

/// The time from the start of the first job to the end of the last, by the database's clock.
async fn drain(database: &Database, crew: Crew, jobs: u64) -> Result<Duration> {
    fill(database, jobs).await?;
    job::expect(jobs);
    match crew {
        Crew::Workers(number) => {
            let mut workers = Workers::start(database, number, &[("bench", CONCURRENCY)]).await?;
            workers.until(until_drained(database)).await??;
            workers.stop().await?;
        }
        Crew::Processes(number) => {
            let processes = Processes::start(database, number, CONCURRENCY).await?;
            let drained = tokio::time::timeout(PATIENCE, until_drained(database)).await;
            drained.map_err(|_| format!("not drained within {PATIENCE:?}"))??;
            processes.stop().await?;
        }
    }
    database.check_done(jobs).await?;
    let time = match database.kind {
        Kind::Postgres => "CAST(EXTRACT(EPOCH FROM max(finished_at) - min(started_at)) * 1000000 AS BIGINT)",
        Kind::Mysql => "TIMESTAMPDIFF(MICROSECOND, min(started_at), max(finished_at))",
        Kind::Sqlite => "CAST((julianday(max(finished_at)) - julianday(min(started_at))) * 86400000000 AS INTEGER)",
    };
    Ok(Duration::from_micros(database.number(&format!("SELECT {time} FROM jobs_job")).await?))
}

/// Polls the last job only, until it has ended.
async fn until_drained(database: &Database) -> Result<()> {
    let last = database.number("SELECT max(id) FROM jobs_job").await?;
    database.until_none(&format!("SELECT count(*) FROM jobs_job WHERE id = {last} AND status < 2")).await?;
    database.until_none("SELECT count(*) FROM jobs_job WHERE status IN (0, 1)").await
}

impl Crew {
    fn name(self) -> String {
        match self {
            Self::Workers(number) => format!("drain, {number} workers"),
            Self::Processes(number) => format!("drain, {number} processes"),
        }
    }
}
