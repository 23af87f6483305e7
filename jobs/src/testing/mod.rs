//! For tests of your own jobs: run one alone, see what is scheduled, execute what is due, let time pass.
//!
//! | to test | there is |
//! | --- | --- |
//! | what a job does | [`run_now`], and [`Run`] where it needs state, a database or a cancellation |
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
//! // What is scheduled, and what becomes of it in an hour.
//! let db = testing::database().await?;
//! Remind::new("ada@example.org").schedule(&db).delay(Duration::from_secs(3600)).await?;
//! testing::assert_scheduled::<Remind>(&db, |job| job.address().starts_with("ada")).await;
//! testing::advance(&db, Duration::from_secs(3600)).await?;
//! testing::drain(&db).await?.assert_all_terminated();
//! # Ok(()) }
//! ```
//!
//! A test has its database to itself: [`drain`] executes, and [`advance`] moves, whatever is in it.

// On top: imports what lib.rs re-exports, and of the layers what is not public. Nothing imports it.
mod drain;
mod ran;
mod run;
mod scheduled;

pub use drain::{Drained, advance, drain, drain_with};
pub use ran::Ran;
pub use run::{Run, run_now};
pub use scheduled::{assert_scheduled, refute_scheduled, scheduled};

/// A new database in memory, with the tables made. It has one connection, and goes when that is dropped.
#[cfg(feature = "sqlite")]
pub async fn database() -> Result<sea_orm::DatabaseConnection, crate::Error> {
    let db = crate::connect("sqlite::memory:").await?;
    crate::migrate(&db).await?;
    Ok(db)
}
