//! The shortest program: one job, a database in memory, and a worker that executes what is due.
//!
//! ```sh
//! cargo run --example hello
//! ```

use std::time::Duration;

use jobs::prelude::*;

#[job_fn]
async fn hello(name: String) -> JobResult<String> {
    tokio::time::sleep(Duration::from_millis(10)).await; // in place of work
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
