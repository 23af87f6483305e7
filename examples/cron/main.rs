//! Recurring jobs: scheduled by their definition, and by schedules that are created at run time.
//!
//! ```sh
//! cargo run --example cron
//! ```
//!
//! It shows when they fire next, lets one fire every second for a while, makes up for missed times, and ends.

use std::time::Duration;

use jobs::cron::{self, Cron, Missed};
use jobs::prelude::*;
use jobs::{BoxError, CancellationToken};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The destination of the reports: `main` counts them.
type Reports = UnboundedSender<String>;

/// Deletes old data every night, Paris time. Workers create this schedule by themselves.
#[job_fn(cron = "0 3 * * *", timezone = "Europe/Paris", missed = skip)]
fn clean_up(job: &JobContext, #[param(default = 30)] days: u32) {
    job.message(format!("deleting what is older than {days} days"));
}

/// Reports to a customer everything up to the time for which the job was scheduled, whenever it is executed.
#[job_fn(state = Reports)]
fn report(job: &JobContext, customer: String) -> JobResult {
    let until = job.nominal_time().ok_or_else(|| JobError::fail("only a schedule has a nominal time"))?;
    job.state::<Reports>().send(format!("{customer}, up to {}", until.format("%T")))?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let (reports, mut sent) = unbounded_channel();

    // Created at run time: one per customer.
    cron::add(&db, "report for ada", Cron::new("* * * * * *"), Report::new("ada")).await?;
    let mondays = Cron::new("30 8 * * MON").timezone("Asia/Tokyo").missed(Missed::All(4));
    cron::add(&db, "report for grace", mondays, Report::new("grace")).await?;

    // Two workers, and each time fires once.
    let stop = CancellationToken::new();
    let worker = || Worker::new(db.clone()).state(reports.clone()).stop_on(stop.clone()).run();
    let workers = [tokio::spawn(worker()), tokio::spawn(worker())];
    println!("{}", next(&mut sent).await?);
    println!("{}", next(&mut sent).await?);
    show(&db).await?;

    cron::pause(&db, "report for ada").await?;
    stop.cancel();
    for worker in workers {
        worker.await??;
    }

    // Three Mondays pass while no worker is up. The next worker makes up for them.
    jobs::testing::advance(&db, Duration::from_hours(3 * 7 * 24)).await?;
    Worker::new(db.clone()).state(reports).run_until_idle().await?;
    let history = cron::history(&db, "report for grace").await?;
    println!("missed and made up for: {} reports for grace", history.len());
    Ok(())
}

async fn next(sent: &mut UnboundedReceiver<String>) -> Result<String, BoxError> {
    Ok(sent.recv().await.ok_or("the workers have stopped")?)
}

async fn show(db: &jobs::sea_orm::DatabaseConnection) -> Result<(), jobs::Error> {
    for schedule in cron::list(db).await? {
        let next = schedule.next_at.map_or_else(|| "never".to_owned(), |next| next.format("%F %T UTC").to_string());
        println!("{}: {}, {}; next {next}", schedule.name, schedule.description, schedule.timezone);
    }
    Ok(())
}
