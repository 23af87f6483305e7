//! The checks, one per function.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use sea_orm::DatabaseConnection;

use super::migrations::migration_states;
use super::{Check, Examination, Finding, Remedy};
use crate::client::{QueueRecord, durations, list, queue, workers};
use crate::error::fault::{self, Fault};
use crate::error::{Error, chain};
use crate::model::Level;
use crate::store::health::{self, OpenTransaction};

type Found = Result<Vec<Finding>, Error>;

/// Clocks that are set by NTP differ by less.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(2);

/// A schedule that is later than this is not being fired at all.
const LATE_SCHEDULE: Duration = Duration::from_mins(5);

/// How many attempts are reported.
const ATTEMPTS: u64 = 20;

/// The remedy if the database's user may not see other sessions.
const RIGHT_TO_SEE: &str = "to have this checked, give the database's user the right to see all sessions: pg_read_all_stats on \
                            PostgreSQL, PROCESS on MariaDB and MySQL";

impl Examination<'_> {
    pub(super) async fn perform_one(&self, check: Check) -> Found {
        match check {
            Check::Tables => self.tables().await,
            Check::Migrations => self.migrations().await,
            Check::Clock => self.clock().await,
            Check::Workers => self.workers().await,
            Check::Unserved => self.unserved().await,
            Check::PausedQueues => Ok(paused_queues(&queue::queues(self.db).await?)),
            Check::Schedules => self.schedules().await,
            Check::LongAttempts => self.attempts().await,
            Check::LongTransactions => self.transactions().await,
        }
    }

    /// If the tables can't be read, the level is `Error`.
    async fn tables(&self) -> Found {
        let Err(error) = health::tables(self.db).await else { return Ok(Vec::new()) };
        if fault::of(&error) == Fault::Connection {
            return Err(error.into());
        }
        let remedy = if fault::lacks_tables(&error) {
            Remedy::by("create them", "migrate")
        } else {
            Remedy::new("see the database's message: the tables may exist, but not be accessible to this user")
        };
        let found = format!("the tables can't be read: {}", self.told(chain(&Error::Database(error))));
        Ok(vec![Finding { level: Level::Error, ..Finding::new(Check::Tables, found, remedy) }])
    }

    async fn migrations(&self) -> Found {
        let states = migration_states(self.db).await?;
        if !states.iter().any(|state| state.is_applied) {
            let found = "the tables exist, and no migration is recorded";
            let remedy =
                Remedy::new("nothing, if a migrator of your own has created them").or_by("otherwise", "migrate");
            return Ok(vec![Finding::unseen(Check::Migrations, found, remedy)]);
        }
        let pending = states.iter().filter(|state| !state.is_applied).map(|state| {
            let found = format!("{} is not applied", state.migration);
            Finding::new(Check::Migrations, found, Remedy::by("bring the tables up to date", "migrate"))
        });
        let unknown = states.iter().filter(|state| !state.is_known).map(|state| {
            let found = format!("{} was applied by a later version of this program", state.migration);
            Finding::new(Check::Migrations, found, Remedy::new("use that version here too"))
        });
        Ok(pending.chain(unknown).collect())
    }

    async fn clock(&self) -> Found {
        let Clocks { ours, theirs, taken } = self.clocks().await?;
        let difference = (theirs - ours).abs().to_std().unwrap_or_default();
        if difference <= CLOCK_TOLERANCE + taken / 2 {
            return Ok(Vec::new());
        }
        let direction = if theirs > ours { "ahead of" } else { "behind" };
        let found = format!("the database's clock is {} {direction} this machine's", durations::show(difference));
        let remedy = "set both by NTP: jobs are due by the database's clock, and times that are computed here (`at`) are off by this much";
        Ok(vec![Finding::new(Check::Clock, found, Remedy::new(remedy))])
    }

    async fn workers(&self) -> Found {
        let now = self.now().await?;
        let workers = workers::workers(self.db).await?;
        let found = workers.iter().filter(|worker| !worker.is_live).map(|worker| {
            let found = format!(
                "worker {} ({}) has not been heard from for {}, and has {} running job(s)",
                worker.id,
                worker.name,
                since(worker.last_seen_at, now),
                worker.running
            );
            let remedy =
                "start a worker, or wait for one that is running: it takes over these jobs and removes this entry";
            Finding::new(Check::Workers, found, Remedy::new(remedy))
        });
        Ok(found.collect())
    }

    async fn unserved(&self) -> Found {
        let now = self.now().await?;
        let unserved = list::unserved(self.db).await?;
        let found = unserved.iter().map(|unserved| {
            let found = format!(
                "{} due job(s) named {} wait in queue {}, for {}, and no live worker serves them",
                unserved.jobs,
                unserved.name,
                unserved.queue,
                since(unserved.oldest, now)
            );
            let words = "start a worker that has this definition and serves this queue, or cancel them";
            Finding::new(Check::Unserved, found, Remedy::by(words, "cancel --unserved"))
        });
        Ok(found.collect())
    }

    async fn schedules(&self) -> Found {
        let now = self.now().await?;
        let late = health::schedules_due_before(self.db, now - LATE_SCHEDULE).await?;
        let found = late.iter().map(|schedule| {
            let late = since(schedule.next_at, now);
            let found = format!("schedule {} of job {} should have fired {late} ago", schedule.name, schedule.job);
            let words = "start a worker that has the definition of this job, check its log, or remove the schedule";
            Finding::new(Check::Schedules, found, Remedy::by(words, "cron remove"))
        });
        Ok(found.collect())
    }

    async fn attempts(&self) -> Found {
        let now = self.now().await?;
        let attempts = health::attempts_since_before(self.db, now - self.limits.attempt, ATTEMPTS).await?;
        let found = attempts.iter().map(|attempt| {
            let id = attempt.id;
            let taken = since(attempt.started_at, now);
            let found =
                format!("job {id} ({}) has been running for {taken}, in attempt {}", attempt.name, attempt.attempt);
            let remedy = Remedy::by("inspect it", format!("show {id}")).or_by("stop it", format!("cancel {id}"));
            Finding::new(Check::LongAttempts, found, remedy.or("limit it: a timeout in its definition"))
        });
        Ok(found.collect())
    }

    async fn transactions(&self) -> Found {
        let open = match health::open_transactions(self.db, self.limits.transaction).await {
            Ok(open) => open,
            Err(error) if fault::of(&error) == Fault::Connection => return Err(error.into()),
            Err(error) => {
                let error = self.told(chain(&Error::Database(error)));
                let found = format!("open transactions can't be checked: {error}");
                return Ok(vec![Finding::unseen(Check::LongTransactions, found, Remedy::new(RIGHT_TO_SEE))]);
            }
        };
        let mut findings: Vec<_> = open.long.into_iter().map(|open| self.transaction(open)).collect();
        if open.hidden > 0 {
            let found = format!("{} session(s) of other users can't be checked", open.hidden);
            findings.push(Finding::unseen(Check::LongTransactions, found, Remedy::new(RIGHT_TO_SEE)));
        }
        Ok(findings)
    }

    fn transaction(&self, OpenTransaction { session, owner, age }: OpenTransaction) -> Finding {
        let (owner, age) = (self.told(owner), durations::show(age));
        let found = format!("session {session} ({owner}) has a transaction open for {age}");
        let remedy = "end it, and find out who leaves it open: dead rows pile up behind it, and claims become slow";
        Finding::new(Check::LongTransactions, found, Remedy::new(remedy))
    }
}

