//! A job that is canceled while it runs, and tidies up what it has begun.
//!
//! ```sh
//! cargo run --example cancel
//! ```

use std::path::{Path, PathBuf};
use std::time::Duration;

use jobs::prelude::*;
use jobs::sea_orm::DatabaseConnection;

/// Draws the pictures of a film into a folder that the caller names.
#[derive(Job)]
#[job(queue = "films")]
#[job_params]
struct RenderFilm {
    folder: PathBuf,
    pictures: u64,
}

impl Execute for RenderFilm {
    type Output = ();

    async fn execute(&self, job: &JobContext) -> JobResult {
        let folder = self.folder();
        tokio::fs::create_dir_all(folder).await?;
        tokio::select! {
            rendered = self.render(folder, job) => rendered,
            // Not only where the job is canceled: also at its time-out, and when the worker shuts down. The future of `render` is
            // dropped at its `await`, and there is time to tidy up (`Worker::cancel_grace`, 5 seconds).
            () = job.canceled() => {
                tokio::fs::remove_dir_all(folder).await?;
                job.message("the folder is removed");
                // Any error ends an attempt that was asked to stop; what becomes of the job depends on why it was asked.
                Err("stopped")?
            }
        }
    }
}

impl RenderFilm {
    async fn render(&self, folder: &Path, job: &JobContext) -> JobResult {
        for picture in 1..=self.pictures() {
            tokio::time::sleep(Duration::from_millis(20)).await; // in place of work
            tokio::fs::write(folder.join(format!("{picture}.txt")), "a picture").await?;
            job.set_progress_of(picture, self.pictures());
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), jobs::BoxError> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let folder = tempfile::tempdir()?.keep().join("film");
    let film = || RenderFilm::new(&folder, 3000);

    // One that waits is canceled at once, and never begins.
    let waiting = film().schedule(&db).delay(Duration::from_hours(1)).await?;
    println!("job {waiting} waits: canceling it is {:?}", waiting.cancel(&db).await?);

    let running = film().schedule(&db).await?;
    let (worked, canceled) = tokio::join!(Worker::new(db.clone()).run_until_idle(), cancel(running, &db));
    worked?;
    canceled?;

    show(waiting, &db).await?;
    show(running, &db).await?;
    println!("the folder {}", if folder.exists() { "is still there" } else { "is gone" });
    Ok(())
}

/// Cancels a job as soon as it has got somewhere, and waits until it has ended.
async fn cancel(job: JobHandle<RenderFilm>, db: &DatabaseConnection) -> Result<(), jobs::Error> {
    while job.progress(db).await? == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("job {job} runs: canceling it is {:?}", job.cancel(db).await?);
    match job.wait(db).await {
        // A job that succeeds before it hears of it has succeeded.
        Ok(()) | Err(jobs::Error::JobCanceled { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// What the database says of a job afterwards.
async fn show(job: JobHandle<RenderFilm>, db: &DatabaseConnection) -> Result<(), jobs::Error> {
    let record = job.record(db).await?;
    println!("job {job} is {} at {} %, canceled at {:?}", record.status, record.progress, record.cancel_requested_at);
    for attempt in job.attempts(db).await? {
        println!("  attempt {} ended: {}, {}", attempt.attempt, attempt.how, attempt.error.unwrap_or_default());
    }
    for message in job.messages(db).await? {
        println!("  {} {}", message.level, message.text);
    }
    Ok(())
}
