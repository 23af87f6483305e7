//! Schedules: every worker sleeps until the next one is due, and fires it unless another has.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::aside::Aside;
use super::engine::Engine;
use super::line::Line;
use crate::cron::fire::{self, Failure, FireResult, Fired, Unreadable};
use crate::error::chain;
use crate::store::cron::{self as store, Which};

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

/// So many schedules that can't be fired, one after the other, are not the fault of the schedules.
const TOO_MANY: u32 = 10;

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
                schedules.aside.clear();
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
    aside: Aside,
    /// How many of the next are fired one by one, because of many together one could not be.
    alone: usize,
}

impl<'a> Schedules<'a> {
    fn new(engine: &'a Engine) -> Self {
        let jobs = engine.registry.names();
        Self { engine, line: Line::new(engine), jobs, aside: Aside::default(), alone: 0 }
    }

    /// Fires what is due, and says how long it is until the next one; `None` where there is none.
    async fn fire(&mut self) -> Result<Option<Duration>, DbErr> {
        let wait = self.due_in().await?;
        if wait != Some(Duration::ZERO) {
            return Ok(wait);
        }
        self.fire_due().await?;
        Ok(self.due_in().await?.map(|wait| if wait.is_zero() { RETRY } else { wait }))
    }

    async fn due_in(&mut self) -> Result<Option<Duration>, DbErr> {
        let (store, which) = (self.line.store(), Which::new(&self.jobs, &self.aside.names())?);
        let due_in = self.line.in_time(store::due_in(&store.db, &which)).await?;
        Ok(due_in.into_iter().chain(self.aside.next_try(Instant::now())).min())
    }

    /// Fires all that are due, and that nobody else is firing. Those that were set aside come last, one at a time: each may hold up the others
    /// for as long as its transaction may wait.
    async fn fire_due(&mut self) -> Result<(), DbErr> {
        let mut failed_in_a_row = 0;
        while !is_over(self.engine) {
            let (store, which) = (self.line.store(), Which::new(&self.jobs, &self.aside.names())?);
            let limit = if self.alone > 0 { 1 } else { fire::PAGE };
            let default_queue = &self.engine.settings.default_queue;
            let fire = fire::fire_next_due(&store, &self.engine.registry, default_queue, &which, limit);
            let FireResult { unreadable, fired } = self.line.in_time(fire).await?;
            let all_could_be_read = unreadable.is_empty();
            for schedule in unreadable {
                self.leave_alone(schedule);
            }
            match fired {
                Ok(fired) if fired.is_empty() && all_could_be_read => {
                    if !self.aside.try_again(Instant::now()) {
                        break;
                    }
                    self.alone = 1;
                }
                Ok(fired) => {
                    self.alone = self.alone.saturating_sub(1);
                    failed_in_a_row = 0;
                    for fired in fired {
                        self.aside.forget(&fired.schedule);
                        tell(&fired);
                    }
                }
                Err(Failure { schedules, error }) => match &schedules[..] {
                    [schedule] => {
                        self.alone = self.alone.saturating_sub(1);
                        let pause = self.aside.put(schedule, Instant::now());
                        tracing::warn!(schedule, %error, "a schedule can't be fired; trying again in {pause:?}");
                        failed_in_a_row += 1;
                        // It is not the schedules: a table is missing, or the disk is full.
                        if failed_in_a_row == TOO_MANY {
                            return Err(error);
                        }
                    }
                    _ => self.alone = schedules.len(),
                },
            }
        }
        Ok(())
    }

    fn leave_alone(&mut self, Unreadable { schedule, reason }: Unreadable) {
        tracing::error!(schedule, "a schedule is due that can't be read here: {}", chain(&reason));
        self.aside.put_for(schedule, UNREADABLE, Instant::now());
    }
}

fn tell(fired: &Fired) {
    let Fired { schedule, missed, was_up, policy, jobs } = fired;
    if *missed > 0 {
        let jobs = jobs.len();
        let when = if *was_up { "others came before their turn" } else { "no worker was up" };
        tracing::warn!(schedule, missed, jobs, "times were missed: {when}; the policy is `{policy}`");
    }
    for (time, job) in jobs {
        tracing::debug!(schedule, job = job.0, nominal_time = %time, "a schedule has fired");
    }
}
