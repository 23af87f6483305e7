//! When nothing can be claimed: how long to poll, when to fall asleep, and for how long to sleep.

use std::collections::HashMap;
use std::time::Duration;

use super::{Action, Situation, Strategy};
use crate::worker::claim::WhenIdle;
use crate::worker::claim::demand::QueueState;
use crate::worker::claim::tuning::{HEARTBEAT_REQUESTS, IDLE_BACKOFF_MIN, SHORT_POLL_MAX, SHORT_POLL_MIN};

impl Strategy {
    pub(super) fn when_nothing_can_be_claimed(&mut self, situation: &Situation) -> Action {
        let has_asked = std::mem::take(&mut self.has_asked);
        let idle = self.idle_queues();
        if idle.is_empty() && !self.queues.iter().all(QueueState::is_paused) {
            // All slots are taken: only a free one matters, or a queue that is resumed.
            return match self.paused_at {
                Some(at) if has_asked || !self.must_check_paused(situation) => {
                    Action::Sleep(at + situation.poll_interval)
                }
                _ => Action::CheckPaused,
            };
        }
        if self.when_idle == WhenIdle::Sleep && self.is_awake(situation) && self.backoff < SHORT_POLL_MAX {
            let until = situation.now + self.backoff;
            self.backoff *= 2;
            return Action::ShortPoll(until);
        }
        for queue in &mut self.queues {
            queue.rest();
        }
        Action::FallAsleep(idle)
    }

    /// Records that the worker's row says that it sleeps on these queues.
    pub(in crate::worker::claim) fn is_asleep_on(&mut self, queues: Vec<String>) {
        self.asleep = queues;
    }

    pub(in crate::worker::claim) fn asleep(&self) -> &[String] {
        &self.asleep
    }

    /// Before it sleeps, the idle queues were asked when their first jobs are due. `was_idle`: nothing was running before.
    pub(in crate::worker::claim) fn rechecked(
        &mut self,
        due: &HashMap<String, Duration>,
        was_idle: bool,
        situation: &Situation,
    ) {
        self.has_asked = false;
        if self.is_ready(situation) {
            // A queue was resumed.
            return;
        }
        let is_due_now = due.values().any(Duration::is_zero);
        if is_due_now && !self.in_vain {
            // Unless the claim returns something, another transaction holds the due jobs.
            self.in_vain = true;
            return self.wake_due(due);
        }
        self.in_vain = is_due_now;
        let returns = !is_due_now && was_idle && self.when_idle == WhenIdle::Return;
        self.decided = Some(if returns { Action::Return } else { self.sleep(due, situation) });
    }

    /// Sleeps until the first job is due, or it is time to ask again.
    fn sleep(&mut self, due: &HashMap<String, Duration>, situation: &Situation) -> Action {
        let next_due = due.values().filter(|wait| !wait.is_zero()).min();
        let until = situation.now + next_due.map_or(self.backoff, |wait| self.backoff.min(*wait));
        self.backoff = (self.backoff * 2).min(situation.poll_interval);
        let asked_lately = |at| situation.now.duration_since(at) < HEARTBEAT_REQUESTS;
        if self.in_vain && !self.heartbeat_at.is_some_and(asked_lately) {
            // This worker's row may be gone, so that it claims nothing: the next heartbeat will show it.
            self.heartbeat_at = Some(situation.now);
            return Action::SleepInVain(until);
        }
        Action::Sleep(until)
    }

    /// Its time to sleep is over.
    pub(in crate::worker::claim) fn slept(&mut self) {
        self.in_vain = false;
    }

    /// Its short pause is over: it does not ask first whether anything is due.
    pub(in crate::worker::claim) fn polled(&mut self) {
        self.queues.iter_mut().filter(|queue| queue.is_idle()).for_each(QueueState::wake);
    }

    /// Others do not wake it: it polls by itself.
    fn is_awake(&self, situation: &Situation) -> bool {
        situation.is_notified && self.asleep.is_empty()
    }

    /// A worker that is awake polls again soon: falling asleep, and being woken, costs more.
    pub(super) fn first_backoff(&self, situation: &Situation) -> Duration {
        if self.is_awake(situation) { SHORT_POLL_MIN } else { IDLE_BACKOFF_MIN }
    }
}
