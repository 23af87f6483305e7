//! The queues a worker serves, each with its own number of slots, and what was claimed for them.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sea_orm::DbErr;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::in_flight::InFlightJob;
use super::pace::Pace;
use crate::store::Store;
use crate::store::claim::Ask;
use crate::store::claimed::Claimed;
use crate::store::front::Front;
use crate::store::lock::lock;
use crate::store::wake::Woken;

/// The most jobs that one statement claims.
const MAX_CLAIM: usize = 1_000;

/// The most jobs that wait for a slot: enough to go on with while the next claim is under way.
const MAX_AHEAD: usize = 2 * MAX_CLAIM;

/// How long a claimed job may wait for a slot before other workers may have it.
const PATIENCE: Duration = Duration::from_secs(1);

/// A queue, as one worker serves it.
pub(super) struct Lane {
    slots: Arc<Semaphore>,
    /// Claimed, and not started yet, since when.
    waiting: Mutex<VecDeque<(Instant, Arc<InFlightJob>)>>,
    pace: Mutex<Pace>,
    /// With so many left waiting it is time to claim again.
    low: AtomicUsize,
}

impl Lane {
    /// The job that is to start next, and whether it is time to claim again.
    pub(super) fn next(&self) -> Option<(Arc<InFlightJob>, bool)> {
        let mut waiting = lock(&self.waiting);
        let (_, owned) = waiting.pop_front()?;
        Some((owned, waiting.len() == self.low.load(Ordering::SeqCst)))
    }

    /// A job that was started then has ended.
    pub(super) fn ended(&self, started: Instant) {
        lock(&self.pace).ended(started, Instant::now());
    }

    fn waiting(&self) -> usize {
        lock(&self.waiting).len()
    }

    fn oldest(&self) -> Option<Instant> {
        lock(&self.waiting).front().map(|(since, _)| *since)
    }

    /// Takes out the first that wait, as long as they have waited since such a time.
    fn take(&self, since: impl Fn(Instant) -> bool) -> Vec<Arc<InFlightJob>> {
        let mut waiting = lock(&self.waiting);
        let rest = waiting.iter().position(|(then, _)| !since(*then)).unwrap_or(waiting.len());
        waiting.drain(..rest).map(|(_, owned)| owned).collect()
    }
}

/// What is to be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Appetite {
    /// Nothing: nothing was due when last looked.
    None,
    /// Only what starts at once. There may be due jobs, and the last claim brought nothing ahead: those that are left may not wait for a
    /// slot, as those on their last attempt.
    ForSlots,
    /// There may be due jobs: the last claim brought some of many, or there was a wake-up since.
    All,
}

/// A lane, with what its claimer knows of the queue.
pub(super) struct Served {
    pub(super) queue: String,
    pub(super) lane: Arc<Lane>,
    appetite: Appetite,
    /// Nothing is claimed until it is resumed.
    paused: bool,
    /// The last claim came back full: more are waiting than fit into the slots.
    deep: bool,
    /// How many claims have brought jobs since nothing was due.
    flow: u32,
    front: Front,
}

/// After so many claims that brought jobs more are to be expected.
const FLOWS: u32 = 3;

impl Served {
    /// What to claim next; `None` where there is no room, or where nothing is to be claimed.
    fn ask(&self) -> Option<Ask> {
        if self.paused || self.appetite == Appetite::None {
            return None;
        }
        let ahead = lock(&self.lane.pace).lately(Instant::now()).min(MAX_AHEAD);
        // What waits is not topped up job by job: a full batch costs hardly more than a single job.
        let low = ahead - MAX_CLAIM.min(ahead / 2);
        self.lane.low.store(low, Ordering::SeqCst);
        let waiting = self.lane.waiting();
        let slots = self.lane.slots.available_permits().saturating_sub(waiting);
        let wanted = (slots + ahead.saturating_sub(waiting)).min(MAX_CLAIM);
        let may_bring = if self.appetite == Appetite::ForSlots { slots > 0 } else { wanted > 0 };
        (may_bring && waiting <= low).then_some(Ask { wanted, slots })
    }

    /// Claims so many.
    pub(super) async fn claim(
        &mut self,
        store: &Store,
        worker: i64,
        names: &[&str],
        ask: Ask,
    ) -> Result<Vec<Claimed>, DbErr> {
        let claimed = if self.deep || self.flows() {
            store.claim_from_front(worker, &self.queue, names, ask, &mut self.front).await?
        } else {
            store.claim(worker, &self.queue, names, ask).await?
        };
        self.flow = self.flow.saturating_add(u32::from(!claimed.is_empty()));
        self.deep = claimed.len() == ask.wanted;
        self.appetite = if self.deep {
            Appetite::All
        } else if claimed.len() >= ask.slots {
            Appetite::ForSlots
        } else if self.flows() && !claimed.is_empty() {
            // Others may have become due.
            Appetite::All
        } else {
            Appetite::None
        };
        Ok(claimed)
    }

