//! How a worker waits when there is nothing to claim.

use std::sync::atomic::Ordering;
use std::time::Instant;

use sea_orm::DbErr;

use super::{Claimer, WhenIdle};
use crate::store::claim::Look;
use crate::store::cursor::ClaimCursor;

#[derive(PartialEq, Eq)]
enum WakeReason {
    Notified,
    TimedOut,
}

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
        let (store, asked_at) = (self.client.store(), Instant::now());
        let Look { due, paused } = self.client.with_timeout(store.look(&queues, &self.names)).await?;
        self.pause(&paused, asked_at).await;
        self.decide(|strategy, situation| strategy.rechecked(&due, was_idle, situation));
        Ok(())
    }

    /// Only a worker that is marked as asleep is notified, and only if the database can.
    pub(super) async fn mark_asleep(&mut self, queues: Vec<String>) -> Result<(), DbErr> {
        if self.session.listening.load(Ordering::SeqCst) && self.strategy.asleep() != queues {
            let store = self.client.store();
            self.client.with_timeout(store.sleep_on(self.session.identity.id, &queues)).await?;
            self.strategy.is_asleep_on(queues);
        }
        Ok(())
    }

    pub(super) async fn short_poll(&mut self, until: Instant) {
        if self.wait(until).await == WakeReason::TimedOut {
            self.strategy.polled();
        }
    }

    pub(super) async fn sleep(&mut self, until: Instant) {
        if self.wait(until).await == WakeReason::TimedOut {
            self.strategy.slept();
        }
    }

    /// Waits until there is something to claim, the time `until` has come, or the worker is stopped.
    async fn wait(&mut self, until: Instant) -> WakeReason {
        let session = self.session.clone();
        let next_expiry = self.queues.iter().filter_map(|queue| queue.buffer.next_expiry()).min();
        let until = next_expiry.map_or(until, |expiry| until.min(expiry));
        loop {
            tokio::select! {
                () = session.phases.stop_claiming.cancelled() => return WakeReason::Notified,
                () = tokio::time::sleep_until(until.into()) => return WakeReason::TimedOut,
                () = session.wakeups.woken() => {
                    let woken = session.wakeups.take();
                    let asks_again = self.decide(|strategy, situation| strategy.woken(&woken, situation));
                    self.start();
                    if asks_again {
                        return WakeReason::TimedOut;
                    }
                    let is_ready = self.decide(|strategy, situation| strategy.is_ready(situation));
                    if is_ready || (self.when_idle == WhenIdle::Return && session.in_flight.is_empty()) {
                        return WakeReason::Notified;
                    }
                }
            }
        }
    }
}
