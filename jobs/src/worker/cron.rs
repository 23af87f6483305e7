//! Schedules: every worker sleeps until the next one is due, and fires it unless another has.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::engine::Engine;
use super::line::Line;
use crate::cron::fire::{self, Fired, Outcome};
use crate::error::chain;
use crate::store::cron::{self as store, Which};
use crate::wake;

/// How often to look at the schedules, where nothing was heard of a change; and where there are none.
const LOOK: Duration = Duration::from_secs(30);
const LOOK_FOR_THE_FIRST: Duration = Duration::from_mins(1);

/// The pause before the next look after a change was heard of, whose transaction may still be open; each further one is so many times as
/// long.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LONGER: u32 = 10;

/// Of many changes, those that come within this time are looked at together.
const GATHER: Duration = Duration::from_millis(100);

/// The pause where a schedule is due that somebody else holds, or the database does not answer.
const RETRY: Duration = Duration::from_millis(500);

/// For how long what can't be read is left alone.
const UNREADABLE: Duration = Duration::from_mins(10);

/// Until the worker stops. It ends by itself, and never in the middle of a statement: a database in memory goes with its connection.
pub(super) async fn run(engine: Arc<Engine>) {
    let mut schedules = Schedules::new(&engine);
    let mut look = LOOK;
    while !is_over(&engine) {
        let pause = match schedules.fire().await {
            Ok(Some(wait)) => wait.min(look),
            Ok(None) if look == LOOK => LOOK_FOR_THE_FIRST,
            Ok(None) => look,
            Err(error) => {
                tracing::warn!(%error, "schedules can't be fired; trying again in {RETRY:?}");
                RETRY
            }
        };
        look = (look * LONGER).min(LOOK);
        tokio::select! {
            () = engine.stopping.cancelled() => {}
            () = engine.gone.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
            () = engine.sleeper.cron.notified() => {
                look = FIRST_LOOK;
                schedules.unreadable.clear();
                tokio::time::sleep(GATHER).await;
            }
        }
    }
}

/// The worker stops, or was dropped.
fn is_over(engine: &Engine) -> bool {
    engine.stopping.is_cancelled() || engine.gone.is_cancelled()
}

/// Fires what is due now, and nothing else.
pub(super) async fn fire_once(engine: &Engine) -> Result<(), DbErr> {
    Schedules::new(engine).fire().await.map(drop)
}

/// The schedules of the jobs that this worker knows.
struct Schedules<'a> {
    engine: &'a Engine,
    line: Line,
    jobs: Vec<&'static str>,
    /// What can't be read here, until it is looked at again.
    unreadable: Vec<String>,
    unreadable_until: Instant,
}

impl<'a> Schedules<'a> {
    fn new(engine: &'a Engine) -> Self {
        Self {
            engine,
            line: Line::new(engine),
            jobs: engine.registry.names(),
            unreadable: Vec::new(),
            unreadable_until: Instant::now(),
        }
    }

    /// Fires what is due, and says how long it is until the next one; `None` where there is none.
    async fn fire(&mut self) -> Result<Option<Duration>, DbErr> {
        if Instant::now() >= self.unreadable_until {
            self.unreadable.clear();
        }
        let wait = self.due_in().await?;
        if wait != Some(Duration::ZERO) {
            return Ok(wait);
        }
        self.fire_due().await?;
        Ok(self.due_in().await?.map(|wait| if wait.is_zero() { RETRY } else { wait }))
    }

    async fn due_in(&mut self) -> Result<Option<Duration>, DbErr> {
        let (store, which) = (self.line.store(), Which { jobs: &self.jobs, but: &self.unreadable });
        self.line.in_time(store::due_in(&store.db, &which)).await
    }

    /// Fires all that are due, and that nobody else is firing.
    async fn fire_due(&mut self) -> Result<(), DbErr> {
        while !is_over(self.engine) {
            let (store, which) = (self.line.store(), Which { jobs: &self.jobs, but: &self.unreadable });
            let default_queue = &self.engine.settings.default_queue;
            let fire = fire::first_due(&store, &self.engine.registry, default_queue, &which);
            match self.line.in_time(fire).await? {
                Some(Outcome::Fired(fired)) => tell(&fired),
                Some(Outcome::Unreadable { schedule, reason }) => {
                    tracing::error!(schedule, "a schedule is due that can't be read here: {}", chain(&reason));
                    self.unreadable.push(schedule);
                    self.unreadable_until = Instant::now() + UNREADABLE;
                }
                None => break,
            }
        }
        Ok(())
    }
}

fn tell(fired: &Fired) {
    let Fired { schedule, missed, policy, jobs, queue } = fired;
    if *missed > 0 {
        let jobs = jobs.len();
        tracing::warn!(schedule, missed, jobs, "times were missed while no worker was up; the policy is `{policy}`");
    }
    for (time, job) in jobs {
        tracing::debug!(schedule, job = job.0, nominal_time = %time, "a schedule has fired");
    }
    // They were inserted in a transaction that was still open.
    wake::scheduled(queue);
}
