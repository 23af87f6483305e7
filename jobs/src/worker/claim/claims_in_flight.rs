//! Claims in flight: until its reply arrives, a claim may have taken jobs that no task here knows of; without a reply, they stay unknown.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

use crate::store::finish::Fence;
use crate::store::lock::lock;

/// The claims of a worker, numbered in the order in which they begin.
#[derive(Debug, Default)]
pub(in crate::worker) struct Claims(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    last: u64,
    in_flight: BTreeSet<u64>,
}

/// A claim in flight, until it is dropped: by then, the jobs that it returned must be known.
#[derive(Debug)]
pub(in crate::worker) struct ClaimInFlight<'a> {
    claims: &'a Claims,
    number: u64,
}

impl Claims {
    pub(in crate::worker) fn begin(&self) -> ClaimInFlight<'_> {
        let mut numbers = lock(&self.0);
        numbers.last += 1;
        let number = numbers.last;
        numbers.in_flight.insert(number);
        ClaimInFlight { claims: self, number }
    }

    /// The number of the last claim that has begun.
    pub(in crate::worker) fn last(&self) -> u64 {
        lock(&self.0).last
    }

    /// The number up to which all claims are over.
    pub(in crate::worker) fn over_up_to(&self) -> u64 {
        let numbers = lock(&self.0);
        numbers.in_flight.first().map_or(numbers.last, |oldest| oldest - 1)
    }
}

impl Drop for ClaimInFlight<'_> {
    fn drop(&mut self) {
        lock(&self.claims.0).in_flight.remove(&self.number);
    }
}

/// Jobs of this worker, by their rows, that no task here knows of: those that the last heartbeat has found. Each has the number of the last
/// claim that had begun when it was first found: that claim, or an earlier one, may still bring it.
#[derive(Debug, Default)]
pub(in crate::worker) struct UnknownJobs(HashMap<Fence, u64>);

impl UnknownJobs {
    /// Takes in the unknown jobs of a beat, the number of the last claim that has begun, and the number up to which all claims are over.
    /// Returns the jobs that no claim can return any longer.
    pub(in crate::worker) fn observe(
        &mut self,
        unknown: impl Iterator<Item = Fence>,
        claims_begun: u64,
        claims_over: u64,
    ) -> Vec<Fence> {
        let before = std::mem::take(&mut self.0);
        let mut abandoned = Vec::new();
        for fence in unknown {
            let last_claim = before.get(&fence).copied();
            self.0.insert(fence, last_claim.unwrap_or(claims_begun));
            if last_claim.is_some_and(|last_claim| last_claim <= claims_over) {
                abandoned.push(fence);
            }
        }
        abandoned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: Fence = (7, 1);

    fn observe(jobs: &mut UnknownJobs, claims_begun: u64, claims_over: u64) -> bool {
        !jobs.observe(std::iter::once(JOB), claims_begun, claims_over).is_empty()
    }

    #[test]
    fn claims_are_over_up_to_the_oldest_that_is_under_way() {
        let claims = Claims::default();
        let (first, second) = (claims.begin(), claims.begin());
        assert_eq!((claims.last(), claims.over_up_to()), (2, 0));
        drop(second);
        assert_eq!(claims.over_up_to(), 0);
        let third = claims.begin();
        drop(first);
        assert_eq!((claims.last(), claims.over_up_to()), (3, 2));
        drop(third);
        assert_eq!(claims.over_up_to(), 3);
    }

    #[test]
    fn a_job_is_abandoned_when_all_claims_are_over_that_may_have_brought_it() {
        let mut jobs = UnknownJobs::default();
        assert!(!observe(&mut jobs, 3, 2), "the third claim may bring it");
        assert!(!observe(&mut jobs, 4, 2));
        assert!(observe(&mut jobs, 4, 3));
    }

    #[test]
    fn a_job_is_never_abandoned_at_first_sight() {
        let mut jobs = UnknownJobs::default();
        assert!(!observe(&mut jobs, 3, 3), "its claim may have been answered since");
        assert!(observe(&mut jobs, 3, 3));
    }

    #[test]
    fn a_job_that_was_known_in_between_is_seen_for_the_first_time_again() {
        let mut jobs = UnknownJobs::default();
        assert!(!observe(&mut jobs, 3, 3));
        jobs.observe(std::iter::empty(), 3, 3);
        assert!(!observe(&mut jobs, 5, 3));
    }
}
