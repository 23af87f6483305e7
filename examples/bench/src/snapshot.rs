//! A drain while another session holds a snapshot open: what the drain leaves behind can't be cleared away.

use std::time::Duration;

use jobs::sea_orm::{ConnectionTrait as _, IsolationLevel, Statement, TransactionTrait as _};

use crate::Result;
use crate::bench::Bench;
use crate::database::{Database, Kind};
use crate::drain::{drain, fill};
use crate::figure::{Figure, Goal, Samples, Unit};

/// Three drains' worth, so that much is left behind.
const JOBS: u64 = 60_000;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let (database, jobs) = (bench.server.make().await?, bench.arguments.scaled(JOBS));
    let concurrency = bench.arguments.concurrency();
    let (mut without, mut beside) = (Samples::default(), Samples::default());
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("drain beside a snapshot, repeat {}", repeat + 1));
        fill(&database, jobs).await?;
        without.push_rate(jobs, drain(&database, &bench.arguments, concurrency, jobs).await?);
        fill(&database, jobs).await?;
        beside.push_rate(jobs, drain_beside_snapshot(bench, &database, jobs).await?);
    }
    bench.server.remove(database).await?;
    let figure = Figure::new("drain beside an open snapshot", Unit::JobsPerSecond, beside);
    Ok(vec![figure.floor("ours without it", without).goal(Goal::RatioAtLeast(0.7))])
}

async fn drain_beside_snapshot(bench: &Bench, database: &Database, jobs: u64) -> Result<Duration> {
    // SQLite's readers always read from a snapshot.
    let level = (database.kind != Kind::Sqlite).then_some(IsolationLevel::RepeatableRead);
    let snapshot = database.db.begin_with_config(level, None).await?;
    let read = Statement::from_string(database.db.get_database_backend(), "SELECT count(*) FROM jobs_job");
    snapshot.query_one_raw(read).await?;
    let time = drain(database, &bench.arguments, bench.arguments.concurrency(), jobs).await?;
    snapshot.rollback().await?;
    Ok(time)
}
