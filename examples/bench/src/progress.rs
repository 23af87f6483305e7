//! Jobs that report their progress a thousand times a second: the cost for the other jobs, and for the database.

use std::time::Duration;

use jobs::JobOptions;

use crate::Result;
use crate::bench::Bench;
use crate::database::{DONE_ONCE, Database};
use crate::drain::fill;
use crate::figure::{Figure, Goal, Samples, Unit, per_second};
use crate::job::{self, Busy};
use crate::statements;
use crate::workers::Workers;

/// How many jobs report.
const BUSY: usize = 100;

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let database = bench.server.make().await?;
    let (mut silent, mut reporting, mut sent) = (Samples::default(), Samples::default(), Samples::default());
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("drain beside progress, repeat {}", repeat + 1));
        silent.push(drain_beside(bench, &database, false).await?.rate);
        let reports = drain_beside(bench, &database, true).await?;
        reporting.push(reports.rate);
        sent.push(reports.statements);
    }
    bench.server.remove(database).await?;
    let rate = Figure::new("drain beside 100,000 set_progress/s", Unit::JobsPerSecond, reporting);
    let statements = Figure::new("100,000 set_progress/s of 100 jobs", Unit::StatementsPerSecond, sent);
    Ok(vec![
        rate.floor("ours beside silent jobs", silent).goal(Goal::RatioAtLeast(0.95)),
        statements.goal(Goal::AtMost(5.0)),
    ])
}

struct Beside {
    /// Jobs per second of the drain.
    rate: f64,
    /// Statements per second, after it.
    statements: f64,
}

/// Drains one queue while the jobs of another run.
async fn drain_beside(bench: &Bench, database: &Database, reports: bool) -> Result<Beside> {
    let jobs = bench.arguments.jobs;
    fill(database, jobs).await?;
    let busy = (0..BUSY).map(|_| Busy::new(reports).with_options(JobOptions::new().queue("busy")));
    jobs::schedule_all(&database.db, busy).await?;
    job::expect(jobs);
    let queues = [("busy", BUSY), ("bench", bench.arguments.concurrency())];
    let mut workers = Workers::start(database, 1, &queues).await?;
    workers.until(job::all_executed()).await?;
    let unwritten = "SELECT count(*) FROM jobs_job WHERE status = 1 AND queue = 'bench'";
    workers.until(database.until_none(unwritten)).await??;
    let rate = per_second(jobs, job::since_first());
    let window = Duration::from_secs(bench.arguments.seconds().min(5).into());
    let ((), sent) = workers.until(statements::during(tokio::time::sleep(window))).await?;
    job::stop_busy();
    workers.until(database.until_written()).await??;
    workers.stop().await?;
    let done = database.number(&format!("SELECT count(*) FROM jobs_job WHERE {DONE_ONCE} AND queue = 'bench'")).await?;
    if done != jobs || job::executed() != jobs {
        return Err(format!("of {jobs} jobs {done} finished once, and {} executions", job::executed()).into());
    }
    Ok(Beside { rate, statements: per_second(sent.number, window) })
}