    fn flows(&self) -> bool {
        self.flow >= FLOWS
    }

    /// Lets these jobs wait for a slot.
    pub(super) fn wait(&self, claimed: impl Iterator<Item = Arc<InFlightJob>>) {
        let now = Instant::now();
        lock(&self.lane.waiting).extend(claimed.map(|owned| (now, owned)));
    }

    /// The next job that waits, with a slot for it.
    pub(super) fn next(&self) -> Option<(OwnedSemaphorePermit, Arc<InFlightJob>)> {
        if self.lane.waiting() == 0 {
            return None;
        }
        let slot = self.lane.slots.clone().try_acquire_owned().ok()?;
        self.lane.next().map(|(owned, _)| (slot, owned))
    }
}

pub(super) struct Lanes(Vec<Served>);

impl Lanes {
    pub(super) fn new(queues: &[(String, usize)]) -> Self {
        let now = Instant::now();
        let served = |(queue, concurrency): &(String, usize)| Served {
            queue: queue.clone(),
            lane: Arc::new(Lane {
                slots: Arc::new(Semaphore::new(*concurrency)),
                waiting: Mutex::default(),
                pace: Mutex::new(Pace::new(now)),
                low: AtomicUsize::new(0),
            }),
            appetite: Appetite::All,
            paused: false,
            deep: false,
            flow: 0,
            front: Front::default(),
        };
        Self(queues.iter().map(served).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Served> {
        self.0.iter()
    }

    /// Those that may have due jobs, and room for them.
    pub(super) fn ready(&mut self) -> impl Iterator<Item = (Ask, &mut Served)> {
        self.0.iter_mut().filter_map(|served| Some((served.ask()?, served)))
    }

    pub(super) fn is_ready(&self) -> bool {
        self.0.iter().any(|served| served.ask().is_some())
    }

    /// Those in which nothing was due when last looked, and which are not paused.
    pub(super) fn drained(&self) -> Vec<String> {
        self.0
            .iter()
            .filter(|served| served.appetite == Appetite::None && !served.paused)
            .map(|served| served.queue.clone())
            .collect()
    }

    pub(super) fn serve_any(&self, queues: &HashSet<String>) -> bool {
        self.0.iter().any(|served| queues.contains(&served.queue))
    }

    pub(super) fn are_all_paused(&self) -> bool {
        self.0.iter().all(|served| served.paused)
    }

    /// From now on these are paused, and no others. Takes out what waits there for a slot.
    pub(super) fn pause(&mut self, paused: &HashSet<String>) -> Vec<Arc<InFlightJob>> {
        for served in &mut self.0 {
            let was_paused = std::mem::replace(&mut served.paused, paused.contains(&served.queue));
            if served.paused {
                (served.deep, served.flow, served.front) = (false, 0, Front::default());
            } else if was_paused {
                served.appetite = Appetite::All;
            }
        }
        self.0.iter().filter(|served| served.paused).flat_map(|served| served.lane.take(|_| true)).collect()
    }

    /// Nothing more is expected there soon: the next claim looks everywhere.
    pub(super) fn calm_down(&mut self) {
        for served in self.0.iter_mut().filter(|served| served.appetite == Appetite::None) {
            (served.flow, served.front) = (0, Front::default());
        }
    }

    /// Jobs come in, and each claim so far has got all that were due.
    pub(super) fn trickle(&self) -> bool {
        self.0.iter().any(Served::flows) && !self.0.iter().any(|served| served.appetite == Appetite::All && served.deep)
    }

    /// False: none of them is to claim now.
    pub(super) fn wake(&mut self, woken: &Woken) -> bool {
        let mut any = false;
        for served in self.0.iter_mut().filter(|served| woken.all || woken.queues.contains(&served.queue)) {
            served.appetite = Appetite::All;
            any |= !served.paused;
        }
        any
    }

    pub(super) fn wake_queue(&mut self, queue: &str) {
        for served in self.0.iter_mut().filter(|served| served.queue == queue) {
            served.appetite = Appetite::All;
        }
    }

    /// When the first of the waiting jobs has waited for too long.
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        self.0.iter().filter_map(|served| served.lane.oldest()).min().map(|oldest| oldest + PATIENCE)
    }

    /// Takes out those that have waited for a slot for too long.
    pub(super) fn take_impatient(&self) -> Vec<Arc<InFlightJob>> {
        let now = Instant::now();
        let is_impatient = |since: Instant| now.duration_since(since) >= PATIENCE;
        self.0.iter().flat_map(|served| served.lane.take(is_impatient)).collect()
    }

    /// Takes out all that wait for a slot.
    pub(super) fn take_all(&self) -> Vec<Arc<InFlightJob>> {
        self.0.iter().flat_map(|served| served.lane.take(|_| true)).collect()
    }
}
