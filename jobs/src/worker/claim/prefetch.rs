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
    concurrency: usize,
    waiting: Mutex<Line<T>>,
    throughput: Mutex<Throughput>,
    /// It is time to claim again when this many are left.
    low_watermark: AtomicUsize,
}

/// Jobs in the order in which they start, each with the time at which it was claimed.
struct Line<T> {
    jobs: VecDeque<(Instant, T)>,
    /// How many of them are ahead of those that are prefetched.
    ahead: usize,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { jobs: VecDeque::new(), ahead: 0 }
    }
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
    /// How many more may wait ahead of those that are prefetched: no more than start next.
    pub(super) ahead: usize,
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
            concurrency,
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
        let (waiting, ahead) = {
            let line = lock(&self.waiting);
            (line.jobs.len(), if line.jobs.is_empty() { 0 } else { self.concurrency.saturating_sub(line.ahead) })
        };
        let free_slots = self.slots.available_permits().saturating_sub(waiting);
        Room { free_slots, waiting, prefetch, ahead }
    }

    /// Records how long a claim took.
    pub(super) fn claim_took(&self, took: Duration) {
        lock(&self.throughput).claim_took(took);
    }

    /// Lets these jobs wait for a slot.
    pub(super) fn push(&self, jobs: impl Iterator<Item = T>, now: Instant) {
        lock(&self.waiting).jobs.extend(jobs.map(|job| (now, job)));
    }

    /// Lets these jobs wait for a slot ahead of those that are prefetched.
    pub(super) fn push_ahead(&self, jobs: impl Iterator<Item = T>, now: Instant) {
        let mut line = lock(&self.waiting);
        for job in jobs {
            let place = line.ahead;
            line.jobs.insert(place, (now, job));
            line.ahead += 1;
        }
    }

    /// The job that starts next, and whether it is time to claim again.
    pub(in crate::worker) fn next(&self) -> Option<(T, bool)> {
        let mut line = lock(&self.waiting);
        let (_, job) = line.jobs.pop_front()?;
        line.ahead = line.ahead.saturating_sub(1);
        Some((job, line.jobs.len() == self.low_watermark.load(Ordering::SeqCst)))
    }

    /// The job that starts next, with a slot for it.
    pub(super) fn next_in_free_slot(&self) -> Option<(OwnedSemaphorePermit, T)> {
        if lock(&self.waiting).jobs.is_empty() {
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
        let line = lock(&self.waiting);
        let firsts = [line.jobs.front(), line.jobs.get(line.ahead)].into_iter().flatten();
        firsts.map(|(claimed, _)| *claimed + PREFETCH_TTL).min()
    }

    /// Removes the jobs that have waited for too long.
    pub(super) fn take_expired(&self, now: Instant) -> Vec<T> {
        let mut line = lock(&self.waiting);
        let is_expired = |(claimed, _): &(Instant, T)| now.duration_since(*claimed) >= PREFETCH_TTL;
        let ahead = line.ahead;
        let mut prefetched = line.jobs.split_off(ahead);
        let mut expired = Vec::new();
        for jobs in [&mut line.jobs, &mut prefetched] {
            // Those that were claimed first are first.
            let old = jobs.iter().position(|job| !is_expired(job)).unwrap_or(jobs.len());
            expired.extend(jobs.drain(..old).map(|(_, job)| job));
        }
        line.ahead = line.jobs.len();
        line.jobs.append(&mut prefetched);
        expired
    }

    pub(super) fn take_all(&self) -> Vec<T> {
        std::mem::take(&mut *lock(&self.waiting)).jobs.into_iter().map(|(_, job)| job).collect()
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
        assert_eq!(buffer.room(now), Room { free_slots: 1, waiting: 2, prefetch: 0, ahead: 3 });
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
    fn jobs_that_are_ahead_start_before_those_that_are_prefetched_and_expire_by_their_own_time() {
        let start = Instant::now();
        let buffer = PrefetchBuffer::new(3, start);
        buffer.push(1..=2, start);
        let later = start + Duration::from_millis(1);
        buffer.push_ahead(7..=8, later);
        assert_eq!(buffer.room(later).ahead, 1);
        assert_eq!(buffer.next_expiry(), Some(start + PREFETCH_TTL));
        assert_eq!(buffer.take_expired(start + PREFETCH_TTL), [1, 2]);
        buffer.push(3..=3, later);
        let order: Vec<_> = std::iter::from_fn(|| buffer.next()).map(|(job, _)| job).collect();
        assert_eq!(order, [7, 8, 3]);
        assert_eq!(buffer.room(later).ahead, 0, "with nothing to be ahead of, there are free slots");
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
