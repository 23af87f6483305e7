//! The loop that claims: whenever a queue may have due jobs and a slot is free; else it sleeps until something tells it to look.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::engine::{Engine, Owned};
use super::execute;
use super::lanes::{Lanes, Served};
use super::line::Line;
use crate::outcome::Outcome;
use crate::store::claim::Look;

/// The pause before the first look of a worker that sleeps; each further one is twice as long, up to the poll interval.
const FIRST_LOOK: Duration = Duration::from_millis(50);

/// The same for one that is awake, and the pause at which it falls asleep.
const FIRST_GLANCE: Duration = Duration::from_millis(1);
const LAST_GLANCE: Duration = Duration::from_millis(16);

/// After so many claims that brought jobs, none longer after the other than the last glance, a worker is awake.
const AWAKE: u32 = 3;

/// The pauses between two tries while the database does not answer.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(1);

/// Whether the worker goes on when there is nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenIdle {
    Sleep,
    Return,
}

pub(super) async fn run(engine: Arc<Engine>, when_idle: WhenIdle) {
    let mut claimer = Claimer::new(engine, when_idle);
    while !claimer.engine.stopping.is_cancelled() {
        claimer.engine.claimer.beat();
        claimer.start();
        claimer.give_back(claimer.lanes.take_impatient()).await;
        let step = if claimer.lanes.is_ready() { claimer.claim().await } else { claimer.rest().await };
        match step {
            Ok(Next::GoOn) => claimer.retry = FIRST_RETRY,
            Ok(Next::Idle) => break,
            Err(error) => claimer.wait_for_database(&error).await,
        }
    }
    claimer.give_back(claimer.lanes.take_all()).await;
}

enum Next {
    GoOn,
    Idle,
}

struct Claimer {
    engine: Arc<Engine>,
    line: Line,
    names: Vec<&'static str>,
    lanes: Lanes,
    when_idle: WhenIdle,
    /// The pause before the next look.
    look: Duration,
    /// The last look said that jobs are due, and the claim after it got none.
    in_vain: bool,
    /// How many claims have brought jobs, each soon after the one before, and when the last did.
    streak: u32,
    brought_at: Instant,
    /// The queues for which this worker's row says that it sleeps.
    asleep: Vec<String>,
    /// When it was last asked which queues are paused.
    asked_at: Option<Instant>,
    retry: Duration,
}

impl Claimer {
    fn new(engine: Arc<Engine>, when_idle: WhenIdle) -> Self {
        Self {
            line: Line::new(&engine),
            names: engine.registry.names(),
            lanes: Lanes::new(&engine.settings.queues),
            engine,
            when_idle,
            look: FIRST_LOOK,
            in_vain: false,
            streak: 0,
            brought_at: Instant::now(),
            asleep: Vec::new(),
            asked_at: None,
            retry: FIRST_RETRY,
        }
    }

    /// Claims for each queue that may have due jobs, and starts what it gets.
    async fn claim(&mut self) -> Result<Next, DbErr> {
        if !self.engine.lease.holds() {
            // Others may take our jobs soon; the next good heartbeat wakes us.
            self.sleep_until_woken(Instant::now() + LAST_RETRY).await;
            return Ok(Next::GoOn);
        }
        self.wait_for_more().await;
        self.heed_pauses().await?;
        let mut brought = false;
        for (ask, served) in self.lanes.ready() {
            if self.engine.stopping.is_cancelled() {
                break;
            }
            let in_flight = ClaimInFlight::new(&self.engine);
            let store = self.line.store();
            let claimed = self.line.in_time(served.claim(&store, self.engine.id, &self.names, ask)).await?;
            brought |= !claimed.is_empty();
            served.wait(execute::own(&self.engine, claimed));
            start(&self.engine, served);
            drop(in_flight);
        }
        if brought {
            let is_soon = self.brought_at.elapsed() < LAST_GLANCE;
            (self.streak, self.brought_at) = (if is_soon { self.streak.saturating_add(1) } else { 1 }, Instant::now());
            if self.streak >= AWAKE {
                self.mark_asleep(&[]).await?;
            }
            (self.look, self.in_vain) = (self.first_look(), false);
        }
        Ok(Next::GoOn)
    }

