//! When it is the turn of queues in which nothing was due, while there is work in others.

use std::time::Duration;

use tokio::time::Instant;

/// How often they are looked at, unless that takes more than a tenth of the time.
const OFTEN: Duration = Duration::from_millis(50);
const SELDOM: Duration = Duration::from_secs(1);

pub(super) struct Turn(Instant);

impl Turn {
    pub(super) fn new(now: Instant) -> Self {
        Self(now + OFTEN)
    }

    pub(super) fn is_due(&self) -> bool {
        Instant::now() >= self.0
    }

    /// Has just been looked, since then.
    pub(super) fn asked(&mut self, begun: Instant) {
        let now = Instant::now();
        self.0 = now + (now.duration_since(begun) * 10).clamp(OFTEN, SELDOM);
    }
}
