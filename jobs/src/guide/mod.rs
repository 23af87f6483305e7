#![doc = include_str!("links.md")]
//! Guides: what happens, why, and what to write.
//!
//! | page | answers |
//! | --- | --- |
//! | [life of a job] | which statuses there are, what leads from one to the next, and when a job is deleted |
//! | [retries and failures] | what `?` does, how long a job waits, what becomes of panics, time-outs and dead workers |
//! | [scheduling and cron] | now, later, again and again: expressions, time zones, what becomes of missed times |
//! | [parameters] | what may change while jobs wait, what is too large, how secrets are kept |
//! | [uniqueness and idempotency] | jobs that exist once: no second while one waits, one for each request, the last of many |
//! | [operating] | what is stuck, why it failed, and how to cancel, retry, pause and delete: the command line |
//! | [testing your jobs] | one job alone, what is scheduled, whole stories |
//! | [deploying] | new releases, shutdown, sizes, connections, and what happens when a machine dies |
//! | [from SQLite to PostgreSQL] | what changes, and how to take waiting jobs along |

// A page ends with links that work where its file is read; those of `links.md` stand before them, and count here. Doc tests are
// named after it, too, and their lines count from its first.

#[cfg(doc)]
use crate::{AttemptEnd, Error, JobContext, JobError, JobOptions, JobRecord, RetryPolicy, Worker};

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
#[doc = include_str!("operating.md")]
pub mod operating {}

#[doc = include_str!("links.md")]
#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("links.md")]
#[doc = include_str!("deploying.md")]
pub mod deploying {}

#[doc = include_str!("links.md")]
#[doc = include_str!("from_sqlite_to_postgresql.md")]
pub mod from_sqlite_to_postgresql {}
