//! Wake-ups within the process: hints that make workers look at once. Polling makes it true.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

use super::lock::lock;

/// Someone who sleeps until there may be work.
#[derive(Debug, Default)]
pub(crate) struct Sleeper {
    woken: Mutex<Woken>,
    wake: Notify,
    /// A running job may have been asked to cancel: time for a heartbeat.
    pub(crate) beat: Notify,
    /// Schedules may have been changed: time to look when the next one is due.
    pub(crate) cron: Notify,
}

/// For which queues a sleeper was woken since it last looked.
#[derive(Debug, Default)]
pub(crate) struct Woken {
    /// For all, for whatever reason.
    pub(crate) all: bool,
    /// Look when the next job is due.
    pub(crate) look: bool,
    pub(crate) queues: HashSet<String>,
    /// Those that may have been paused or resumed.
    pub(crate) changed: HashSet<String>,
}

static SLEEPERS: Mutex<Vec<Weak<Sleeper>>> = Mutex::new(Vec::new());

impl Sleeper {
    /// A sleeper that hears of everything that this process schedules and cancels.
    pub(crate) fn new() -> Arc<Self> {
        let sleeper = Arc::new(Self::default());
        let mut sleepers = lock(&SLEEPERS);
        sleepers.retain(|known| known.strong_count() > 0);
        sleepers.push(Arc::downgrade(&sleeper));
        sleeper
    }

    /// Jobs may be due in this queue.
    pub(crate) fn wake(&self, queue: &str) {
        lock(&self.woken).queues.insert(queue.to_owned());
        self.wake.notify_one();
    }

    /// Anything may have happened: wake-ups may have been missed.
    pub(crate) fn wake_all(&self) {
        lock(&self.woken).all = true;
        self.wake.notify_one();
    }

    /// A job may have become due sooner than was known.
    pub(crate) fn look(&self) {
        lock(&self.woken).look = true;
        self.wake.notify_one();
    }

    /// This queue may have been paused or resumed.
    pub(crate) fn queue_changed(&self, queue: &str) {
        lock(&self.woken).changed.insert(queue.to_owned());
        self.wake.notify_one();
    }

    /// Look again, for a reason that is no wake-up of a queue (a slot has become free).
    pub(crate) fn nudge(&self) {
        self.wake.notify_one();
    }

    /// Returns when something has happened since the last call.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// For which queues there were wake-ups since the last call.
    pub(crate) fn take(&self) -> Woken {
        std::mem::take(&mut *lock(&self.woken))
    }
}

/// Jobs were scheduled in this queue, perhaps in a transaction that is still open.
pub(crate) fn scheduled(queue: &str) {
    for_each(|sleeper| sleeper.wake(queue));
}

/// This queue was paused or resumed, perhaps in a transaction that is still open.
pub(crate) fn queue_changed(queue: &str) {
    for_each(|sleeper| sleeper.queue_changed(queue));
}

/// Jobs and schedules have become due sooner than was known.
pub(crate) fn advanced() {
    for_each(Sleeper::look);
    cron_changed();
}

/// Schedules were changed, perhaps in a transaction that is still open.
pub(crate) fn cron_changed() {
    for_each(|sleeper| sleeper.cron.notify_one());
}

/// A running job was asked to cancel.
pub(crate) fn cancel_requested() {
    for_each(|sleeper| sleeper.beat.notify_one());
}

fn for_each(tell: impl Fn(&Sleeper)) {
    for sleeper in lock(&SLEEPERS).iter().filter_map(Weak::upgrade) {
        tell(&sleeper);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_sleeps_looks_when_jobs_have_become_due_sooner() {
        let sleeper = Sleeper::new();
        advanced();
        let woken = sleeper.take();
        assert!(woken.look && !woken.all, "{woken:?}");
    }
}
