use std::sync::Arc;

use super::*;
use crate::store::limited::PlaceLimit;

const SECOND: Duration = Duration::from_secs(1);

fn place(key: &str, of_all: bool) -> Place {
    let limit = PlaceLimit { scope: "Call".into(), of_all, of_key: true, counted_by: "account".into() };
    Place { priority: 0, name: "Call".into(), limits: Arc::new([limit]), key: key.into() }
}

fn is_call(scope: &str) -> bool {
    scope == "Call"
}

fn later(place: Place, wait: Duration) -> Head {
    Head { place, scheduled_at: chrono::DateTime::UNIX_EPOCH, wait }
}

/// A walk that has seen everything.
fn after_a_round(now: Instant) -> Walk {
    let mut walk = Walk::default();
    assert!(walk.begins(now));
    walk.begin(Vec::new(), now);
    assert!(!walk.is_wanted(now) && !walk.has_unseen());
    walk
}

#[test]
fn a_round_goes_through_all_groups_in_order_and_then_there_is_nothing_to_look_at() {
    let now = Instant::now();
    let mut walk = Walk::default();
    walk.begin(vec![(3, "b".into()), (-1, "c".into()), (3, "a".into())], now);
    let mut positions = Vec::new();
    while let Some((priority, name, from_key)) = walk.position() {
        let goes_on = name == "a" && from_key == FIRST_KEY;
        positions.push((priority, name, from_key));
        walk.advance(goes_on.then(|| "k".to_owned()), Duration::ZERO, now);
    }
    let expected = [(-1, "c", " "), (3, "a", " "), (3, "a", "k"), (3, "b", " ")];
    assert_eq!(positions, expected.map(|(priority, name, key)| (priority, name.to_owned(), key.to_owned())));
    assert!(!walk.is_wanted(now));
}

#[test]
fn what_comes_during_a_round_is_looked_for_in_another() {
    let now = Instant::now();
    let mut walk = Walk::default();
    walk.begin(vec![(0, "a".into())], now);
    walk.want_round();
    walk.advance(None, Duration::ZERO, now);
    assert!(walk.begins(now));
}

#[test]
fn rounds_take_a_tenth_of_the_time_by_what_their_statements_take() {
    let now = Instant::now();
    let mut walk = Walk::default();
    walk.begin(vec![(0, "a".into())], now);
    let ended = now + 100 * SECOND;
    walk.advance(None, Duration::from_millis(100), ended);
    walk.want_round();
    assert!(!walk.begins(ended + Duration::from_millis(899)));
    assert!(walk.begins(ended + Duration::from_millis(900)));
    walk.begin(vec![(0, "a".into())], ended);
    walk.advance(None, 60 * SECOND, ended);
    walk.want_round();
    assert!(walk.begins(ended + WALK_PAUSE), "however long it takes");
}

#[test]
fn a_place_that_is_due_later_is_looked_at_when_it_is_due_and_once() {
    let now = Instant::now();
    let mut walk = after_a_round(now);
    walk.is_due_later(later(place("a", false), 5 * SECOND), now);
    walk.is_due_later(later(place("a", false), SECOND), now);
    assert_eq!(walk.wanted_at(now), Some(now + SECOND));
    assert!(!walk.is_wanted(now) && walk.is_wanted(now + SECOND));
    assert_eq!(walk.next_step(now + 9 * SECOND).0, [place("a", false)]);
    assert!(!walk.is_wanted(now + 9 * SECOND));
}

#[test]
fn when_a_job_ends_those_that_it_holds_back_are_looked_at() {
    let now = Instant::now();
    let mut walk = after_a_round(now);
    for key in ["a", "b"] {
        walk.is_held_back(place(key, false));
    }
    assert!(!walk.has_room(|scope| scope == "Other", "a"));
    assert!(walk.has_room(is_call, "a"));
    assert_eq!(walk.next_step(now).0, [place("a", false)]);

    let mut walk = after_a_round(now);
    for key in ["a", "b"] {
        walk.is_held_back(place(key, true));
    }
    assert!(walk.has_room(is_call, "c"), "the number of all is limited, too");
    assert_eq!(walk.next_step(now).0, [place("a", true), place("b", true)]);
}

