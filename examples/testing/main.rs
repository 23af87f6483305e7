//! Jobs with their tests, which are in `tests.rs`.
//!
//! ```sh
//! cargo run --example testing   # someone signs up
//! cargo test --example testing  # the tests
//! ```

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use jobs::prelude::*;
use tokio::sync::Mutex;

/// The mail that was sent. A real program would have its mailer here.
#[derive(Clone, Default)]
pub(crate) struct Outbox(Arc<Mutex<Vec<String>>>);

impl Outbox {
    async fn send(&self, text: String) {
        self.0.lock().await.push(text);
    }

    pub(crate) async fn sent(&self) -> Vec<String> {
        self.0.lock().await.clone()
    }
}

/// Welcomes a new user.
#[job_fn(queue = "mail", state = Outbox)]
async fn welcome(job: &JobContext, address: String) -> JobResult {
    if !address.contains('@') {
        return Err(JobError::fail(format!("`{address}` is not an address")));
    }
    job.state::<Outbox>().send(format!("welcome, {address}")).await;
    job.message(format!("{address} is welcomed"));
    Ok(())
}

/// Reminds a user. The first attempt finds the post office closed.
#[job_fn(queue = "mail", state = Outbox, retry = fixed("10m"))]
async fn remind(job: &JobContext, address: String) -> JobResult {
    if job.attempt() == 1 {
        Err("the post office is closed")?;
    }
    job.state::<Outbox>().send(format!("are you there, {address}?")).await;
    Ok(())
}

/// A welcome now, and a reminder in three days.
pub(crate) async fn sign_up(db: &impl jobs::Connection, address: &str) -> Result<(), jobs::Error> {
    Welcome::new(address).schedule(db).await?;
    Remind::new(address).schedule(db).delay(Duration::from_hours(72)).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), jobs::Error> {
    let db = jobs::connect("sqlite::memory:").await?;
    jobs::migrate(&db).await?;
    sign_up(&db, "ada@example.org").await?;
    let outbox = Outbox::default();
    Worker::new(db).state(outbox.clone()).run_until_idle().await?;
    println!("sent today: {:?}", outbox.sent().await);
    Ok(())
}