/// Finds jobs that wait in queues that are paused.
pub(crate) fn paused_queues(queues: &[QueueRecord]) -> Vec<Finding> {
    let found = queues.iter().filter_map(|queue| {
        let (paused_at, due) = (queue.paused_at?, queue.oldest_due?);
        let time = |time: DateTime<Utc>| time.format("%Y-%m-%d %H:%M:%SZ");
        let until = queue.paused_until.map_or_else(String::new, |until| format!(" until {}", time(until)));
        let reason = queue.pause_reason.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
        let found = format!(
            "queue {} has been paused since {}{until}{reason}, and jobs in it have been due for {}",
            queue.name,
            time(paused_at),
            durations::show(due)
        );
        let remedy = Remedy::by("if that is no longer wanted", format!("resume {}", queue.name));
        Some(Finding::new(Check::PausedQueues, found, remedy))
    });
    found.collect()
}

/// What both clocks showed at a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clocks {
    ours: DateTime<Utc>,
    pub(super) theirs: DateTime<Utc>,
    /// How long it took to read the database's.
    taken: Duration,
}

impl Clocks {
    pub(super) async fn read(db: &DatabaseConnection) -> Result<Self, Error> {
        let (asked, began) = (Utc::now(), Instant::now());
        let theirs = health::clock(db).await?;
        let taken = began.elapsed();
        // The database read its clock somewhere in between.
        Ok(Self { ours: asked + taken / 2, theirs, taken })
    }
}

fn since(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    durations::show((now - time).to_std().unwrap_or_default())
}
