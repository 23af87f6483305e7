//! A job that is canceled while it runs, and cleans up.
//!
//! ```sh
//! cargo run --example cancel
//! ```

use std::path::PathBuf;
use std::time::Duration;

use jobs::prelude::*;
use jobs::sea_orm::DatabaseConnection;

/// Draws the pictures of a film into a folder.
#[derive(Job)]
#[job(queue = "films", max_attempts = 1)]
#[job_params]
struct RenderFilm {
    folder: PathBuf,
    pictures: u64,
}

impl Execute for RenderFilm {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        tokio::fs::create_dir_all(self.folder()).await?;
        for picture in 1..=self.pictures() {
            tokio::select! {
                // Stands in for work that may be dropped at any `await`.
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
                // Also on a timeout, and when the worker shuts down. There are 5 seconds to clean up (`Worker::cancel_grace`).
                _ = job.stop_requested() => {
                    tokio::fs::remove_dir_all(self.folder()).await?;
                    job.message("the folder is removed");
                    // Any plain error will do: the job's next status depends on why it was stopped.
                    Err("stopped")?;
                }
            }
            tokio::fs::write(self.folder().join(format!("{picture}.txt")), "a picture").await?;
            job.set_progress_of(picture, self.pictures());
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), jobs::BoxError> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let temporary = tempfile::tempdir()?;
    let folder = temporary.path().join("film");
    let film = || RenderFilm::new(&folder, 3000);

    // A waiting job is canceled at once, and never starts.
    let waiting = film().schedule(&db).delay(Duration::from_hours(1)).await?;
    println!("job {waiting} waits: canceling it is {:?}", waiting.cancel(&db).await?);

    let running = film().schedule(&db).await?;
    tokio::try_join!(Worker::new(db.clone()).run_until_idle(), cancel(running, &db))?;

    show(waiting, &db).await?;
    show(running, &db).await?;
    println!("the folder {}", if folder.exists() { "is still there" } else { "is gone" });
    Ok(())
}

/// Cancels a job once it has made progress, and waits until it has ended.
async fn cancel(job: JobHandle<RenderFilm>, db: &DatabaseConnection) -> Result<(), jobs::Error> {
    loop {
        let record = job.record(db).await?;
        if record.progress > 0 || record.status.is_closed() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("job {job} runs: canceling it is {:?}", job.cancel(db).await?);
    match job.wait(db).await {
        // A job that succeeds before it notices has succeeded.
        Ok(()) | Err(jobs::Error::JobCanceled { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Prints what the database says about a job afterwards.
async fn show(job: JobHandle<RenderFilm>, db: &DatabaseConnection) -> Result<(), jobs::Error> {
    let record = job.record(db).await?;
    println!("job {job} is {} at {} %", record.status, record.progress);
    if let Some(time) = record.cancel_requested_at {
        println!("  it was asked to cancel at {}", time.format("%T%.3f"));
    }
    for attempt in job.failed_attempts(db).await? {
        println!("  attempt {} ended: {}, {}", attempt.attempt, attempt.how, attempt.error.unwrap_or_default());
    }
    for message in job.messages(db).await? {
        println!("  {} {}", message.level, message.text);
    }
    Ok(())
}
