//! The constants of claiming, each with the reason for its value. Figures are from 2 cores; the benchmark's page says how they were
//! measured.

use std::time::Duration;

/// The most jobs that one statement claims: drains are 1.05 to 1.15 times as fast as with 500.
pub(super) const MAX_CLAIM: usize = 1_000;

/// The most jobs that wait for a slot: enough to keep the slots busy while the next full claim is in flight.
pub(super) const MAX_PREFETCH: usize = 2 * MAX_CLAIM;

/// A job that takes longer is never a reason to prefetch: slow jobs spread over the workers.
pub(super) const QUICK: Duration = Duration::from_millis(50);

/// Jobs are prefetched for this long, at least and at most, beside the time that a claim takes, judging by the last ones. In between, for
/// ten times as long as a claim takes, so that claims stay few if they become slow: with 8 workers on PostgreSQL, drains are 1.2 times as
/// fast as with a fixed window of 50 ms.
pub(super) const PREFETCH_WINDOW: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));

/// How long a prefetched job may wait for a slot before other workers may have it: long enough that only a queue whose jobs have suddenly
/// become slow gets there.
pub(super) const PREFETCH_TTL: Duration = Duration::from_secs(1);

/// A queue is busy after this many claims in a row that returned jobs: it is claimed from the cursor, and claims of few are coalesced.
pub(super) const BUSY_AFTER: u32 = 3;

/// A worker is awake after this many claims that returned jobs, each within `SHORT_POLL_MAX` of the one before. It polls by itself:
/// notifying it would cost each commit of a scheduler more (2,100 jobs/s scheduled one by one, and 6,400 to 9,000 beside a worker that is awake).
pub(super) const AWAKE_AFTER: u32 = 3;

/// The first pause between the claims of a worker that is awake; each further one is twice as long. Claims of a busy queue that return few are
/// this far apart: one that returns several costs hardly more than one that returns a single job.
pub(super) const SHORT_POLL_MIN: Duration = Duration::from_millis(1);

/// The pause at which it falls asleep instead: four short polls cost less than falling asleep and being woken.
pub(super) const SHORT_POLL_MAX: Duration = Duration::from_millis(16);

/// The first pause of a worker that sleeps; each further one is twice as long, up to the poll interval.
pub(super) const IDLE_BACKOFF_MIN: Duration = Duration::from_millis(50);

/// How often queues in which nothing was due are rechecked while others are busy, unless that takes more than a tenth of the time.
/// Without rechecks, their jobs waited 2 to 4 seconds for a drain of 15,000.
pub(super) const RECHECK_OTHERS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// The pauses between two tries while the database does not answer.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// How often a worker that sees due jobs and gets none requests a heartbeat, which shows whether its row still exists.
pub(super) const HEARTBEAT_REQUESTS: Duration = Duration::from_secs(1);

/// How many places with a limit one statement walks, and how many it looks up by their keys.
pub(super) const WALK_PLACES: usize = 100;
pub(super) const WALK_PROBES: usize = 100;

/// How many places whose jobs must wait are remembered, of each queue: those that wait for a limit, and those that are due later.
pub(super) const WALK_REMEMBERED: usize = 10_000;

/// A round over all places is followed by a pause of that many times its length, so that it takes a tenth of the time, but no longer than
/// this.
pub(super) const WALK_SHARE: u32 = 9;
pub(super) const WALK_PAUSE: Duration = Duration::from_secs(5);

/// If the pause is longer than this, the newest jobs are looked at meanwhile: one of a new key does not wait for the next round.
pub(super) const LONG_PAUSE: Duration = Duration::from_millis(20);

/// How long places are walked at a stretch before a worker falls asleep.
pub(super) const WALK_STRETCH: Duration = Duration::from_millis(50);

/// For how long jobs without a limit are not asked for after none were due, while jobs with a limit are claimed: a claim of those takes two
/// statements less.
pub(super) const ONLY_LIMITED: Duration = Duration::from_millis(50);

/// How often limits are asked for: definitions may have been declared with others since.
pub(super) const LIMITS_CURRENT: Duration = Duration::from_secs(10);

/// The first and the longest pause after a claim that met others under the same limits: theirs takes a few milliseconds, unless they are
/// frozen.
pub(super) const LIMIT_BUSY: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));