    /// Where jobs trickle in, one claim takes what comes within a moment: it costs hardly more than a claim of a single one.
    async fn wait_for_more(&self) {
        if self.lanes.trickle() {
            tokio::time::sleep_until(self.brought_at + FIRST_GLANCE).await;
        }
    }

    /// Starts what waits for a slot, as far as there are free ones.
    fn start(&self) {
        for served in self.lanes.iter() {
            start(&self.engine, served);
        }
    }

    /// Gives back what was claimed and not started.
    async fn give_back(&self, unstarted: Vec<Arc<Owned>>) {
        for owned in unstarted {
            execute::end(&self.engine, &owned, Outcome::NeverStarted).await;
        }
    }

    /// Asks which queues are paused, unless it has been asked within the poll interval (looks ask too) and nothing was heard since.
    async fn heed_pauses(&mut self) -> Result<(), DbErr> {
        if self.lanes.serve_any(&self.engine.sleeper.take_changed()) {
            self.asked_at = None;
        }
        if self.asked_at.is_some_and(|asked| asked.elapsed() < self.poll_interval()) {
            return Ok(());
        }
        let (store, asked) = (self.line.store(), Instant::now());
        let paused = self.line.in_time(store.paused()).await?;
        self.pause(&paused, asked).await;
        Ok(())
    }

    /// These queues are paused, as the answer to what was asked then says. What was claimed for them and not started goes back.
    async fn pause(&mut self, paused: &HashSet<String>, asked: Instant) {
        self.asked_at = Some(asked);
        let unstarted = self.lanes.pause(paused);
        self.give_back(unstarted).await;
    }

    /// Nothing is due, or all slots are taken: says that it sleeps, looks once more, and waits.
    async fn rest(&mut self) -> Result<Next, DbErr> {
        let drained = self.lanes.drained();
        if drained.is_empty() && !self.lanes.are_all_paused() {
            // All slots are taken: only a free one matters, or a queue that is resumed.
            self.heed_pauses().await?;
            if !self.lanes.is_ready() {
                let asked = self.asked_at.unwrap_or_else(Instant::now);
                self.sleep_until_woken(asked + self.poll_interval()).await;
            }
            return Ok(Next::GoOn);
        }
        if self.when_idle == WhenIdle::Sleep {
            if self.is_awake() && self.look < LAST_GLANCE {
                return Ok(self.glance(&drained).await);
            }
            self.mark_asleep(&drained).await?;
        }
        self.lanes.calm_down();
        let was_idle = self.engine.is_idle();
        let (store, asked) = (self.line.store(), Instant::now());
        let Look { due, paused } = self.line.in_time(store.look(&drained, &self.names)).await?;
        self.pause(&paused, asked).await;
        if self.lanes.is_ready() {
            // A queue has been resumed.
            return Ok(Next::GoOn);
        }
        let due_now: Vec<_> = due.iter().filter(|(_, wait)| wait.is_zero()).map(|(queue, _)| queue).collect();
        if due_now.is_empty() {
            self.in_vain = false;
            if was_idle && self.when_idle == WhenIdle::Return {
                return Ok(Next::Idle);
            }
        } else if !self.in_vain {
            for queue in due_now {
                self.lanes.wake_queue(queue);
            }
            // Unless the claim gets something: then the due jobs are held by somebody's transaction.
            self.in_vain = true;
            return Ok(Next::GoOn);
        }
        let next_due = due.values().filter(|wait| !wait.is_zero()).min();
        let pause = next_due.map_or(self.look, |wait| self.look.min(*wait));
        self.look = (self.look * 2).min(self.poll_interval());
        if self.sleep_until_woken(Instant::now() + pause).await == Woken::ByTime {
            self.in_vain = false;
        }
        Ok(Next::GoOn)
    }

