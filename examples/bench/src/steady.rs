//! Half the load that a worker can bear, for a while: do jobs start soon, and does nothing pile up?

use std::time::{Duration, Instant};

use crate::Result;
use crate::bench::Bench;
use crate::database::Database;
use crate::drain::{drain, fill};
use crate::figure::{Figure, Goal, Samples, Unit, per_second, percentile};
use crate::job::{self, Timed};
use crate::workers::Workers;

/// How often jobs are scheduled.
const EVERY: Duration = Duration::from_millis(10);

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let (arguments, database) = (&bench.arguments, bench.server.make().await?);
    fill(&database, arguments.jobs).await?;
    let time = drain(&database, arguments, arguments.concurrency(), arguments.jobs).await?;
    let rate = per_second(arguments.jobs, time) / 2.0;
    let seconds = arguments.seconds();
    bench.says(format_args!("steady load of {rate:.0} jobs/s for {seconds} s"));
    database.empty().await?;
    database.settle().await?;

    job::expect(u64::MAX);
    let mut workers = Workers::start(&database, arguments.workers, &[("bench", arguments.concurrency())]).await?;
    let load = workers.until(Load::put(&database, rate, Duration::from_secs(seconds.into()))).await??;
    workers.until(job::at_least(load.scheduled)).await?;
    workers.until(database.until_written()).await??;
    workers.stop().await?;
    database.check_done(load.scheduled).await?;
    bench.server.remove(database).await?;

    let mut delays = job::delays();
    let millis = |part, delays: &mut [Duration]| Samples::from(percentile(delays, part).as_secs_f64() * 1_000.0);
    let name = format!("steady load, {rate:.0} jobs/s");
    Ok(vec![
        Figure::new(format!("{name}, latency p50"), Unit::Milliseconds, millis(0.50, &mut delays)),
        Figure::new(format!("{name}, latency p99"), Unit::Milliseconds, millis(0.99, &mut delays))
            .goal(Goal::AtMost(50.0)),
        Figure::new(format!("{name}, growth of the backlog"), Unit::Percent, load.growth().into())
            .goal(Goal::AtMost(1.0)),
    ])
}

/// The jobs that were scheduled, and the backlog that built up.
#[derive(Default)]
struct Load {
    scheduled: u64,
    /// At each moment: how many had been scheduled, and how many of these had not started.
    backlog: Vec<(u64, u64)>,
}

impl Load {
    /// Schedules at this rate for this long.
    async fn put(database: &Database, rate: f64, time: Duration) -> Result<Self> {
        let mut load = Self::default();
        let begin = Instant::now();
        while begin.elapsed() < time {
            let jobs = whole(rate * begin.elapsed().as_secs_f64()).saturating_sub(load.scheduled);
            jobs::schedule_all(&database.db, (0..jobs).map(|_| Timed::now())).await?;
            load.scheduled += jobs;
            load.backlog.push((load.scheduled, load.scheduled.saturating_sub(job::executed())));
            tokio::time::sleep(EVERY).await;
        }
        Ok(load)
    }

    /// By how much the backlog grew in the second half, in percent of what was scheduled in it.
    fn growth(&self) -> f64 {
        let moments = self.backlog.len();
        let (tenth, middle) = (moments.div_ceil(10), moments / 2);
        let (before, after) = (&self.backlog[middle..(middle + tenth).min(moments)], &self.backlog[moments - tenth..]);
        100.0 * (mean(after, |moment| moment.1) - mean(before, |moment| moment.1))
            / (mean(after, |moment| moment.0) - mean(before, |moment| moment.0))
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of jobs are far below 2^52")]
fn mean(moments: &[(u64, u64)], number: fn(&(u64, u64)) -> u64) -> f64 {
    moments.iter().map(number).sum::<u64>() as f64 / moments.len() as f64
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of jobs")]
fn whole(jobs: f64) -> u64 {
    jobs as u64
}
