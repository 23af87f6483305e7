//! A job that reports its progress and logs messages, and a client that follows it through the database.
//!
//! ```sh
//! cargo run --example progress         # a bar, and above it the job's messages
//! cargo run --example progress | cat   # the messages go through the pipe, the bar stays on the terminal
//! ```
//!
//! The client knows only the job's handle: it could just as well be another process.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use jobs::prelude::*;
use jobs::sea_orm::DatabaseConnection;

/// Reads addresses into an address book.
#[derive(Job)]
#[job(max_attempts = 1)]
#[job_params]
struct ImportAddresses {
    lines: u64,
}

impl Execute for ImportAddresses {
    type Output = u64;

    async fn execute(&self, job: &JobContext) -> JobResult<u64> {
        job.message(format!("importing {} lines", self.lines()));
        let mut imported = 0;
        for line in 1..=self.lines() {
            tokio::time::sleep(Duration::from_millis(25)).await; // stands in for work
            if line % 30 == 0 {
                job.warn(format!("line {line} is not an address: skipped"));
            } else {
                imported += 1;
            }
            // As often as you like: it costs no statement, because changes are written twice a second.
            job.set_progress_of(line, self.lines());
        }
        job.message("sorting the address book");
        Ok(imported)
    }
}

#[tokio::main]
async fn main() -> Result<(), jobs::Error> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let job = ImportAddresses::new(100).schedule(&db).await?;
    tokio::try_join!(Worker::new(db.clone()).run_until_idle(), follow(job, &db))?;
    println!("{} addresses were imported", job.output(&db).await?);
    Ok(())
}

/// Shows a job's progress and messages until it has ended.
async fn follow<J: Job>(job: JobHandle<J>, db: &DatabaseConnection) -> Result<(), jobs::Error> {
    // The bar is drawn on stderr, and not at all if that is not a terminal.
    let style = ProgressStyle::with_template("[{bar:40}] {percent:>3} % {msg}").expect("the template is valid");
    let bar = ProgressBar::new(100).with_style(style);
    let mut heard = 0;
    loop {
        // The record before the messages, so that none is missed when the job ends.
        let record = job.record(db).await?;
        let messages = job.messages(db).await?;
        for message in &messages[heard..] {
            let line = format!("{} {:5} {}", message.time.format("%T%.3f"), message.level, message.text);
            bar.suspend(|| println!("{line}"));
        }
        heard = messages.len();
        if record.status.is_closed() {
            bar.finish_and_clear();
            return Ok(());
        }
        bar.set_message(record.status.to_string());
        bar.set_position(record.progress.into());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