#[test]
fn after_it_has_met_others_it_pauses_longer_and_longer() {
    let now = Instant::now();
    let mut walk = after_a_round(now);
    walk.probe(place("a", false));
    walk.is_busy(now);
    assert!(!walk.is_wanted(now + Duration::from_micros(900)) && walk.is_wanted(now + LIMIT_BUSY.0));
    for _ in 0..20 {
        walk.is_busy(now);
    }
    assert!(!walk.is_wanted(now + LIMIT_BUSY.1 / 3) && walk.is_wanted(now + LIMIT_BUSY.1));
    walk.is_not_busy();
    assert!(walk.is_wanted(now));
}

#[test]
fn places_take_turns_within_a_priority() {
    let now = Instant::now();
    let mut walk = after_a_round(now);
    let urgent = Place { priority: -1, ..place("urgent", false) };
    for place in [place("b", false), place("a", false), urgent.clone(), place("b", false)] {
        walk.probe(place);
    }
    assert_eq!(walk.next_step(now).0, [urgent, place("b", false), place("a", false)]);
}

#[test]
fn known_places_that_fill_a_step_take_turns_with_the_round() {
    let now = Instant::now();
    let mut walk = Walk::default();
    walk.probe(place("few", false));
    assert_eq!(walk.next_step(now), (vec![place("few", false)], true), "few are looked at beside it");
    for number in 0..2 * WALK_PROBES {
        walk.probe(place(&number.to_string(), false));
    }
    let steps: Vec<_> = (0..3).map(|_| walk.next_step(now)).map(|(places, walks)| (places.len(), walks)).collect();
    assert_eq!(steps, [(WALK_PROBES, false), (0, true), (WALK_PROBES, false)]);
    assert_eq!(walk.next_step(now), (Vec::new(), true));
    walk.begin(Vec::new(), now);
    assert_eq!(walk.next_step(now), (Vec::new(), false), "the round is over");
}

#[test]
fn if_jobs_come_and_the_next_round_is_far_the_newest_are_looked_at_once() {
    let now = Instant::now();
    let mut walk = after_a_round(now);
    walk.want_round();
    assert!(!walk.takes_newest(), "a round will see them soon");
    walk.begin(vec![(0, "a".into())], now);
    walk.advance(None, 60 * SECOND, now);
    walk.want_round();
    assert!(walk.is_wanted(now) && walk.takes_newest());
    assert!(!walk.is_wanted(now) && !walk.takes_newest());
    walk.want_round_after(SECOND, now + SECOND);
    assert!(walk.takes_newest(), "nobody tells it, perhaps");
    walk.want_round_after(SECOND, now + SECOND);
    assert!(!walk.takes_newest());
}

#[test]
fn what_may_have_come_during_a_round_does_not_make_the_next_begin_sooner() {
    let now = Instant::now();
    let mut walk = Walk::default();
    walk.begin(vec![(0, "a".into())], now);
    walk.want_round();
    walk.advance(None, SECOND, now);
    assert!(!walk.begins(now) && walk.begins(now + WALK_PAUSE));
    walk.begin(vec![(0, "a".into())], now);
    walk.want_round_now();
    walk.want_round();
    walk.advance(None, SECOND, now);
    assert!(walk.begins(now), "there are new places");
}

#[test]
fn a_new_job_that_must_wait_for_its_limit_is_not_looked_at() {
    let now = Instant::now();
    let mut walk = after_a_round(now);
    walk.is_held_back(place("a", false));
    walk.is_new(place("a", false));
    walk.is_new(place("b", false));
    assert_eq!(walk.next_step(now).0, [place("b", false)]);
}
