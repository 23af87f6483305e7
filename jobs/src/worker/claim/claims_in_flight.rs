//! Claims in flight: until its reply arrives, a claim may have taken jobs that no task here knows of.

use std::collections::BTreeSet;
use std::sync::Mutex;

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

#[cfg(test)]
mod tests {
    use super::*;

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
}
