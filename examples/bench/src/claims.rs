//! Claims beside a large backlog: are the first jobs slowed down by those that wait behind them, or are long done?

use std::time::Duration;

use jobs::JobOptions;

use crate::Result;
use crate::bench::Bench;
use crate::database::{DONE_ONCE, Database, Kind};
use crate::figure::{Figure, Goal, Samples, Unit, percentile};
use crate::job::{self, Busy, Noop, Timed};
use crate::statements;
use crate::workers::Workers;

/// How many jobs are claimed and executed in front of the backlog, for a drain of 20,000; and their priority.
const JOBS: u64 = 5_000;
const URGENT: i16 = -1;

/// Jobs of this priority come before them, and occupy every slot until the worker has completed its start-up work.
const PLUG: i16 = -2;
const START: Duration = Duration::from_secs(1);

/// The size of the backlog that the others are compared with.
const FEW: u64 = 1_000;

/// How often an idle worker is woken for nothing, and how far apart.
const WAKES: u32 = 50;
const APART: Duration = Duration::from_millis(20);
const TOMORROW: Duration = Duration::from_hours(24);

/// The other rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backlog {
    /// Jobs that wait, in 10 queues.
    Waiting(u64),
    /// Jobs that are done.
    Closed(u64),
    /// Jobs due tomorrow, of 3 priorities.
    Tomorrow(u64),
    /// Due jobs, first by priority, of a name that no worker here knows.
    Unknown(u64),
}

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let most = bench.arguments.backlog;
    let backlogs = [
        Backlog::Waiting(most / 10),
        Backlog::Waiting(most),
        Backlog::Closed(most),
        Backlog::Tomorrow(most),
        Backlog::Unknown(most / 5),
    ];
    let few = bench.server.make().await?;
    add(&few, Backlog::Waiting(FEW)).await?;
    let mut figures = Vec::new();
    for backlog in backlogs {
        bench.says(format_args!("claims beside {}", backlog.name()));
        let database = bench.server.make().await?;
        add(&database, Backlog::Waiting(FEW)).await?;
        add(&database, backlog).await?;
        let (mut floor, mut ours) = (Samples::default(), Samples::default());
        for _ in 0..bench.arguments.repeats() {
            let urgent = bench.arguments.scaled(JOBS);
            floor.push_micros_each(urgent, execute_urgent(bench, &few, urgent).await?);
            ours.push_micros_each(urgent, execute_urgent(bench, &database, urgent).await?);
        }
        let figure = Figure::new(format!("a job in front of {}", backlog.name()), Unit::Microseconds, ours);
        figures.push(figure.floor("in front of 1,000 waiting", floor).goal(Goal::RatioAtMost(1.3)));
        if matches!(backlog, Backlog::Tomorrow(_)) {
            figures.push(idle_claim(bench, &database, backlog).await?);
        }
        bench.server.remove(database).await?;
    }
    bench.server.remove(few).await?;
    Ok(figures)
}

/// Executes jobs that come before the backlog, and leaves the backlog as it was.
async fn execute_urgent(bench: &Bench, database: &Database, urgent: u64) -> Result<Duration> {
    let slots = bench.arguments.concurrency();
    let plugs = (0..slots).map(|_| Busy::new(false).with_options(JobOptions::new().priority(PLUG)));
    jobs::schedule_all(&database.db, plugs).await?;
    let jobs = (0..urgent).map(|number| Noop::numbered(number).with_options(JobOptions::new().priority(URGENT)));
    jobs::schedule_all(&database.db, jobs).await?;
    database.settle().await?;
    job::expect(urgent);
    let mut workers = Workers::start(database, 1, &[("bench", slots)]).await?;
    workers.until(tokio::time::sleep(START)).await?;
    job::stop_busy();
    workers.until(job::all_executed()).await?;
    let waiting = format!("SELECT count(*) FROM jobs_job WHERE status = 0 AND queue = 'bench' AND priority = {URGENT}");
    workers.until(database.until_none(&waiting)).await??;
    let running = format!("SELECT count(*) FROM jobs_job WHERE status = 1 AND priority = {URGENT}");
    workers.until(database.until_none(&running)).await??;
    let time = job::since_first();
    workers.stop().await?;
    let done = format!("SELECT count(*) FROM jobs_job WHERE {DONE_ONCE} AND priority = {URGENT}");
    let done = database.number(&done).await?;
    if done != urgent {
        return Err(format!("of {urgent} jobs in front of a backlog {done} finished once").into());
    }
    database.execute(&format!("DELETE FROM jobs_job WHERE priority IN ({PLUG}, {URGENT})")).await?;
    database.execute(RESTORE).await?;
    Ok(time)
}

