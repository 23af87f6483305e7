//! The loop that claims: whenever a queue may have due jobs and a slot is free; else it sleeps until something tells it to look.

mod rest;
mod turn;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::database::StoreClient;
use super::execute;
use super::in_flight::InFlightJob;
use super::lanes::{Lanes, Served};
use super::session::Session;
use crate::model::outcome::Outcome;
use crate::store::claim::Look;
use rest::{FIRST_GLANCE, FIRST_LOOK, LAST_GLANCE};
use turn::Turn;

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

pub(super) async fn run(session: Arc<Session>, when_idle: WhenIdle) {
    let mut claimer = Claimer::new(session, when_idle);
    while !claimer.session.phases.stop_claiming.is_cancelled() {
        claimer.session.vitals.claimer.record();
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
    session: Arc<Session>,
    client: StoreClient,
    names: Vec<&'static str>,
    lanes: Lanes,
    when_idle: WhenIdle,
    /// The pause before the next look.
    look: Duration,
    /// The last look said that jobs are due, and the claim after it got none.
    in_vain: bool,
    /// When it last asked for a heartbeat.
    beat_asked_at: Option<Instant>,
    /// How many claims have brought jobs, each soon after the one before, and when the last did.
    streak: u32,
    brought_at: Instant,
    /// The queues for which this worker's row says that it sleeps.
    asleep: Vec<String>,
    /// When it was last asked which queues are paused.
    asked_at: Option<Instant>,
    /// When those queues are looked at where nothing was due, while there is work in others.
    others: Turn,
    retry: Duration,
}

impl Claimer {
    fn new(session: Arc<Session>, when_idle: WhenIdle) -> Self {
        Self {
            client: session.database.client(),
            names: session.registry.names(),
            lanes: Lanes::new(&session.config.queues),
            session,
            when_idle,
            look: FIRST_LOOK,
            in_vain: false,
            beat_asked_at: None,
            streak: 0,
            brought_at: Instant::now(),
            asleep: Vec::new(),
            asked_at: None,
            others: Turn::new(Instant::now()),
            retry: FIRST_RETRY,
        }
    }

    /// Claims for each queue that may have due jobs, and starts what it gets.
    async fn claim(&mut self) -> Result<Next, DbErr> {
        if !self.session.lease.holds() {
            // Others may take our jobs soon; the next good heartbeat wakes us.
            self.sleep_until_woken(Instant::now() + LAST_RETRY).await;
            return Ok(Next::GoOn);
        }
        self.wait_for_more().await;
        self.look_at_others().await?;
        self.heed_pauses().await?;
        let mut brought = false;
        for (ask, served) in self.lanes.ready() {
            if self.session.phases.stop_claiming.is_cancelled() {
                break;
            }
            let in_flight = self.session.claims.begin();
            let store = self.client.store();
            let claimed =
                self.client.with_timeout(served.claim(&store, self.session.identity.id, &self.names, ask)).await?;
            brought |= !claimed.is_empty();
            served.wait(self.session.track(claimed));
            start(&self.session, served);
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

    /// While a queue has so much to do that the worker never rests, others get their turn: what was told of them meanwhile is heard,
    /// and those where nothing was due are looked at from time to time.
    async fn look_at_others(&mut self) -> Result<(), DbErr> {
        let woken = self.session.sleeper.take();
        self.lanes.wake(&woken);
        if self.lanes.serve_any(&woken.changed) {
            self.asked_at = None;
        }
        let drained = self.lanes.drained();
        if drained.is_empty() || !self.others.is_due() {
            return Ok(());
        }
        let (store, asked) = (self.client.store(), Instant::now());
        let Look { due, paused } = self.client.with_timeout(store.look(&drained, &self.names)).await?;
        self.others.asked(asked);
        for (queue, _) in due.iter().filter(|(_, wait)| wait.is_zero()) {
            self.lanes.wake_queue(queue);
        }
        self.pause(&paused, asked).await;
        Ok(())
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
            start(&self.session, served);
        }
    }

    /// Gives back what was claimed and not started.
    async fn give_back(&self, unstarted: Vec<Arc<InFlightJob>>) {
        for owned in unstarted {
            execute::finish(&self.session, &owned, Outcome::NeverStarted).await;
        }
    }

    /// Asks which queues are paused, unless it has been asked within the poll interval (looks ask too) and nothing was heard since.
    async fn heed_pauses(&mut self) -> Result<(), DbErr> {
        if self.asked_at.is_some_and(|asked| asked.elapsed() < self.poll_interval()) {
            return Ok(());
        }
        let (store, asked) = (self.client.store(), Instant::now());
        let paused = self.client.with_timeout(store.paused()).await?;
        self.pause(&paused, asked).await;
        Ok(())
    }

    /// These queues are paused, as the answer to what was asked then says. What was claimed for them and not started goes back.
    async fn pause(&mut self, paused: &HashSet<String>, asked: Instant) {
        self.asked_at = Some(asked);
        let unstarted = self.lanes.pause(paused);
        self.give_back(unstarted).await;
    }

    async fn wait_for_database(&mut self, error: &DbErr) {
        tracing::warn!(%error, "jobs can't be claimed; trying again in {:?}", self.retry);
        // Sleep only: what is hungry stays so.
        tokio::select! {
            () = self.session.phases.stop_claiming.cancelled() => {}
            () = tokio::time::sleep(self.retry) => {}
        }
        self.retry = (self.retry * 2).min(LAST_RETRY);
    }
}

/// Starts what waits for a slot in this queue, each job in a slot and a task of its own.
fn start(session: &Arc<Session>, served: &Served) {
    while let Some((slot, owned)) = served.next() {
        let work = execute::run_slot(session.clone(), served.lane.clone(), slot, owned);
        session.tasks.spawn(session.phases.terminated.clone().run_until_cancelled_owned(work));
    }
}
