//! Drains of a queue in which jobs of many names or priorities wait, or have waited: compared with jobs of one name alone.

use std::time::Duration;

use crate::Result;
use crate::bench::Bench;
use crate::claims::rows;
use crate::database::{Database, Kind};
use crate::drain;
use crate::figure::{Figure, Goal, Samples, Unit};
use crate::job::NAMES;

/// How many priorities there are.
const PRIORITIES: u64 = 100;

/// How many jobs of each other name or priority wait beside the backlog.
const BESIDE: u64 = 10;

/// The jobs that wait in the queue.
#[derive(Debug, Clone, Copy)]
enum Mix {
    OneName,
    OneNameAmongNames,
    OneNameAmongPriorities,
    Names,
    Priorities,
    /// This many different names that no worker knows, before all others.
    BehindUnknownNames(u64),
}

const MIXES: [Mix; 6] = [
    Mix::OneNameAmongNames,
    Mix::OneNameAmongPriorities,
    Mix::Names,
    Mix::Priorities,
    Mix::BehindUnknownNames(100),
    Mix::BehindUnknownNames(10_000),
];

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let database = bench.server.make().await?;
    let (mut alone, mut mixed) = (Samples::default(), vec![Samples::default(); MIXES.len()]);
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("mixed queues, repeat {}", repeat + 1));
        let jobs = bench.arguments.jobs;
        alone.push_rate(jobs, fill_and_drain(bench, &database, Mix::OneName).await?);
        for (mix, samples) in MIXES.into_iter().zip(&mut mixed) {
            samples.push_rate(jobs, fill_and_drain(bench, &database, mix).await?);
        }
    }
    bench.server.remove(database).await?;
    let figure = |(mix, samples): (Mix, Samples)| {
        let figure = Figure::new(mix.name(), Unit::JobsPerSecond, samples).floor("ours, one name alone", alone.clone());
        figure.goal(Goal::RatioAtLeast(0.8))
    };
    Ok(MIXES.into_iter().zip(mixed).map(figure).collect())
}

async fn fill_and_drain(bench: &Bench, database: &Database, mix: Mix) -> Result<Duration> {
    let jobs = bench.arguments.jobs;
    database.empty().await?;
    let (names, one) = (u64::try_from(NAMES)?, "'Noop'");
    let other = format!("CONCAT('Other', n % {names})");
    let priority = format!("n % {PRIORITIES} - {}", PRIORITIES / 2);
    let (beside_names, beside_priorities) = (names * BESIDE, PRIORITIES * BESIDE);
    let executed = match mix {
        Mix::OneName => insert(database, jobs, one, "0").await?,
        Mix::OneNameAmongNames => {
            insert(database, beside_names, &other, "0").await?
                + insert(database, jobs.saturating_sub(beside_names), one, "0").await?
        }
        Mix::OneNameAmongPriorities => {
            insert(database, beside_priorities, one, &priority).await?
                + insert(database, jobs.saturating_sub(beside_priorities), one, "0").await?
        }
        Mix::Names => insert(database, jobs, &other, "0").await?,
        Mix::Priorities => insert(database, jobs, one, &priority).await?,
        Mix::BehindUnknownNames(unknown) => {
            insert(database, unknown, "CONCAT('Unknown', n)", "-60").await?;
            insert(database, jobs, one, "0").await?
        }
    };
    database.settle().await?;
    let time = drain::execute(database, &bench.arguments, bench.arguments.concurrency(), executed).await?;
    database.execute("DELETE FROM jobs_job WHERE name LIKE 'Unknown%'").await?;
    drain::check(database, executed).await?;
    Ok(time)
}

/// Inserts this many waiting jobs.
async fn insert(database: &Database, number: u64, name: &str, priority: &str) -> Result<u64> {
    let now = match database.kind {
        Kind::Postgres => "clock_timestamp()",
        Kind::Mysql => "UTC_TIMESTAMP(6)",
        Kind::Sqlite => "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    };
    let rows = rows(number);
    database
        .execute(&format!(
            "INSERT INTO jobs_job (name, queue, priority, max_attempts, budget, parameters, created_at, scheduled_at)
             SELECT {name}, 'bench', {priority}, 5, 5, '{{\"number\":0,\"text\":\"mixed\"}}', {now}, {now}
             FROM ({rows}) AS numbers"
        ))
        .await?;
    Ok(number)
}

impl Mix {
    fn name(self) -> String {
        match self {
            Self::OneName => "a backlog of one name".into(),
            Self::OneNameAmongNames => format!("a backlog of one name among {NAMES}"),
            Self::OneNameAmongPriorities => format!("a backlog of one name among {PRIORITIES} priorities"),
            Self::Names => format!("a backlog of {NAMES} names"),
            Self::Priorities => format!("a backlog of {PRIORITIES} priorities"),
            Self::BehindUnknownNames(number) => format!("a backlog behind {number} unknown names"),
        }
    }
}
