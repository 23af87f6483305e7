//! The queues a worker serves, each with its own number of slots.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::wake::Woken;

/// A queue, as one worker serves it.
pub(super) struct Lane {
    pub(super) queue: String,
    slots: Arc<Semaphore>,
    /// There may be due jobs: the last claim came back full, or there was a wake-up since.
    pub(super) hungry: bool,
}

impl Lane {
    /// Takes the free slots, at most so many.
    pub(super) fn take_slots(&self, most: usize) -> Option<OwnedSemaphorePermit> {
        let free = self.slots.available_permits().min(most);
        let free = u32::try_from(free).ok().filter(|free| *free > 0)?;
        self.slots.clone().try_acquire_many_owned(free).ok()
    }

    fn has_room(&self) -> bool {
        self.slots.available_permits() > 0
    }
}

pub(super) struct Lanes(Vec<Lane>);

impl Lanes {
    pub(super) fn new(queues: &[(String, usize)]) -> Self {
        let lane = |(queue, concurrency): &(String, usize)| Lane {
            queue: queue.clone(),
            slots: Arc::new(Semaphore::new(*concurrency)),
            hungry: true,
        };
        Self(queues.iter().map(lane).collect())
    }

    /// Those that may have due jobs, and room for them.
    pub(super) fn ready(&mut self) -> impl Iterator<Item = &mut Lane> {
        self.0.iter_mut().filter(|lane| lane.hungry && lane.has_room())
    }

    pub(super) fn is_ready(&self) -> bool {
        self.0.iter().any(|lane| lane.hungry && lane.has_room())
    }

    /// Those in which nothing was due when last looked.
    pub(super) fn drained(&self) -> Vec<String> {
        self.0.iter().filter(|lane| !lane.hungry).map(|lane| lane.queue.clone()).collect()
    }

    pub(super) fn wake(&mut self, woken: &Woken) {
        for lane in &mut self.0 {
            lane.hungry |= woken.all || woken.queues.contains(&lane.queue);
        }
    }

    pub(super) fn wake_queue(&mut self, queue: &str) {
        for lane in self.0.iter_mut().filter(|lane| lane.queue == queue) {
            lane.hungry = true;
        }
    }
}
