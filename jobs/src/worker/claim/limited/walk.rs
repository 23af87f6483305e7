//! The walk over the places of a queue: which of them to look at next, and what is remembered of those that were seen.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use crate::store::limited::{Head, Place};
use crate::worker::claim::tuning::{
    LIMIT_BUSY, LONG_PAUSE, WALK_PAUSE, WALK_PLACES, WALK_PROBES, WALK_REMEMBERED, WALK_SHARE,
};

/// Comes before all keys.
const FIRST_KEY: &str = " ";

/// What is known of the places of one queue. It is a hint: a round over all places makes up for what is not known.
#[derive(Debug, Default)]
pub(in crate::worker::claim) struct Walk {
    /// Places to look at, because their jobs may start.
    probes: Line,
    /// Places whose jobs are due and must wait for their limits.
    held_back: Line,
    /// When the first jobs of other places are due.
    upcoming: BTreeMap<(Instant, u64), Place>,
    due: HashMap<Place, (Instant, u64)>,
    sequence: u64,
    /// More places were seen than are remembered.
    has_forgotten: bool,
    round: Round,
    /// Nothing is looked at before that time: others were claiming under the same limits.
    busy_until: Option<Instant>,
    busy_pause: Duration,
    /// The last step went on with the round.
    has_walked: bool,
    /// Jobs may have come since the newest were looked at.
    wants_newest: bool,
    /// How long after the last round the next one may begin.
    pause: Duration,
    asked_at: Option<Instant>,
}

/// Places by priority, and in the order in which they came.
#[derive(Debug, Default)]
struct Line {
    places: BTreeMap<(i16, u64), Place>,
    known: HashSet<Place>,
    sequence: u64,
}

/// A round over all places.
#[derive(Debug)]
enum Round {
    /// There may be places that are not known.
    Wanted { not_before: Option<Instant> },
    Walking {
        groups: VecDeque<(i16, String)>,
        from_key: String,
        since: Instant,
        /// How long its statements took.
        took: Duration,
        /// Whether jobs may have come where it has been: true if they have, false if that may be.
        again: Option<bool>,
    },
    /// Everything that has waited since then is known.
    Over { since: Instant, not_before: Instant },
}

impl Default for Round {
    fn default() -> Self {
        Self::Wanted { not_before: None }
    }
}

impl Line {
    fn push(&mut self, place: Place) {
        if self.known.insert(place.clone()) {
            self.places.insert((place.priority, self.sequence), place);
            self.sequence += 1;
        }
    }

    fn pop(&mut self) -> Option<Place> {
        let (_, place) = self.places.pop_first()?;
        self.known.remove(&place);
        Some(place)
    }

    /// Takes out the first of those that are meant, but no more than this many.
    fn take(&mut self, most: usize, is_meant: impl Fn(&Place) -> bool) -> Vec<Place> {
        let meant = self.places.iter().filter(|(_, place)| is_meant(place)).take(most);
        let meant: Vec<_> = meant.map(|(at, _)| *at).collect();
        let places: Vec<_> = meant.iter().filter_map(|at| self.places.remove(at)).collect();
        for place in &places {
            self.known.remove(place);
        }
        places
    }
}

impl Walk {
    /// Jobs may have come: there may be new places.
    pub(in crate::worker::claim) fn want_round(&mut self) {
        self.wants_newest = true;
        match &mut self.round {
            Round::Over { not_before, .. } => self.round = Round::Wanted { not_before: Some(*not_before) },
            Round::Walking { again, .. } => *again = Some(again.unwrap_or(false)),
            Round::Wanted { .. } => {}
        }
    }

    /// There are new places.
    pub(super) fn want_round_now(&mut self) {
        match &mut self.round {
            Round::Walking { again, .. } => *again = Some(true),
            round => *round = Round::Wanted { not_before: None },
        }
    }

