//! The shortest program: one job, an in-memory database, and a worker that executes due jobs.
//!
//! ```sh
//! cargo run --example hello
//! ```

use std::time::Duration;

use jobs::prelude::*;

#[job_fn]
async fn hello(name: String) -> JobResult<String> {
    tokio::time::sleep(Duration::from_millis(10)).await; // stands in for work
    Ok(format!("hello, {name}"))
}

#[tokio::main]
async fn main() -> Result<(), jobs::Error> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    let job = Hello::new("world").schedule(&db).await?;
    Worker::new(db.clone()).run_until_idle().await?;
    println!("{}", job.output(&db).await?);
    Ok(())
}
