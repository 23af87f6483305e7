//! A queue's slots, and the jobs that are claimed for them and have not started.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::throughput::Throughput;
use super::tuning::{MAX_CLAIM, MAX_PREFETCH, PREFETCH_TTL};
use crate::store::lock::lock;

/// Jobs that wait for one of a queue's slots.
pub(in crate::worker) struct PrefetchBuffer<T> {
    slots: Arc<Semaphore>,
    /// In the order in which they start, each with the time at which it was claimed.
    waiting: Mutex<VecDeque<(Instant, T)>>,
    throughput: Mutex<Throughput>,
    /// It is time to claim again when this many are left.
    low_watermark: AtomicUsize,
}

/// How much a queue's slots could take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Room {
    /// Slots that nothing waits for.
    pub(super) free_slots: usize,
    /// Jobs that are claimed and have not started.
    pub(super) waiting: usize,
    /// How many may wait, by how fast they were used up recently.
    pub(super) prefetch: usize,
}

impl Room {
    /// The number of waiting jobs at which it is time to claim again.
    pub(super) fn low_watermark(self) -> usize {
        low_watermark(self.prefetch)
    }
}

/// Waiting jobs are not topped up one by one: a full claim costs hardly more than a claim of a single job.
fn low_watermark(prefetch: usize) -> usize {
    prefetch - MAX_CLAIM.min(prefetch / 2)
}

impl<T> PrefetchBuffer<T> {
    pub(super) fn new(concurrency: usize, now: Instant) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(concurrency)),
            waiting: Mutex::default(),
            throughput: Mutex::new(Throughput::new(now)),
            low_watermark: AtomicUsize::new(0),
        }
    }

    /// How much could be claimed now. Sets the mark at which a slot that takes a job says that it is time to claim.
    pub(super) fn room(&self, now: Instant) -> Room {
        let prefetch = lock(&self.throughput).recent(now).min(MAX_PREFETCH);
        // Before the waiting jobs are counted: a slot that takes a job after that compares with this mark.
        self.low_watermark.store(low_watermark(prefetch), Ordering::SeqCst);
        let waiting = lock(&self.waiting).len();
        let free_slots = self.slots.available_permits().saturating_sub(waiting);
        Room { free_slots, waiting, prefetch }
    }

    /// Records how long a claim took.
    pub(super) fn claim_took(&self, took: Duration) {
        lock(&self.throughput).claim_took(took);
    }

    /// Lets these jobs wait for a slot.
    pub(super) fn push(&self, jobs: impl Iterator<Item = T>, now: Instant) {
        lock(&self.waiting).extend(jobs.map(|job| (now, job)));
    }

    /// The job that starts next, and whether it is time to claim again.
    pub(in crate::worker) fn next(&self) -> Option<(T, bool)> {
        let mut waiting = lock(&self.waiting);
        let (_, job) = waiting.pop_front()?;
        Some((job, waiting.len() == self.low_watermark.load(Ordering::SeqCst)))
    }

    /// The job that starts next, with a slot for it.
    pub(super) fn next_in_free_slot(&self) -> Option<(OwnedSemaphorePermit, T)> {
        if lock(&self.waiting).is_empty() {
            return None;
        }
        let slot = self.slots.clone().try_acquire_owned().ok()?;
        self.next().map(|(job, _)| (slot, job))
    }

    /// Records the end of a job that was started at this time.
    pub(in crate::worker) fn ended(&self, started: Instant) {
        let now = Instant::now();
        lock(&self.throughput).ended(now.duration_since(started), now);
    }

    /// When the first of the waiting jobs will have waited for too long.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        lock(&self.waiting).front().map(|(claimed, _)| *claimed + PREFETCH_TTL)
    }

    /// Removes the jobs that have waited for too long.
    pub(super) fn take_expired(&self, now: Instant) -> Vec<T> {
        let mut waiting = lock(&self.waiting);
        let is_fresh = |(claimed, _): &(Instant, T)| now.duration_since(*claimed) < PREFETCH_TTL;
        let expired = waiting.iter().position(is_fresh).unwrap_or(waiting.len());
        waiting.drain(..expired).map(|(_, job)| job).collect()
    }

    pub(super) fn take_all(&self) -> Vec<T> {
        lock(&self.waiting).drain(..).map(|(_, job)| job).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_starts_only_in_a_free_slot_and_jobs_start_in_the_order_in_which_they_came() {
        let now = Instant::now();
        let buffer = PrefetchBuffer::new(1, now);
        buffer.push(1..=2, now);
        let (slot, job) = buffer.next_in_free_slot().expect("a slot is free");
        assert_eq!(job, 1);
        assert!(buffer.next_in_free_slot().is_none());
        drop(slot);
        assert_eq!(buffer.next_in_free_slot().map(|(_, job)| job), Some(2));
    }

    #[test]
    fn slots_that_jobs_wait_for_are_not_free() {
        let now = Instant::now();
        let buffer = PrefetchBuffer::new(3, now);
        buffer.push(1..=2, now);
        assert_eq!(buffer.room(now), Room { free_slots: 1, waiting: 2, prefetch: 0 });
    }

    #[test]
    fn whoever_takes_the_job_at_the_low_watermark_is_told_that_it_is_time_to_claim() {
        let now = Instant::now();
        let buffer = PrefetchBuffer::new(1, now);
        for _ in 0..4 {
            buffer.ended(now);
        }
        assert_eq!(buffer.room(Instant::now()).low_watermark(), 2);
        buffer.push(1..=4, now);
        let told: Vec<_> = std::iter::from_fn(|| buffer.next()).collect();
        assert_eq!(told, [(1, false), (2, true), (3, false), (4, false)]);
    }

    #[test]
    fn what_has_waited_for_too_long_is_taken_out_and_what_has_come_since_stays() {
        let start = Instant::now();
        let buffer = PrefetchBuffer::new(1, start);
        buffer.push(1..=2, start);
        buffer.push(3..=3, start + Duration::from_millis(1));
        assert_eq!(buffer.next_expiry(), Some(start + PREFETCH_TTL));
        assert_eq!(buffer.take_expired(start + PREFETCH_TTL), [1, 2]);
        assert_eq!(buffer.take_all(), [3]);
    }
}
