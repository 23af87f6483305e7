//! Resizes a picture in a background job.
//!
//! ```sh
//! cargo run --example resize                       # a generated picture
//! cargo run --example resize -- photo.png 320x200  # yours
//! ```
//!
//! The job is kept in `resize.db`. A worker in the same program executes it, while a progress bar follows it through the database,
//! as any other process could.

mod job;

use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use image::{Rgb, RgbImage};
use indicatif::{ProgressBar, ProgressStyle};
use jobs::CancellationToken;
use jobs::prelude::*;
use jobs::sea_orm::DatabaseConnection;
use tracing_subscriber::EnvFilter;

use job::{Picture, Resize};

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let arguments: Vec<_> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let Some(resize) = parse(&arguments) else {
        eprintln!("usage: resize [FILE [WIDTHxHEIGHT]]");
        return ExitCode::from(2);
    };
    if arguments.is_empty()
        && let Err(error) = draw(resize.file())
    {
        eprintln!("{}: {error}", resize.file().display());
        return ExitCode::FAILURE;
    }
    match run(resize).await {
        Ok(picture) => {
            println!("the new picture, {}x{}: {}", picture.width, picture.height, picture.file.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The job that the command line describes.
fn parse(arguments: &[String]) -> Option<Resize> {
    // Absolute, because the worker may run in another directory.
    let resize = |file: &str| std::path::absolute(file).ok().map(Resize::new);
    match arguments {
        [] => Some(Resize::new(std::env::temp_dir().join("picture.png"))),
        [file] if !file.starts_with('-') => resize(file),
        [file, size] => {
            let (width, height) = size.split_once('x')?;
            let positive = |number: &str| number.parse().ok().filter(|number| *number > 0);
            Some(resize(file)?.with_width(positive(width)?).with_height(positive(height)?))
        }
        _ => None,
    }
}

/// Schedules the job, and executes it with a worker in this program.
async fn run(resize: Resize) -> Result<Picture, jobs::Error> {
    let db = jobs::connect("sqlite:resize.db").await?;
    jobs::migrate(&db).await?;
    let job = resize.schedule(&db).await?;
    println!("job {job} is scheduled in resize.db");

    let stop = CancellationToken::new();
    let mut worker = pin!(Worker::new(db.clone()).stop_on(stop.clone()).run());
    tokio::select! {
        followed = follow(job, &db) => {
            followed?;
            stop.cancel();
            worker.await?;
        }
        // Interrupted: an open job waits in the database for the next run of this program.
        stopped = &mut worker => stopped?,
    }

    let record = job.record(&db).await?;
    println!("job {job} is {} after {} attempt(s)", record.status, record.attempt);
    for message in job.messages(&db).await? {
        println!("  {} {:5} {}", message.time.format("%T%.3f"), message.level, message.text);
    }
    for (name, value) in &record.results {
        println!("  {name} = {value}");
    }
    record.output()
}

/// Shows the job's progress until it has ended.
async fn follow(job: JobHandle<Resize>, db: &DatabaseConnection) -> Result<(), jobs::Error> {
    let style = ProgressStyle::with_template("[{bar:30}] {percent:>3} % {wide_msg}").expect("the template is valid");
    let bar = ProgressBar::new(100).with_style(style);
    loop {
        let record = job.record(db).await?;
        if record.status.is_closed() {
            bar.finish_and_clear();
            return Ok(());
        }
        bar.set_position(record.progress.into());
        bar.set_message(job.messages(db).await?.pop().map(|message| message.text).unwrap_or_default());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Creates a picture: waves of color, 3000x2000.
fn draw(file: &Path) -> image::ImageResult<()> {
    let wave = |value: u32| u8::try_from((value % 510).abs_diff(255)).unwrap_or(u8::MAX);
    let picture = RgbImage::from_fn(3000, 2000, |x, y| Rgb([wave(x), wave(y), wave(x * y / 1000)]));
    println!("no file was given: creating {}", file.display());
    picture.save(file)
}
