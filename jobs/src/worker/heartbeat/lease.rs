//! How long a worker may act as the owner of its jobs, by its own monotonic clock.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::store::lock::lock;

/// The lease, as far as this process knows. It counts from when the last good heartbeat was *sent*.
#[derive(Debug)]
pub(in crate::worker) struct Lease {
    times: Mutex<Times>,
    /// The time from the last good beat until jobs must be asked to stop.
    usable: Duration,
    whole: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Times {
    last_good: Instant,
    /// The first of the good beats that followed each other without a gap.
    healthy_since: Instant,
}

impl Lease {
    pub(in crate::worker) fn new(sent: Instant, whole: Duration, grace: Duration, margin: Duration) -> Self {
        let times = Times { last_good: sent, healthy_since: sent };
        Self { times: Mutex::new(times), usable: whole.saturating_sub(grace + margin), whole }
    }

    /// Records a good beat that was sent at this time.
    pub(in crate::worker) fn renew(&self, sent: Instant) {
        let mut times = lock(&self.times);
        if sent.duration_since(times.last_good) > self.usable {
            times.healthy_since = sent;
        }
        times.last_good = sent;
    }

    /// When claiming and starting must end, and jobs must be asked to stop.
    pub(in crate::worker) fn deadline(&self) -> Instant {
        lock(&self.times).last_good + self.usable
    }

    /// Whether new work may begin.
    pub(in crate::worker) fn holds(&self) -> bool {
        Instant::now() < self.deadline()
    }

    /// Whether beats have gone well for a whole lease. Only then may this worker call others dead.
    pub(in crate::worker) fn is_trusted(&self) -> bool {
        self.holds() && lock(&self.times).healthy_since.elapsed() >= self.whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn work_ends_early_enough_for_jobs_to_stop_before_others_take_them() {
        let sent = Instant::now();
        let lease = Lease::new(sent, 30 * SECOND, 5 * SECOND, 2 * SECOND);
        assert_eq!(lease.deadline(), sent + 23 * SECOND);
    }

    #[test]
    fn trust_begins_again_after_a_gap() {
        let Some(long_ago) = Instant::now().checked_sub(100 * SECOND) else { return };
        let lease = Lease::new(long_ago, 30 * SECOND, 5 * SECOND, 2 * SECOND);
        lease.renew(Instant::now());
        assert!(lease.holds() && !lease.is_trusted());
    }
}
