//! What the claimer asks the database besides claiming: when jobs are due, and which queues are paused.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use sea_orm::DbErr;

use super::limited::Walk;
use super::{Claimer, WhenIdle};
use crate::store::claim::Look;
use crate::store::cursor::ClaimCursor;

impl Claimer {
    /// Marks the worker as asleep on these queues, and checks once more whether jobs are due.
    pub(super) async fn fall_asleep(&mut self, queues: Vec<String>) -> Result<(), DbErr> {
        if self.when_idle == WhenIdle::Sleep {
            self.mark_asleep(queues.clone()).await?;
        }
        for queue in self.queues.iter_mut().filter(|queue| queues.contains(&queue.name)) {
            queue.cursor = ClaimCursor::default();
        }
        let was_idle = self.session.in_flight.is_empty();
        // What has ended until then has been told, and makes room.
        let woken = self.session.wakeups.take();
        self.woken(&woken);
        self.ask_for_limits().await?;
        let (store, asked_at) = (self.client.store(), Instant::now());
        let Look { mut due, paused } = self.client.with_timeout(store.look(&queues, &self.names)).await?;
        self.may_be_unlimited(&due);
        self.look_at_places(&queues, &paused, &mut due).await?;
        self.pause(&paused, asked_at).await;
        self.decide(|strategy, situation| strategy.rechecked(&due, was_idle, situation));
        Ok(())
    }

    /// Jobs without a limit are due in these queues.
    fn may_be_unlimited(&mut self, due: &HashMap<String, Duration>) {
        let is_due = |name: &str| due.get(name).is_some_and(Duration::is_zero);
        for queue in self.queues.iter_mut().filter(|queue| is_due(&queue.name)) {
            queue.only_limited_until = None;
        }
    }

    /// Adds when jobs of these queues may start whose number is limited.
    async fn look_at_places(
        &mut self,
        queues: &[String],
        paused: &HashSet<String>,
        due: &mut HashMap<String, Duration>,
    ) -> Result<(), DbErr> {
        for index in 0..self.queues.len() {
            let name = self.queues[index].name.clone();
            if !queues.contains(&name) || paused.contains(&name) {
                continue;
            }
            let wait = self.walk_on(index).await;
            if wait.is_err() {
                // What it was looking at is not known any more.
                self.queues[index].walk = Walk::default();
            }
            if let Some(wait) = wait? {
                let first = due.entry(name).or_insert(wait);
                *first = wait.min(*first);
            }
        }
        Ok(())
    }

    /// Only a worker that is marked as asleep is notified, and only if the database can.
    pub(super) async fn mark_asleep(&mut self, queues: Vec<String>) -> Result<(), DbErr> {
        if self.session.listening.load(Ordering::SeqCst) && self.strategy.asleep() != queues {
            let store = self.client.store();
            self.client.with_timeout(store.sleep_on(self.session.identity.id, &queues)).await?;
            // What was scheduled while it was awake was not told.
            self.queues.iter_mut().for_each(|queue| queue.walk.want_round());
            self.strategy.is_asleep_on(queues);
        }
        Ok(())
    }

    pub(super) async fn check_paused(&mut self) -> Result<(), DbErr> {
        self.ask_for_limits().await?;
        let (store, asked_at) = (self.client.store(), Instant::now());
        let paused = self.client.with_timeout(store.paused()).await?;
        self.pause(&paused, asked_at).await;
        Ok(())
    }

    pub(super) async fn recheck_others(&mut self, queues: &[String]) -> Result<(), DbErr> {
        let (store, asked_at) = (self.client.store(), Instant::now());
        let Look { mut due, paused } = self.client.with_timeout(store.look(queues, &self.names)).await?;
        self.may_be_unlimited(&due);
        self.look_at_places(queues, &paused, &mut due).await?;
        self.strategy.rechecked_others(&due, asked_at, Instant::now());
        self.pause(&paused, asked_at).await;
        Ok(())
    }

    /// Pauses these queues, as of `asked_at`, when the database was asked. Jobs claimed for them and not started are given back.
    async fn pause(&mut self, paused: &HashSet<String>, asked_at: Instant) {
        self.strategy.paused(paused, asked_at);
        let mut unstarted = Vec::new();
        for queue in self.queues.iter_mut().filter(|queue| paused.contains(&queue.name)) {
            queue.cursor = ClaimCursor::default();
            unstarted.extend(queue.buffer.take_all());
        }
        self.give_back(unstarted).await;
    }
}
