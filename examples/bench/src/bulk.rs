//! Scheduling many jobs in one call.

use std::time::Instant;

use crate::Result;
use crate::bench::Bench;
use crate::figure::{Figure, Goal, Samples, Unit};
use crate::floor::Connection;
use crate::job::Noop;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let (database, number) = (bench.server.make().await?, bench.arguments.jobs);
    let mut connection = Connection::open(&database).await?;
    let (mut raw, mut ours) = (Samples::default(), Samples::default());
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("schedule_all, repeat {}", repeat + 1));
        database.empty().await?;
        database.settle().await?;
        let jobs: Vec<_> = (0..number).map(Noop::numbered).collect();
        let begin = Instant::now();
        connection.insert_all(&jobs).await?;
        raw.push_rate(number, begin.elapsed());
        database.check_waiting(number).await?;

        database.empty().await?;
        database.settle().await?;
        let begin = Instant::now();
        jobs::schedule_all(&database.db, jobs).await?;
        ours.push_rate(number, begin.elapsed());
        database.check_waiting(number).await?;
    }
    drop(connection);
    bench.server.remove(database).await?;
    let figure = Figure::new("schedule_all", Unit::JobsPerSecond, ours);
    Ok(vec![figure.floor("raw multi-row INSERT", raw).goal(Goal::RatioAtLeast(0.8))])
}
