//! The jobs that were scheduled, their expected fates, and those that got no answer.

use std::time::Duration;

use jobs::prelude::*;
use jobs::sea_orm::{DatabaseConnection, TransactionTrait as _};
use jobs::{JobFilter, Schedule};
use jobs_tests::Database;

use crate::support::journal;
use crate::support::load::{Effect, Endless, Failing, Limited, Long, Panicking, Short, Stuck};

/// The fate of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Terminates,
    Fails,
    /// Or terminates: the cancellation may come too late.
    IsCanceled,
}

/// The jobs that were scheduled.
#[derive(Debug, Default)]
pub(crate) struct Scheduled {
    pub(crate) acknowledged: Vec<(JobId, Fate)>,
    /// The times before which some of them may not run, by the clock of the journals.
    pub(crate) due: Vec<(JobId, i64)>,
    /// Jobs in transactions that were rolled back.
    pub(crate) rolled_back: usize,
    /// The events of those that got no answer, which may exist or not.
    pub(crate) unknown: Vec<(String, Fate)>,
    /// The errors that were found with them.
    pub(crate) wrong: Vec<String>,
    asked: usize,
}

impl Scheduled {
    /// Schedules this many jobs of all kinds.
    pub(crate) async fn add(&mut self, db: &DatabaseConnection, random: &mut fastrand::Rng, number: usize) {
        for _ in 0..number {
            match random.u8(..100) {
                0..30 => self.one(Short::new().schedule(db), Fate::Terminates).await,
                30..45 => self.one(Limited::new(random.u8(..10)).schedule(db), Fate::Terminates).await,
                45..50 => self.one_due_later(db, Duration::from_millis(random.u64(1..2_000))).await,
                50..60 => self.one_in_transaction(db).await,
                60..70 => self.one(Long::new(random.u8(5..40)).schedule(db), Fate::Terminates).await,
                70..80 => self.one(Effect::new().schedule(db), Fate::Terminates).await,
                80..85 => self.one(Failing::new().schedule(db), Fate::Fails).await,
                85..88 => self.one(Panicking::new().schedule(db), Fate::Fails).await,
                88..91 => self.one(Stuck::new().schedule(db), Fate::Fails).await,
                91..95 => {
                    self.one(Endless::new().schedule(db), Fate::IsCanceled).await;
                    cancel_later(db, self.last_event(), Duration::from_millis(random.u64(0..2_000)));
                }
                _ => self.one_rolled_back(db).await,
            }
        }
    }

    fn last_event(&self) -> String {
        format!("load-{}", self.asked)
    }

    /// Schedules a job, and remembers the result.
    pub(crate) async fn one<J: Job>(&mut self, job: Schedule<'_, DatabaseConnection, J>, fate: Fate) {
        self.asked += 1;
        let asked = job.event(self.last_event()).await;
        self.remember(&asked, fate);
    }

    fn remember<J: Job>(&mut self, asked: &Result<JobHandle<J>, jobs::Error>, fate: Fate) {
        match asked {
            Ok(handle) => self.acknowledged.push((handle.id(), fate)),
            Err(_) => self.unknown.push((self.last_event(), fate)),
        }
    }

    async fn one_due_later(&mut self, db: &DatabaseConnection, delay: Duration) {
        let due = journal::now() + i64::try_from(delay.as_nanos()).expect("a few seconds");
        let acknowledged = self.acknowledged.len();
        self.one(Short::new().schedule(db).delay(delay), Fate::Terminates).await;
        self.due.extend(self.acknowledged[acknowledged..].iter().map(|(id, _)| (*id, due)));
    }

    async fn one_in_transaction(&mut self, db: &DatabaseConnection) {
        self.asked += 1;
        let event = self.last_event();
        let tried = async {
            let transaction = db.begin().await?;
            let handle = Short::new().schedule(&transaction).event(event).await?;
            transaction.commit().await?;
            Ok(handle)
        };
        let tried = tried.await;
        self.remember(&tried, Fate::Terminates);
    }

    async fn one_rolled_back(&mut self, db: &DatabaseConnection) {
        let tried = async {
            let transaction = db.begin().await?;
            Short::new().schedule(&transaction).await?;
            transaction.rollback().await?;
            Ok::<_, jobs::Error>(())
        };
        // Whether it got that far or not, nothing is there.
        let _ = tried.await;
        self.rolled_back += 1;
    }

    /// Looks up the jobs that got no answer: each exists once or not at all.
    pub(crate) async fn resolve(&mut self, t: &Database) {
        for (event, fate) in std::mem::take(&mut self.unknown) {
            let of_event = format!("FROM jobs_job WHERE event_id = '{event}'");
            match t.number(&format!("SELECT count(*) {of_event}")).await {
                0 => {}
                1 => {
                    let id = t.number(&format!("SELECT id {of_event}")).await;
                    self.acknowledged.push((JobId::from(id), fate));
                }
                more => self.wrong.push(format!("{event} was asked for once, and is there {more} times")),
            }
        }
    }
}

/// Cancels the job of this event, if it exists. Repeats the request until it is answered.
fn cancel_later(db: &DatabaseConnection, event: String, pause: Duration) {
    let db = db.clone();
    tokio::spawn(async move {
        tokio::time::sleep(pause).await;
        while cancel(&db, &event).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
}

async fn cancel(db: &DatabaseConnection, event: &str) -> Result<(), jobs::Error> {
    for job in jobs::list(db, JobFilter::new().event(event)).await?.jobs {
        jobs::cancel(db, job.id).await?;
    }
    Ok(())
}