/// The worker continued with the backlog until it was stopped.
const RESTORE: &str = "
UPDATE jobs_job
SET version = 0, attempt = 0, status = 0, worker_id = NULL, started_at = NULL, finished_at = NULL, results = NULL, progress = 0
WHERE status = 4 AND name = 'Noop'";

/// How long a worker takes to see that nothing is due.
async fn idle_claim(bench: &Bench, database: &Database, backlog: Backlog) -> Result<Figure> {
    database.execute("DELETE FROM jobs_job WHERE name = 'Noop'").await?;
    database.settle().await?;
    let mut looks = Samples::default();
    for _ in 0..bench.arguments.repeats() {
        let mut workers = Workers::start(database, 1, &[("bench", bench.arguments.concurrency())]).await?;
        let (woken, mut sent) = workers.until(statements::during(wake_for_nothing(database))).await?;
        woken?;
        workers.stop().await?;
        looks.push_millis(percentile(&mut sent.looks, 0.5));
    }
    let name = format!("idle claim beside {}, p50", backlog.name());
    Ok(Figure::new(name, Unit::Milliseconds, looks).goal(Goal::AtMost(1.0)))
}

/// Each job that is scheduled makes the worker poll, and none is due.
async fn wake_for_nothing(database: &Database) -> Result<()> {
    for _ in 0..WAKES {
        Timed::now().schedule(&database.db).delay(TOMORROW).await?;
        tokio::time::sleep(APART).await;
    }
    Ok(())
}

/// Inserts the backlog.
async fn add(database: &Database, backlog: Backlog) -> Result<()> {
    let (now, tomorrow) = match database.kind {
        Kind::Postgres => ("statement_timestamp()", "statement_timestamp() + interval '1 day'"),
        Kind::Mysql => ("UTC_TIMESTAMP(6)", "UTC_TIMESTAMP(6) + INTERVAL 1 DAY"),
        Kind::Sqlite => ("strftime('%Y-%m-%dT%H:%M:%fZ', 'now')", "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+1 day')"),
    };
    let (number, name, queue, priority, due) = match backlog {
        Backlog::Waiting(number) => (number, "Noop", QUEUES, "0", now),
        Backlog::Closed(number) => (number, "Closed", QUEUES, "0", now),
        Backlog::Tomorrow(number) => (number, "Timed", "'bench'", "5 * (n % 3) - 5", tomorrow),
        Backlog::Unknown(number) => (number, "Unknown", "'bench'", "-50", now),
    };
    let (status, ended) = if matches!(backlog, Backlog::Closed(_)) { (4, now) } else { (0, "NULL") };
    let rows = rows(number);
    database
        .execute(&format!(
            "INSERT INTO jobs_job (name, queue, priority, status, max_attempts, budget, parameters, created_at, scheduled_at,
                                   started_at, finished_at)
             SELECT '{name}', {queue}, {priority}, {status}, 1, 1, '{{\"number\":0,\"text\":\"backlog\"}}', {now}, {due},
                    {ended}, {ended}
             FROM ({rows}) AS numbers"
        ))
        .await?;
    database.settle().await
}

/// Ten queues, of which the worker serves one.
const QUEUES: &str = "CASE n % 10 WHEN 0 THEN 'bench' ELSE CONCAT('bench-', n % 10) END";

/// A query that returns the numbers from 0 in a column `n`, on every database, by their digits.
pub(crate) fn rows(number: u64) -> String {
    let digits = number.saturating_sub(1).max(1).ilog10() + 1;
    let digit = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 \
                 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)";
    let sum: Vec<_> = (0..digits).map(|place| format!("d{place}.d * {}", 10_u64.pow(place))).collect();
    let tables: Vec<_> = (0..digits).map(|place| format!("{digit} AS d{place}")).collect();
    let (sum, tables) = (sum.join(" + "), tables.join(" CROSS JOIN "));
    format!("SELECT {sum} AS n FROM {tables} WHERE {sum} < {number}")
}

impl Backlog {
    fn name(self) -> String {
        match self {
            Self::Waiting(number) => format!("{number} waiting"),
            Self::Closed(number) => format!("{number} closed"),
            Self::Tomorrow(number) => format!("{number} due tomorrow"),
            Self::Unknown(number) => format!("{number} of an unknown name"),
        }
    }
}
