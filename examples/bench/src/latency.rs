//! How soon a job starts: after it was scheduled, on a worker that has nothing else to do, and after it is due.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jobs::sea_orm::sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::Result;
use crate::bench::Bench;
use crate::database::{Database, Kind};
use crate::figure::{Figure, Goal, Samples, Unit, percentile};
use crate::floor::{self, Connection};
use crate::job::{self, Noop, Timed};
use crate::workers::Workers;

/// How many jobs, for a drain of 20,000, and how far apart.
const JOBS: u64 = 200;
const APART: Duration = Duration::from_millis(50);

/// How long a worker is given to fall asleep.
const QUIET: Duration = Duration::from_secs(1);

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let (database, jobs) = (bench.server.make().await?, bench.arguments.scaled(JOBS));
    let (mut raw, mut ours, mut late) = (Percentiles::default(), Percentiles::default(), Samples::default());
    for repeat in 0..bench.arguments.repeats() {
        bench.says(format_args!("latency, repeat {}", repeat + 1));
        raw.push(insert_and_claim(&database, jobs).await?);
        ours.push(schedule_and_start(bench, &database, jobs).await?);
        late.push_millis(percentile(&mut delay_and_start(bench, &database, jobs).await?, 0.99));
    }
    let floor = if database.kind == Kind::Postgres { "raw INSERT + NOTIFY + claim" } else { "raw INSERT + claim" };
    bench.server.remove(database).await?;
    let figure = |name: &str, ours| Figure::new(name, Unit::Milliseconds, ours);
    Ok(vec![
        figure("latency, p50", ours.p50).floor(floor, raw.p50).goal(Goal::RatioAtMost(1.5)),
        figure("latency, p99", ours.p99).floor(floor, raw.p99).goal(Goal::RatioAtMost(1.5)),
        figure("lateness of delayed jobs, p99", late).goal(Goal::AtMost(100.0)),
    ])
}

#[derive(Default)]
struct Percentiles {
    p50: Samples,
    p99: Samples,
}

impl Percentiles {
    fn push(&mut self, mut times: Vec<Duration>) {
        self.p50.push_millis(percentile(&mut times, 0.50));
        self.p99.push_millis(percentile(&mut times, 0.99));
    }
}

/// Ours: one job at a time, to a worker that sleeps.
async fn schedule_and_start(bench: &Bench, database: &Database, jobs: u64) -> Result<Vec<Duration>> {
    let schedule = async {
        for _ in 0..jobs {
            Timed::now().schedule(&database.db).await?;
            tokio::time::sleep(APART).await;
        }
        Ok(())
    };
    executed_beside(bench, database, jobs, schedule).await
}

/// Ours: jobs that are due 200 to 1,200 milliseconds later.
async fn delay_and_start(bench: &Bench, database: &Database, jobs: u64) -> Result<Vec<Duration>> {
    let schedule = async {
        for number in 0..jobs {
            let delay = Duration::from_millis(200 + number * 1_000 / jobs);
            Timed::after(delay).schedule(&database.db).delay(delay).await?;
        }
        Ok(())
    };
    executed_beside(bench, database, jobs, schedule).await
}

/// How late each job was that is scheduled while an idle worker runs.
async fn executed_beside(
    bench: &Bench,
    database: &Database,
    jobs: u64,
    schedule: impl Future<Output = Result<()>>,
) -> Result<Vec<Duration>> {
    database.empty().await?;
    database.settle().await?;
    job::expect(jobs);
    let mut workers = Workers::start(database, 1, &[("bench", bench.arguments.concurrency())]).await?;
    workers.until(tokio::time::sleep(QUIET)).await?;
    workers.until(schedule).await??;
    workers.until(job::all_executed()).await?;
    workers.until(database.until_written()).await??;
    workers.stop().await?;
    database.check_done(jobs).await?;
    Ok(job::delays())
}

/// The floor: one task inserts, another is woken and claims.
async fn insert_and_claim(database: &Database, jobs: u64) -> Result<Vec<Duration>> {
    database.empty().await?;
    database.settle().await?;
    let mut insert = Connection::open(database).await?;
    let wake = Wake::listen(database).await?;
    let in_process = wake.in_process.clone();
    let (send, mut claimed) = mpsc::unbounded_channel();
    let floor = tokio::spawn(claim_when_woken(Connection::open(database).await?, wake, send));
    let mut times = Vec::new();
    let channel = (database.kind == Kind::Postgres).then(|| floor::channel(database));
    for number in 0..jobs {
        let begin = Instant::now();
        insert.insert(&Noop::numbered(number), channel.as_deref()).await?;
        in_process.notify_one();
        times.push(next(&mut claimed).await?.duration_since(begin));
        tokio::time::sleep(APART).await;
    }
    database.until_written().await?;
    floor.abort();
    database.check_done(jobs).await?;
    Ok(times)
}

async fn claim_when_woken(mut connection: Connection, mut wake: Wake, claimed: UnboundedSender<Instant>) -> Result<()> {
    loop {
        wake.woken().await?;
        let mut jobs = connection.claim(100).await?;
        claimed.send(Instant::now())?;
        connection.finish(&mut jobs).await?;
    }
}

async fn next(claimed: &mut UnboundedReceiver<Instant>) -> Result<Instant> {
    let claimed = tokio::time::timeout(Duration::from_secs(10), claimed.recv()).await;
    claimed?.ok_or_else(|| "the floor does not claim".into())
}

/// How the floor learns that it should claim: from the database if it notifies, else from this process.
struct Wake {
    database: Option<PgListener>,
    in_process: Arc<Notify>,
}

impl Wake {
    async fn listen(database: &Database) -> Result<Self> {
        let mut listener = None;
        if database.kind == Kind::Postgres {
            let mut postgres = PgListener::connect(&database.url).await?;
            postgres.listen(&floor::channel(database)).await?;
            listener = Some(postgres);
        }
        Ok(Self { database: listener, in_process: Arc::default() })
    }

    async fn woken(&mut self) -> Result<()> {
        match &mut self.database {
            Some(listener) => drop(listener.recv().await?),
            None => self.in_process.notified().await,
        }
        Ok(())
    }
}
