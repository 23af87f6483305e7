//! When there is nothing to claim: it says that it sleeps, looks once more, and waits.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::{Claimer, Next, WhenIdle};
use crate::store::claim::Look;

/// The pause before the first look of a worker that sleeps; each further one is twice as long, up to the poll interval.
pub(super) const FIRST_LOOK: Duration = Duration::from_millis(50);

/// The same for one that is awake, and the pause at which it falls asleep.
pub(super) const FIRST_GLANCE: Duration = Duration::from_millis(1);
pub(super) const LAST_GLANCE: Duration = Duration::from_millis(16);

/// How often it asks for a heartbeat at most.
const ASK_FOR_BEAT: Duration = Duration::from_secs(1);

#[derive(PartialEq, Eq)]
pub(super) enum Woken {
    ByEvent,
    ByTime,
}

impl Claimer {
    /// Nothing is due, or all slots are taken: says that it sleeps, looks once more, and waits.
    pub(super) async fn rest(&mut self) -> Result<Next, DbErr> {
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
        let was_idle = self.session.in_flight.is_empty();
        let (store, asked) = (self.client.store(), Instant::now());
        let Look { due, paused } = self.client.with_timeout(store.look(&drained, &self.names)).await?;
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
        } else if self.beat_asked_at.is_none_or(|asked| asked.elapsed() >= ASK_FOR_BEAT) {
            // Or this worker's row is gone, and it claims nothing any more: the next heartbeat tells.
            self.beat_asked_at = Some(Instant::now());
            self.session.sleeper.beat.notify_one();
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
    pub(super) async fn sleep_until_woken(&mut self, until: Instant) -> Woken {
        let session = self.session.clone();
        let until = self.lanes.patience_ends().map_or(until, |patience| until.min(patience.into()));
        loop {
            tokio::select! {
                () = session.phases.stop_claiming.cancelled() => return Woken::ByEvent,
                () = tokio::time::sleep_until(until) => return Woken::ByTime,
                () = session.sleeper.woken() => {
                    let woken = session.sleeper.take();
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
                    if self.lanes.is_ready() || (self.when_idle == WhenIdle::Return && session.in_flight.is_empty()) {
                        return Woken::ByEvent;
                    }
                }
            }
        }
    }

    /// Only a worker that says it sleeps is notified, and only where the database can.
    pub(super) async fn mark_asleep(&mut self, queues: &[String]) -> Result<(), DbErr> {
        if self.session.listening.load(Ordering::SeqCst) && self.asleep != queues {
            let store = self.client.store();
            self.client.with_timeout(store.sleep_on(self.session.identity.id, queues)).await?;
            self.asleep = queues.to_vec();
        }
        Ok(())
    }

    /// One that is not asleep looks again soon: falling asleep, and being woken, costs more.
    pub(super) fn first_look(&self) -> Duration {
        if self.is_awake() { FIRST_GLANCE } else { FIRST_LOOK }
    }

    /// Others do not wake it: it looks by itself.
    fn is_awake(&self) -> bool {
        self.session.listening.load(Ordering::SeqCst) && self.asleep.is_empty()
    }

    pub(super) fn poll_interval(&self) -> Duration {
        self.session.config.poll_interval(self.session.listening.load(Ordering::SeqCst))
    }
}
