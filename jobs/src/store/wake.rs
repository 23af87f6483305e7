//! Wake-ups within the process: hints that make workers check at once. Polling makes up for those that are missed.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, Weak};

use tokio::sync::Notify;

use super::lock::lock;

/// The wake-ups of one worker: its tasks sleep until there may be work.
#[derive(Debug, Default)]
pub(crate) struct Wakeups {
    woken: Mutex<Woken>,
    wake: Notify,
    /// A running job may have been asked to cancel: time for a heartbeat.
    pub(crate) beat: Notify,
    /// Schedules may have changed: time to check when the next one is due.
    pub(crate) cron: Notify,
}

/// What a worker was woken for since it last checked.
#[derive(Debug, Default)]
pub(crate) struct Woken {
    /// Whether it was woken for all queues, for whatever reason.
    pub(crate) all: bool,
    /// Whether to check when the next job is due.
    pub(crate) recheck_due: bool,
    pub(crate) queues: HashSet<String>,
    /// The queues that may have been paused or resumed.
    pub(crate) changed: HashSet<String>,
    /// The names and keys of jobs that have ended and counted for a limit.
    pub(crate) ended: HashSet<(String, String)>,
}

static ALL: Mutex<Vec<Weak<Wakeups>>> = Mutex::new(Vec::new());

impl Wakeups {
    /// Creates the wake-ups of a worker, which is woken by everything that this process schedules and cancels.
    pub(crate) fn new() -> Arc<Self> {
        let wakeups = Arc::new(Self::default());
        let mut all = lock(&ALL);
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(&wakeups));
        wakeups
    }

    /// Wakes it because jobs may be due in this queue.
    pub(crate) fn wake(&self, queue: &str) {
        lock(&self.woken).queues.insert(queue.to_owned());
        self.wake.notify_one();
    }

    /// Wakes it because anything may have happened: wake-ups may have been missed.
    pub(crate) fn wake_all(&self) {
        lock(&self.woken).all = true;
        self.wake.notify_one();
    }

    /// Wakes it because a job may have become due sooner than was known.
    pub(crate) fn recheck_due(&self) {
        lock(&self.woken).recheck_due = true;
        self.wake.notify_one();
    }

    /// Wakes it because this queue may have been paused or resumed.
    pub(crate) fn queue_changed(&self, queue: &str) {
        lock(&self.woken).changed.insert(queue.to_owned());
        self.wake.notify_one();
    }

    /// Wakes it because a job of this name has ended that counted for a limit: there may be room for others.
    pub(crate) fn limited_ended(&self, name: &str, key: &str) {
        lock(&self.woken).ended.insert((name.to_owned(), key.to_owned()));
        self.wake.notify_one();
    }

    /// Wakes it for a reason other than a queue (a slot has become free).
    pub(crate) fn notify(&self) {
        self.wake.notify_one();
    }

    /// Returns when something has happened since the last call.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Takes the wake-ups since the last call.
    pub(crate) fn take(&self) -> Woken {
        std::mem::take(&mut *lock(&self.woken))
    }
}

/// Announces that jobs were scheduled in this queue, perhaps in a transaction that is still open.
pub(crate) fn scheduled(queue: &str) {
    for_each(|wakeups| wakeups.wake(queue));
}

/// Announces that this queue was paused or resumed, perhaps in a transaction that is still open.
pub(crate) fn queue_changed(queue: &str) {
    for_each(|wakeups| wakeups.queue_changed(queue));
}

/// Announces that a job of this name has ended that counted for a limit.
pub(crate) fn limited_ended(name: &str, key: &str) {
    for_each(|wakeups| wakeups.limited_ended(name, key));
}

/// Announces that jobs and schedules have become due sooner than was known.
pub(crate) fn advanced() {
    for_each(Wakeups::recheck_due);
    cron_changed();
}

/// Announces that schedules were changed, perhaps in a transaction that is still open.
pub(crate) fn cron_changed() {
    for_each(|wakeups| wakeups.cron.notify_one());
}

/// Announces that a running job was asked to cancel.
pub(crate) fn cancel_requested() {
    for_each(|wakeups| wakeups.beat.notify_one());
}

fn for_each(tell: impl Fn(&Wakeups)) {
    for wakeups in lock(&ALL).iter().filter_map(Weak::upgrade) {
        tell(&wakeups);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_checks_what_is_due_when_jobs_have_become_due_sooner() {
        let wakeups = Wakeups::new();
        advanced();
        let woken = wakeups.take();
        assert!(woken.recheck_due && !woken.all, "{woken:?}");
    }
}
