//! Where claims begin in a queue in which many jobs come or wait.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use sea_orm::prelude::DateTimeUtc;
use serde::Serialize;

use super::row::Claimed;

/// Where the jobs of a busy queue stand, and behind what earlier claims have taken of them: a claim that begins there steps over
/// nothing that they have left behind in the index. A hint, that is soon looked for anew.
#[derive(Debug, Default)]
pub(crate) struct Front {
    pub(super) places: Vec<Place>,
    /// Until when no other places are looked for.
    known_until: Option<Instant>,
    /// Until when nothing is looked for behind what was claimed.
    passed_until: Option<Instant>,
}

/// The jobs of one priority and name, those due from then on.
#[derive(Debug, Serialize)]
pub(super) struct Place {
    pub(super) priority: i16,
    pub(super) name: String,
    pub(super) since: Option<DateTimeUtc>,
    /// It was asked, and nothing was due there.
    #[serde(skip)]
    pub(super) is_empty: bool,
    /// When it last brought jobs.
    #[serde(skip)]
    brought_at: Option<Instant>,
}

/// For how long places are used, at the least and at the most: looking for them may take a tenth of the time.
const PLACES_HOLD: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What becomes visible late, in a transaction that took no longer than this, is found as if it had come in time.
const LATE: TimeDelta = TimeDelta::milliseconds(250);

/// What comes later still, or is due before those that were claimed, is found after so long at the most.
const PASSED_HOLDS: Duration = Duration::from_secs(1);

/// A place that has brought jobs so lately may soon bring more, though nothing waits there at the moment.
const LATELY: Duration = Duration::from_secs(1);

/// How many empty places are asked with every claim.
const EMPTY_PLACES: usize = 8;

impl Front {
    pub(super) fn is_known(&self) -> bool {
        self.known_until.is_some_and(|until| Instant::now() < until)
    }

    /// These are looked at from now on, and those that have brought jobs lately.
    pub(super) fn found(&mut self, places: Vec<Place>, took: Duration) {
        let mut known = std::mem::replace(&mut self.places, places);
        self.places.sort_by(Place::compare);
        known.retain_mut(|known| match self.places.binary_search_by(|place| place.compare(known)) {
            Ok(index) => {
                (self.places[index].since, self.places[index].brought_at) = (known.since, known.brought_at);
                false
            }
            Err(_) => known.brought_at.is_some_and(|at| at.elapsed() < LATELY),
        });
        self.places.append(&mut known);
        self.places.sort_by(Place::compare);
        if !self.places.is_empty() {
            self.known_until = Some(Instant::now() + (took * 10).clamp(PLACES_HOLD.0, PLACES_HOLD.1));
        }
    }

    pub(super) fn look_behind(&mut self) {
        let now = Instant::now();
        if self.passed_until.is_none_or(|until| now >= until) {
            self.places.iter_mut().for_each(|place| place.since = None);
            self.passed_until = Some(now + PASSED_HOLDS);
        }
    }

    /// Moves behind what was claimed.
    pub(super) fn pass(&mut self, claimed: &[Claimed]) {
        let now = Instant::now();
        for job in claimed {
            let is_here = |place: &Place| (place.priority, &*place.name).cmp(&(job.priority, &*job.name));
            if let Ok(index) = self.places.binary_search_by(is_here) {
                let place = &mut self.places[index];
                place.since = place.since.max(Some(job.scheduled_at - LATE));
                place.brought_at = Some(now);
            }
        }
    }

    /// Passes over empty places until they are found again, but for the few that have brought jobs last. Where the claim got all there
    /// was, the next one looks for places anew.
    pub(super) fn pass_over_empty(&mut self, got_all: bool) {
        let mut empty: Vec<_> =
            self.places.iter().filter(|place| place.is_empty).map(|place| place.brought_at).collect();
        if empty.len() <= EMPTY_PLACES {
            return;
        }
        empty.sort_unstable();
        let (last, mut left) = (empty[empty.len() - EMPTY_PLACES], EMPTY_PLACES);
        self.places.retain(|place| {
            let is_kept = !place.is_empty || (place.brought_at.is_some() && place.brought_at >= last && left > 0);
            left -= usize::from(is_kept && place.is_empty);
            is_kept
        });
        if got_all {
            self.known_until = None;
        }
    }
}

impl Place {
    pub(super) fn new(priority: i16, name: String) -> Self {
        Self { priority, name, since: None, is_empty: false, brought_at: None }
    }

    fn compare(&self, other: &Self) -> Ordering {
        (self.priority, &self.name).cmp(&(other.priority, &other.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(front: &Front) -> Vec<&str> {
        front.places.iter().map(|place| &*place.name).collect()
    }

    fn places(names: &[&str]) -> Vec<Place> {
        names.iter().map(|name| Place::new(0, (*name).to_owned())).collect()
    }

    #[test]
    fn places_that_are_not_found_again_are_forgotten() {
        let mut front = Front::default();
        front.found(places(&["a", "b", "c"]), Duration::ZERO);
        front.places[2].brought_at = Some(Instant::now());
        front.places[1].since = Some(DateTimeUtc::UNIX_EPOCH);
        front.found(places(&["b"]), Duration::ZERO);
        assert_eq!(names(&front), ["b", "c"], "what has just brought jobs may bring more");
        assert_eq!(front.places[0].since, Some(DateTimeUtc::UNIX_EPOCH));
    }

    #[test]
    fn empty_places_are_passed_over_but_for_those_that_have_brought_jobs_last() {
        let mut front = Front::default();
        let many: Vec<_> = (10..70).map(|number| number.to_string()).collect();
        front.found(places(&many.iter().map(String::as_str).collect::<Vec<_>>()), Duration::ZERO);
        for place in &mut front.places[..50] {
            place.is_empty = true;
        }
        front.places[7].brought_at = Some(Instant::now());
        front.pass_over_empty(false);
        assert_eq!(front.places.len(), 10 + 1);
        assert_eq!(front.places[0].name, "17");
        assert!(front.is_known(), "while others have more, nothing is looked for");
    }

    #[test]
    fn when_all_is_claimed_and_places_are_passed_over_the_next_claim_looks_for_places() {
        let mut front = Front::default();
        front.found(places(&["a", "b", "c", "d", "e", "f", "g", "h", "i"]), Duration::ZERO);
        front.places.iter_mut().for_each(|place| place.is_empty = true);
        front.pass_over_empty(true);
        assert!(!front.is_known());
    }
}
