//! The checks of `doctor`, one per function.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;
use serde::Serialize;

use super::failure::Failure;
use super::{durations, migrate, table};
use crate::Level;
use crate::error::fault::{self, Fault};
use crate::error::{Error, chain};
use crate::store::health;

/// A finding of a check.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) check: &'static str,
    /// `Info` if nothing is known to be wrong, but the check could not be performed completely.
    pub(super) level: Level,
    pub(super) found: String,
    pub(super) remedy: String,
}

type Found = Result<Vec<Finding>, Failure>;

/// Clocks that are set by NTP differ by less.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);

/// How many attempts are reported.
const ATTEMPTS: u64 = 20;

impl Finding {
    pub(super) fn is_wrong(&self) -> bool {
        self.level > Level::Info
    }
}

/// A problem.
fn finding(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { check, level: Level::Warn, found: found.into(), remedy: remedy.into() }
}

/// A check that could not be performed.
fn unseen(check: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Finding {
    Finding { level: Level::Info, ..finding(check, found, remedy) }
}

/// Whether the tables are those that this program expects. If they can't be read, the level is `Error`.
pub(super) async fn tables(db: &DatabaseConnection) -> Found {
    if let Err(error) = health::tables(db).await {
        if fault::of(&error) == Fault::Connection {
            return Err(error.into());
        }
        let remedy = if fault::lacks_tables(&error) {
            "create them: migrate"
        } else {
            "see the database's message: the tables may exist, but not be accessible to this user"
        };
        let found = format!("the tables can't be read: {}", chain(&Error::Database(error)));
        return Ok(vec![Finding { level: Level::Error, ..finding("tables", found, remedy) }]);
    }
    let states = migrate::states(db).await?;
    if !states.iter().any(|state| state.is_applied) {
        let found = "the tables exist, and no migration is recorded";
        return Ok(vec![unseen(
            "tables",
            found,
            "nothing, if a migrator of your own has created them; otherwise: migrate",
        )]);
    }
    let pending = states.iter().filter(|state| !state.is_applied).map(|state| {
        finding("tables", format!("{} is not applied", state.migration), "bring the tables up to date: migrate")
    });
    let unknown = states.iter().filter(|state| !state.is_known).map(|state| {
        finding(
            "tables",
            format!("{} was applied by a later version of this program", state.migration),
            "use that version here too",
        )
    });
    Ok(pending.chain(unknown).collect())
}

/// Whether this machine's clock and the database's agree.
pub(super) async fn clock(db: &DatabaseConnection) -> Found {
    let (asked, began) = (Utc::now(), Instant::now());
    let theirs = health::clock(db).await?;
    let taken = began.elapsed();
    // The database read its clock somewhere in between.
    let ours = asked + taken / 2;
    let difference = (theirs - ours).abs().to_std().unwrap_or_default();
    if difference <= CLOCK_TOLERANCE + taken / 2 {
        return Ok(vec![]);
    }
    let direction = if theirs > ours { "ahead of" } else { "behind" };
    Ok(vec![finding(
        "clock",
        format!("the database's clock is {} {direction} this machine's", durations::show(difference)),
        "set both by NTP: jobs are due by the database's clock, and times that are computed here (`at`) are off by this much",
    )])
}

/// Whether workers renew their leases.
pub(super) async fn workers(db: &DatabaseConnection) -> Found {
    let now = health::clock(db).await?;
    let workers = crate::workers(db).await?;
    let found = workers.iter().filter(|worker| !worker.is_live).map(|worker| {
        finding(
            "workers",
            format!(
                "worker {} ({}) has not been heard from for {}, and has {} running job(s)",
                worker.id,
                worker.name,
                since(worker.last_seen_at, now),
                worker.running
            ),
            "start a worker, or wait for one that is running: it takes over these jobs and removes this entry",
        )
    });
    Ok(found.collect())
}

/// A schedule that is later than this is not being fired at all.
const LATE_SCHEDULE: Duration = Duration::from_mins(5);

/// Whether schedules fire.
pub(super) async fn schedules(db: &DatabaseConnection) -> Found {
    let now = health::clock(db).await?;
    let found = crate::cron::list(db).await?.into_iter().filter_map(|schedule| {
        let late = (now - schedule.next_at?).to_std().ok().filter(|late| *late > LATE_SCHEDULE)?;
        Some(finding(
            "schedules",
            format!(
                "schedule {} of job {} should have fired {} ago",
                schedule.name,
                schedule.job,
                durations::show(late)
            ),
            "start a worker that has the definition of this job, check its log, or remove the schedule: cron remove",
        ))
    });
    Ok(found.collect())
}

/// Whether jobs wait in queues that are paused.
pub(super) async fn paused(db: &DatabaseConnection) -> Found {
    let queues = crate::queues(db).await?;
    let found = queues.iter().filter_map(|queue| {
        let (paused_at, due) = (queue.paused_at?, queue.oldest_due?);
        Some(finding(
            "paused queues",
            format!(
                "queue {} has been paused since {}, and jobs in it have been due for {}",
                queue.name,
                table::time(paused_at),
                durations::show(due)
            ),
            format!("if that is no longer wanted: resume {}", queue.name),
        ))
    });
    Ok(found.collect())
}

/// Whether all due jobs are served.
pub(super) async fn unserved(db: &DatabaseConnection) -> Found {
    let now = health::clock(db).await?;
    let unserved = crate::unserved(db).await?;
    let found = unserved.iter().map(|unserved| {
        finding(
            "unserved",
            format!(
                "{} due job(s) named {} wait in queue {}, for {}, and no live worker serves them",
                unserved.jobs,
                unserved.name,
                unserved.queue,
                since(unserved.oldest, now)
            ),
            "start a worker that has this definition and serves this queue, or cancel them: cancel --unserved",
        )
    });
    Ok(found.collect())
}

/// Whether attempts take long.
pub(super) async fn attempts(db: &DatabaseConnection, limit: Duration) -> Found {
    let now = health::clock(db).await?;
    let attempts = health::attempts_since_before(db, now - limit, ATTEMPTS).await?;
    let found = attempts.iter().map(|attempt| {
        finding(
            "long attempts",
            format!(
                "job {} ({}) has been running for {}, in attempt {}",
                attempt.id,
                attempt.name,
                since(attempt.started_at, now),
                attempt.attempt
            ),
            format!("inspect it: show {0}; stop it: cancel {0}; limit it: a timeout in its definition", attempt.id),
        )
    });
    Ok(found.collect())
}

/// Whether transactions are left open.
pub(super) async fn transactions(db: &DatabaseConnection, limit: Duration) -> Found {
    let open = match health::open_transactions(db, limit).await {
        Ok(open) => open,
        Err(error) if fault::of(&error) == Fault::Connection => return Err(error.into()),
        Err(error) => {
            let found = format!("open transactions can't be checked: {}", chain(&Error::Database(error)));
            return Ok(vec![unseen("long transactions", found, RIGHT_TO_SEE)]);
        }
    };
    let mut findings: Vec<_> = open
        .long
        .iter()
        .map(|open| {
            finding(
                "long transactions",
                format!(
                    "session {} ({}) has a transaction open for {}",
                    open.session,
                    open.owner,
                    durations::show(open.age)
                ),
                "end it, and find out who leaves it open: dead rows pile up behind it, and claims become slow",
            )
        })
        .collect();
    if open.hidden > 0 {
        let found = format!("{} session(s) of other users can't be checked", open.hidden);
        findings.push(unseen("long transactions", found, RIGHT_TO_SEE));
    }
    Ok(findings)
}

/// The remedy if the database's user may not see other sessions.
const RIGHT_TO_SEE: &str = "to have this checked, give the database's user the right to see all sessions: pg_read_all_stats on \
                            PostgreSQL, PROCESS on MariaDB and MySQL";

fn since(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    durations::show((now - time).to_std().unwrap_or_default())
}