    /// Wants a round if the last one was that long ago, and looks at the newest jobs as often.
    pub(in crate::worker::claim) fn want_round_after(&mut self, period: Duration, now: Instant) {
        if self.asked_at.is_none_or(|at| now.duration_since(at) >= period) {
            self.asked_at = Some(now);
            self.wants_newest = true;
        }
        if matches!(self.round, Round::Over { since, .. } if now.duration_since(since) >= period) {
            self.want_round();
        }
    }

    /// There may be jobs that can start in this place.
    pub(in crate::worker::claim) fn probe(&mut self, place: Place) {
        self.probes.push(place);
    }

    /// A job that counts for these definitions has ended: those that wait for their limits may start. Returns whether there are any.
    pub(super) fn has_room(&mut self, counts: impl Fn(&str) -> bool, key: &str) -> bool {
        let may_start =
            |place: &Place| place.limits.iter().any(|limit| counts(&limit.scope) && (limit.of_all || place.key == key));
        // One job has ended: no need to look at all that wait.
        let places = self.held_back.take(WALK_PROBES, may_start);
        let any = !places.is_empty();
        for place in places {
            self.probe(place);
        }
        any
    }

    /// Whether there is something to look at now.
    pub(in crate::worker::claim) fn is_wanted(&self, now: Instant) -> bool {
        self.busy_until.is_none_or(|until| now >= until)
            && (self.is_to_look_at_newest()
                || !self.probes.places.is_empty()
                || self.next_due().is_some_and(|due| due <= now)
                || matches!(self.round, Round::Walking { .. })
                || self.begins(now))
    }

    /// Whether there are places that have not been seen, whatever it waits for.
    pub(super) fn has_unseen(&self) -> bool {
        let is_over = match self.round {
            Round::Wanted { not_before } => not_before.is_some(),
            Round::Walking { .. } => false,
            Round::Over { .. } => true,
        };
        !is_over || !self.probes.places.is_empty()
    }

    /// When there will be something to look at.
    pub(super) fn wanted_at(&self, now: Instant) -> Option<Instant> {
        if self.is_to_look_at_newest() || !self.probes.places.is_empty() || matches!(self.round, Round::Walking { .. })
        {
            return Some(self.busy_until.unwrap_or(now));
        }
        let round = match self.round {
            Round::Wanted { not_before } => Some(not_before.unwrap_or(now)),
            _ => None,
        };
        let first = [self.next_due(), round].into_iter().flatten().min()?;
        Some(self.busy_until.map_or(first, |until| until.max(first)))
    }

    fn next_due(&self) -> Option<Instant> {
        self.upcoming.first_key_value().map(|((due, _), _)| *due)
    }

    /// Whether to look at the newest jobs, because a round would not come to them soon.
    pub(super) fn takes_newest(&mut self) -> bool {
        self.is_to_look_at_newest() && std::mem::take(&mut self.wants_newest)
    }

    fn is_to_look_at_newest(&self) -> bool {
        let is_long = |took: Duration| took * WALK_SHARE > LONG_PAUSE;
        let is_in_long_round = matches!(self.round, Round::Walking { took, .. } if is_long(took));
        self.wants_newest && (self.pause > LONG_PAUSE || is_in_long_round)
    }

    /// A job waits in this place, which may have been seen already.
    pub(super) fn is_new(&mut self, place: Place) {
        if !self.held_back.known.contains(&place) {
            self.probe(place);
        }
    }

    /// Begins a step: returns known places to look at, and whether the round goes on, too. If known places fill a step, they take turns
    /// with the round.
    pub(super) fn next_step(&mut self, now: Instant) -> (Vec<Place>, bool) {
        self.probe_due(now);
        let may_walk = matches!(self.round, Round::Walking { .. }) || self.begins(now);
        let is_full = self.probes.places.len() >= WALK_PROBES;
        self.has_walked = may_walk && !(is_full && self.has_walked);
        let most = if is_full && self.has_walked { 0 } else { WALK_PROBES };
        (std::iter::from_fn(|| self.probes.pop()).take(most).collect(), self.has_walked)
    }

    /// Whether a place of a better priority is to be looked at.
    pub(in crate::worker::claim) fn knows_better(&self, priority: i16) -> bool {
        self.probes.places.first_key_value().is_some_and(|((best, _), _)| *best < priority)
    }

