use std::collections::HashSet;
use std::sync::Arc;

use super::rooms::{Room, Rooms};
use super::*;

fn place(key: &str) -> Place {
    let limit = PlaceLimit { scope: "Call".into(), of_all: true, of_key: true, counted_by: "account".into() };
    Place { priority: 0, name: "Call".into(), limits: Arc::new([limit]), key: key.into() }
}

fn rooms(rooms: &[(Option<&str>, Option<usize>)]) -> Rooms {
    let room = |(key, room): &(Option<&str>, Option<usize>)| {
        (("Call".to_owned(), key.map(str::to_owned)), Room { counted_by: "account".into(), room: *room })
    };
    Rooms(rooms.iter().map(room).collect())
}

#[test]
fn places_share_slots_in_turns_within_their_limits() {
    let places = ["a", "b", "c"].map(place);
    let shares = |of_all, slots| {
        let keys = [(None, of_all), (Some("a"), Some(5)), (Some("b"), Some(1)), (Some("c"), Some(0))];
        rooms(&keys).share(&places, slots)
    };
    assert_eq!(shares(Some(10), 10), [5, 1, 0]);
    assert_eq!(shares(Some(10), 3), [2, 1, 0]);
    assert_eq!(shares(Some(2), 10), [1, 1, 0]);
    assert_eq!(shares(Some(0), 10), [0, 0, 0]);
    assert_eq!(shares(None, 1), [1, 0, 0]);
}

#[test]
fn two_places_with_one_key_share_its_room_and_the_better_priority_comes_first() {
    let urgent = Place { priority: -1, ..place("a") };
    let other = Place { name: "Old".into(), ..place("a") };
    let room = || rooms(&[(None, None), (Some("a"), Some(3))]);
    assert_eq!(room().share(&[urgent, place("a")], 10), [3, 0]);
    assert_eq!(room().share(&[place("a"), other], 10), [2, 1]);
}

#[test]
fn limits_other_than_those_that_are_known_are_recognized() {
    let known = |rooms: Rooms| rooms.are_known_for(&place("a"));
    assert!(known(rooms(&[(None, Some(1)), (Some("a"), Some(0))])));
    assert!(!known(rooms(&[(None, Some(1)), (Some("a"), None)])), "a limit is gone");
    assert!(!known(rooms(&[(None, Some(1))])), "the definition is gone");
    let mut others = rooms(&[(None, Some(1)), (Some("a"), Some(0))]);
    others.0.values_mut().for_each(|room| room.counted_by = "region".into());
    assert!(!known(others));
}

#[test]
fn stripes_are_spread_and_always_the_same() {
    assert_eq!(stripe("Call", "account=\"acme\""), stripe("Call", "account=\"acme\""));
    let stripes: HashSet<_> = (0..1_000).map(|number| stripe("Call", &number.to_string())).collect();
    assert!(stripes.len() > 500 && stripes.iter().all(|stripe| (0..1_024).contains(stripe)), "{}", stripes.len());
}

#[test]
fn room_that_was_meant_for_jobs_that_did_not_start_is_there_for_others() {
    let (first, second) = (place("a"), place("b"));
    let mut rooms = rooms(&[(None, Some(5))]);
    assert_eq!(rooms.share(&[first.clone(), second.clone()], 10), [3, 2]);
    assert_eq!(rooms.of(&second), Some(0));
    rooms.give_back(&first, 2);
    assert_eq!(rooms.of(&second), Some(2));
}
