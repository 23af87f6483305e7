//! Scheduling one job at a time, from one task and from sixteen.

use std::time::{Duration, Instant};

use jobs::sea_orm::DatabaseConnection;
use tokio::task::JoinSet;

use crate::Result;
use crate::bench::Bench;
use crate::database::Database;
use crate::figure::{Figure, Goal, Samples, Unit};
use crate::floor::Connection;
use crate::job::{self, Noop};
use crate::workers::Workers;

/// How many tasks schedule, and how many jobs in all for a drain of 20,000.
const TASKS: [(u64, u64); 2] = [(1, 3_000), (16, 16_000)];

pub(crate) async fn measure(bench: &Bench) -> Result<Vec<Figure>> {
    let database = bench.server.make().await?;
    let mut figures = Vec::new();
    for (tasks, jobs) in TASKS {
        let each = (bench.arguments.scaled(jobs) / tasks).max(1);
        let (mut raw, mut through_sea_orm) = (Samples::default(), Samples::default());
        let (mut asleep, mut awake) = (Samples::default(), Samples::default());
        for repeat in 0..bench.arguments.repeats() {
            bench.says(format_args!("schedule one, {tasks} tasks, repeat {}", repeat + 1));
            let connections = Connection::open_all(&database, usize::try_from(tasks)?).await?;
            raw.push_rate(tasks * each, insert(&database, connections, each).await?);
            let db = connect(&database, tasks).await?;
            let connections = (0..tasks).map(|_| Connection::SeaOrm(db.clone())).collect();
            through_sea_orm.push_rate(tasks * each, insert(&database, connections, each).await?);
            db.close().await?;
            asleep.push_rate(tasks * each, schedule(&database, tasks, each).await?);
            let fewer = each.div_ceil(4);
            awake.push_rate(tasks * fewer, schedule_beside_worker(bench, &database, tasks, fewer).await?);
        }
        let name = format!("schedule one, {tasks} task{}", if tasks == 1 { "" } else { "s" });
        let figure = Figure::new(&name, Unit::JobsPerSecond, asleep);
        figures.push(figure.clone().floor("raw INSERT", raw.clone()));
        figures.push(figure.floor("the same through sea-orm", through_sea_orm).goal(Goal::RatioAtLeast(0.8)));
        let name = format!("{name}, a worker executes them");
        figures.push(Figure::new(name, Unit::JobsPerSecond, awake).floor("raw INSERT, no worker", raw));
    }
    bench.server.remove(database).await?;
    Ok(figures)
}

/// The floor: each task on its own connection.
async fn insert(database: &Database, connections: Vec<Connection>, each: u64) -> Result<Duration> {
    database.empty().await?;
    database.settle().await?;
    let jobs = u64::try_from(connections.len())? * each;
    let begin = Instant::now();
    let mut running: JoinSet<_> = connections.into_iter().map(|connection| insert_each(connection, each)).collect();
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    let time = begin.elapsed();
    database.check_waiting(jobs).await?;
    Ok(time)
}

async fn insert_each(mut connection: Connection, jobs: u64) -> Result<()> {
    for number in 0..jobs {
        connection.insert(&Noop::numbered(number), None).await?;
    }
    Ok(())
}

/// Ours, while no worker runs.
async fn schedule(database: &Database, tasks: u64, each: u64) -> Result<Duration> {
    database.empty().await?;
    database.settle().await?;
    let time = schedule_from(database, tasks, each).await?;
    database.check_waiting(tasks * each).await?;
    Ok(time)
}

/// Ours, while a worker sleeps, is woken, and executes what comes.
async fn schedule_beside_worker(bench: &Bench, database: &Database, tasks: u64, each: u64) -> Result<Duration> {
    database.empty().await?;
    database.settle().await?;
    job::expect(tasks * each);
    let mut workers = Workers::start(database, 1, &[("bench", bench.arguments.concurrency())]).await?;
    workers.until(tokio::time::sleep(Duration::from_secs(1))).await?;
    let time = workers.until(schedule_from(database, tasks, each)).await??;
    workers.until(job::all_executed()).await?;
    workers.until(database.until_written()).await??;
    workers.stop().await?;
    database.check_done(tasks * each).await?;
    Ok(time)
}

async fn schedule_from(database: &Database, tasks: u64, each: u64) -> Result<Duration> {
    let db = connect(database, tasks).await?;
    let begin = Instant::now();
    let mut running: JoinSet<_> = (0..tasks).map(|_| schedule_each(db.clone(), each)).collect();
    while let Some(ended) = running.join_next().await {
        ended??;
    }
    let time = begin.elapsed();
    db.close().await?;
    Ok(time)
}

async fn connect(database: &Database, tasks: u64) -> Result<DatabaseConnection> {
    Ok(if tasks == 1 { jobs::connect(&database.url).await? } else { database.connect(tasks.try_into()?).await? })
}

async fn schedule_each(db: DatabaseConnection, jobs: u64) -> Result<()> {
    for number in 0..jobs {
        Noop::numbered(number).schedule(&db).await?;
    }
    Ok(())
}