    /// Places whose first jobs have become due are to be looked at.
    fn probe_due(&mut self, now: Instant) {
        while self.next_due().is_some_and(|due| due <= now) {
            if let Some((_, place)) = self.upcoming.pop_first() {
                self.due.remove(&place);
                self.probe(place);
            }
        }
    }

    /// Whether the groups are to be looked up, so that a round begins.
    pub(super) fn begins(&self, now: Instant) -> bool {
        matches!(self.round, Round::Wanted { not_before } if not_before.is_none_or(|at| now >= at))
    }

    /// A round begins over these groups. What was known of places that wait is forgotten, because they will be seen.
    pub(super) fn begin(&mut self, mut groups: Vec<(i16, String)>, now: Instant) {
        groups.sort();
        self.held_back = Line::default();
        self.upcoming.clear();
        self.due.clear();
        self.has_forgotten = false;
        self.round = Round::Walking {
            groups: groups.into(),
            from_key: FIRST_KEY.to_owned(),
            since: now,
            took: Duration::ZERO,
            again: None,
        };
        self.end_if_over(now);
    }

    /// The group that is walked, and from which key on.
    pub(super) fn position(&self) -> Option<(i16, String, String)> {
        let Round::Walking { groups, from_key, .. } = &self.round else { return None };
        groups.front().map(|(priority, name)| (*priority, name.clone(), from_key.clone()))
    }

    /// The walk has got to this key, which took this long; without a key, to the end of the group.
    pub(super) fn advance(&mut self, to_key: Option<String>, step_took: Duration, now: Instant) {
        if let Round::Walking { groups, from_key, took, .. } = &mut self.round {
            if to_key.is_none() {
                groups.pop_front();
            }
            *from_key = to_key.unwrap_or_else(|| FIRST_KEY.to_owned());
            *took += step_took;
        }
        self.end_if_over(now);
    }

    fn end_if_over(&mut self, now: Instant) {
        if let Round::Walking { groups, since, took, again, .. } = &self.round
            && groups.is_empty()
        {
            let (again, pause) = (*again, (*took * WALK_SHARE).min(WALK_PAUSE));
            self.round = Round::Over { since: *since, not_before: now + pause };
            self.pause = pause;
            match again {
                Some(true) => self.want_round_now(),
                Some(false) => self.want_round(),
                None if self.has_forgotten => self.want_round(),
                None => {}
            }
        }
    }

    /// Remembers a place whose first job is not due yet.
    pub(super) fn is_due_later(&mut self, head: Head, now: Instant) {
        let later = (now + head.wait, self.sequence);
        self.sequence += 1;
        if let Some(before) = self.due.insert(head.place.clone(), later) {
            self.upcoming.remove(&before);
        }
        self.upcoming.insert(later, head.place);
        if self.upcoming.len() > WALK_REMEMBERED {
            if let Some((_, last)) = self.upcoming.pop_last() {
                self.due.remove(&last);
            }
            self.has_forgotten = true;
        }
    }

    /// Remembers a place whose jobs are due and must wait.
    pub(super) fn is_held_back(&mut self, place: Place) {
        if self.held_back.places.len() < WALK_REMEMBERED {
            self.held_back.push(place);
        } else {
            self.has_forgotten = true;
        }
    }

    /// Others were claiming under the same limits: looks at nothing for a while, the longer the more often that happens.
    pub(super) fn is_busy(&mut self, now: Instant) {
        self.busy_pause = (self.busy_pause * 2).clamp(LIMIT_BUSY.0, LIMIT_BUSY.1);
        self.busy_until = Some(now + self.busy_pause.mul_f64(0.5 + fastrand::f64() / 2.0));
    }

    pub(super) fn is_not_busy(&mut self) {
        (self.busy_until, self.busy_pause) = (None, Duration::ZERO);
    }
}

/// Whether a statement has returned fewer places than it may: there are no more in the group.
pub(super) fn is_end(returned: usize) -> bool {
    returned < WALK_PLACES
}
