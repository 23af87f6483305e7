//! Tools for testing your jobs: run one alone, assert what is scheduled, execute due jobs, let time pass.
//!
//! | to test | use |
//! | --- | --- |
//! | what a job does | [`run_now`], or [`Run`] if it needs state, a database or a cancellation |
//! | what a program schedules | [`assert_scheduled`], [`refute_scheduled`], [`scheduled`] |
//! | how it all works together | [`database`], [`drain`], [`advance`] |
//!
//! ```standalone_crate
//! use std::time::Duration;
//!
//! use jobs::prelude::*;
//! use jobs::testing;
//!
//! #[job_fn(queue = "mail")]
//! async fn remind(job: &JobContext, address: String) -> JobResult {
//!     job.message(format!("to {address}"));
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), jobs::Error> {
//! // What the job does, without a database.
//! let ran = testing::run_now(Remind::new("ada@example.org")).await;
//! assert_eq!(ran.status(), JobStatus::Terminated);
//! assert_eq!(ran.messages()[0].text, "to ada@example.org");
//!
//! // What is scheduled, and what happens to it in an hour.
//! let db = testing::database().await?;
//! Remind::new("ada@example.org").schedule(&db).delay(Duration::from_secs(3600)).await?;
//! testing::assert_scheduled::<Remind>(&db, |job| job.address().starts_with("ada")).await;
//! testing::advance(&db, Duration::from_secs(3600)).await?;
//! testing::drain(&db).await?.assert_all_terminated();
//! # Ok(()) }
//! ```
//!
//! Give each test a database of its own: [`drain`] executes, and [`advance`] moves, everything in it.

// Top layer: imports lib.rs's re-exports, and private items of the layers below. Nothing imports it.
mod drain;
mod ran;
mod run;
mod scheduled;

pub use drain::{Drained, advance, drain, drain_with};
pub use ran::Ran;
pub use run::{Run, run_now};
pub use scheduled::{assert_scheduled, refute_scheduled, scheduled};

/// Creates an in-memory database with the tables. It has one connection, and ends when that is dropped.
#[cfg(feature = "sqlite")]
pub async fn database() -> Result<sea_orm::DatabaseConnection, crate::Error> {
    let db = crate::connect("sqlite::memory:").await?;
    crate::migrate(&db).await?;
    Ok(db)
}