    /// One that is awake does not ask first whether anything is due: it claims again soon.
    async fn glance(&mut self, drained: &[String]) -> Next {
        let pause = self.look;
        self.look *= 2;
        if self.sleep_until_woken(Instant::now() + pause).await == Woken::ByTime {
            for queue in drained {
                self.lanes.wake_queue(queue);
            }
        }
        Next::GoOn
    }

    /// Waits for a wake-up that makes a queue ready, or the time, or the end.
    async fn sleep_until_woken(&mut self, until: Instant) -> Woken {
        let engine = self.engine.clone();
        let until = self.lanes.patience_ends().map_or(until, |patience| until.min(patience.into()));
        loop {
            tokio::select! {
                () = engine.stopping.cancelled() => return Woken::ByEvent,
                () = tokio::time::sleep_until(until) => return Woken::ByTime,
                () = engine.sleeper.woken() => {
                    let woken = engine.sleeper.take();
                    let changed = woken.all || self.lanes.serve_any(&woken.changed);
                    if changed {
                        self.asked_at = None;
                    }
                    if self.lanes.wake(&woken) || changed {
                        self.look = self.first_look();
                    }
                    self.start();
                    if woken.look || changed {
                        return Woken::ByTime;
                    }
                    if self.lanes.is_ready() || (self.when_idle == WhenIdle::Return && engine.is_idle()) {
                        return Woken::ByEvent;
                    }
                }
            }
        }
    }

    /// Only a worker that says it sleeps is notified, and only where the database can.
    async fn mark_asleep(&mut self, queues: &[String]) -> Result<(), DbErr> {
        if self.engine.listening.load(Ordering::SeqCst) && self.asleep != queues {
            let store = self.line.store();
            self.line.in_time(store.sleep_on(self.engine.id, queues)).await?;
            self.asleep = queues.to_vec();
        }
        Ok(())
    }

    /// One that is not asleep looks again soon: falling asleep, and being woken, costs more.
    fn first_look(&self) -> Duration {
        if self.is_awake() { FIRST_GLANCE } else { FIRST_LOOK }
    }

    /// Others do not wake it: it looks by itself.
    fn is_awake(&self) -> bool {
        self.engine.listening.load(Ordering::SeqCst) && self.asleep.is_empty()
    }

    fn poll_interval(&self) -> Duration {
        self.engine.settings.poll_interval(self.engine.listening.load(Ordering::SeqCst))
    }

    async fn wait_for_database(&mut self, error: &DbErr) {
        tracing::warn!(%error, "jobs can't be claimed; trying again in {:?}", self.retry);
        // Sleep only: what is hungry stays so.
        tokio::select! {
            () = self.engine.stopping.cancelled() => {}
            () = tokio::time::sleep(self.retry) => {}
        }
        self.retry = (self.retry * 2).min(LAST_RETRY);
    }
}

/// Starts what waits for a slot in this queue, each job in a slot and a task of its own.
fn start(engine: &Arc<Engine>, served: &Served) {
    while let Some((slot, owned)) = served.next() {
        let work = execute::run_slot(engine.clone(), served.lane.clone(), slot, owned);
        engine.tasks.spawn(engine.gone.clone().run_until_cancelled_owned(work));
    }
}

#[derive(PartialEq, Eq)]
enum Woken {
    ByEvent,
    ByTime,
}

/// While a claim is under way, the heartbeat may see rows that nobody here knows yet.
struct ClaimInFlight<'a>(&'a Engine);

impl<'a> ClaimInFlight<'a> {
    fn new(engine: &'a Engine) -> Self {
        engine.claims_in_flight.fetch_add(1, Ordering::SeqCst);
        Self(engine)
    }
}

impl Drop for ClaimInFlight<'_> {
    fn drop(&mut self) {
        self.0.claims_in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}
