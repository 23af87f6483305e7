#![doc = include_str!("links.md")]
//! Guides: what happens, why, and what to write.
//!
//! | page | answers |
//! | --- | --- |
//! | [life of a job] | which statuses there are, how a job moves between them, and when it is deleted |
//! | [retries and failures] | what `?` does, how long a job waits, and what happens on panics, timeouts and dead workers |
//! | [scheduling and cron] | now, later, repeatedly: expressions, time zones, and what happens to missed times |
//! | [parameters] | what may change while jobs wait, what is too large, and how secrets are hidden |
//! | [uniqueness and idempotency] | no second job while one waits, one job per request, only the last of many |
//! | [limits] | no more jobs at once than so many, of a definition or for each account: order, crashes, other limits in a new release |
//! | [operating] | what is stuck, why it failed, and how to cancel, retry, pause and delete: the command line |
//! | [dashboard] | pages for operators and an HTTP API for programs, in your own program or from the command line, who may do what, and what protects them |
//! | [testing your jobs] | a single job, what is scheduled, whole stories |
//! | [deploying] | new releases, shutdown, sizing, connections, and what happens when a machine dies |
//! | [from SQLite to PostgreSQL] | what changes, and how to move waiting jobs |

// Each page ends with link definitions that work on GitHub. Those of `links.md` come first and take precedence in rustdoc.
// Doc tests are named after the page's module, and their line numbers count from its first line.

#[cfg(doc)]
use crate::{
    AttemptEnd, Error, JobContext, JobError, JobFilter, JobOptions, JobRecord, Principal, RetryPolicy, Worker, watch,
};

#[doc = include_str!("links.md")]
#[doc = include_str!("life_of_a_job.md")]
pub mod life_of_a_job {}

#[doc = include_str!("links.md")]
#[doc = include_str!("retries_and_failures.md")]
pub mod retries_and_failures {}

#[doc = include_str!("links.md")]
#[doc = include_str!("scheduling_and_cron.md")]
pub mod scheduling_and_cron {}

#[doc = include_str!("links.md")]
#[doc = include_str!("parameters.md")]
pub mod parameters {}

#[doc = include_str!("links.md")]
#[doc = include_str!("uniqueness_and_idempotency.md")]
pub mod uniqueness_and_idempotency {}

#[doc = include_str!("links.md")]
#[doc = include_str!("limits.md")]
pub mod limits {}

#[doc = include_str!("links.md")]
#[doc = include_str!("operating.md")]
pub mod operating {}

#[doc = include_str!("links.md")]
#[cfg_attr(feature = "web", doc = include_str!("dashboard.md"))]
#[cfg_attr(
    not(feature = "web"),
    doc = "# Dashboard and HTTP\n\nPages for operators and an HTTP API, in your own program: they need the feature `web`."
)]
pub mod dashboard {}

#[doc = include_str!("links.md")]
#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("links.md")]
#[doc = include_str!("deploying.md")]
pub mod deploying {}

#[doc = include_str!("links.md")]
#[doc = include_str!("from_sqlite_to_postgresql.md")]
pub mod from_sqlite_to_postgresql {}
