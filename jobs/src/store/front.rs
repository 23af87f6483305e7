//! Where claims begin in a queue in which many jobs come or wait.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use sea_orm::prelude::DateTimeUtc;
use serde::Serialize;

use super::claim::Claimed;

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
}

/// For how long places are used, at the least and at the most: looking for them may take a tenth of the time.
const PLACES_HOLD: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What becomes visible late, in a transaction that took no longer than this, is found as if it had come in time.
const LATE: TimeDelta = TimeDelta::milliseconds(250);

/// What comes later still, or is due before those that were claimed, is found after so long at the most.
const PASSED_HOLDS: Duration = Duration::from_secs(1);

impl Front {
    pub(super) fn is_known(&self) -> bool {
        self.known_until.is_some_and(|until| Instant::now() < until)
    }

    /// These are looked at too from now on. Where nothing waits at the moment, something soon may.
    pub(super) fn found(&mut self, places: Vec<Place>, took: Duration) {
        for place in places {
            if !self.places.iter().any(|known| known.is_same(&place)) {
                self.places.push(place);
            }
        }
        self.places.sort_by(|one, other| (one.priority, &one.name).cmp(&(other.priority, &other.name)));
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
        for job in claimed {
            let is_here = |place: &&mut Place| place.priority == job.priority && place.name == job.name;
            if let Some(place) = self.places.iter_mut().find(is_here) {
                place.since = place.since.max(Some(job.scheduled_at - LATE));
            }
        }
    }
}

impl Place {
    fn is_same(&self, other: &Self) -> bool {
        self.priority == other.priority && self.name == other.name
    }
}
