//! Jobs whose claim got no answer: their rows say that this worker runs them, but no task here knows of them.

use std::collections::HashMap;

use crate::store::finish::Fence;

/// The unknown jobs of the last beat, each with the number of the last claim that had begun when it was first seen: that claim, or an earlier
/// one, may still bring it.
#[derive(Debug, Default)]
pub(super) struct UnknownJobs(HashMap<Fence, u64>);

impl UnknownJobs {
    /// Takes in the unknown jobs of a beat, the number of the last claim that has begun, and the number up to which all claims are over.
    /// Returns the jobs that no claim can return any longer.
    pub(super) fn observe(
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
