//! How many more jobs may run under each limit, and how places share that.

use std::collections::{HashMap, HashSet};

use sea_orm::{ConnectionTrait, DbErr};
use serde::Serialize;

use super::{Place, PlaceLimit, ordinal};
use crate::store::{Store, json, statement};

/// How many more jobs may run, by scope and by scope and key.
#[derive(Debug, Default)]
pub(crate) struct Rooms(pub(super) HashMap<(String, Option<String>), Room>);

#[derive(Debug)]
pub(super) struct Room {
    pub(super) counted_by: String,
    /// `None` if there is no limit.
    pub(super) room: Option<usize>,
}

#[derive(Serialize)]
struct Counted<'a> {
    ordinal: usize,
    scope: &'a str,
    limit_key: Option<&'a str>,
}

impl Rooms {
    /// How many jobs of this place may start.
    pub(crate) fn of(&self, place: &Place) -> Option<usize> {
        place.counted().filter_map(|(limit, key, _)| self.get(limit, key)?.room).min()
    }

    fn take(&mut self, place: &Place) {
        self.for_each(place, |room| *room = room.saturating_sub(1));
    }

    /// So many jobs of this place less than were meant to start did.
    pub(super) fn give_back(&mut self, place: &Place, jobs: usize) {
        self.for_each(place, |room| *room += jobs);
    }

    fn for_each(&mut self, place: &Place, change: impl Fn(&mut usize)) {
        for (limit, key, _) in place.counted() {
            if let Some(Room { room: Some(room), .. }) = self.0.get_mut(&(limit.scope.clone(), key.map(str::to_owned)))
            {
                change(room);
            }
        }
    }

    /// Whether the limits of this place are those that are known for it.
    pub(super) fn are_known_for(&self, place: &Place) -> bool {
        place.counted().all(|(limit, key, is_limited)| {
            self.get(limit, key)
                .is_some_and(|found| found.counted_by == limit.counted_by && found.room.is_some() == is_limited)
        })
    }

    fn get(&self, limit: &PlaceLimit, key: Option<&str>) -> Option<&Room> {
        self.0.get(&(limit.scope.clone(), key.map(str::to_owned)))
    }

    /// How many jobs of each of these places, which are in order, may start in this many slots. Places of a priority take turns, so that each
    /// starts one before any starts the next.
    pub(crate) fn share(&mut self, places: &[Place], slots: usize) -> Vec<usize> {
        let (mut shares, mut left) = (Vec::with_capacity(places.len()), slots);
        for alike in places.chunk_by(|one, next| one.priority == next.priority) {
            let turns = self.take_turns(alike, left);
            left -= turns.iter().sum::<usize>();
            shares.extend(turns);
        }
        shares
    }

    fn take_turns(&mut self, places: &[Place], slots: usize) -> Vec<usize> {
        let (mut shares, mut left) = (vec![0; places.len()], slots);
        loop {
            let before = left;
            for (share, place) in shares.iter_mut().zip(places) {
                if left > 0 && self.of(place).is_none_or(|room| room > 0) {
                    self.take(place);
                    *share += 1;
                    left -= 1;
                }
            }
            if left == before || left == 0 {
                return shares;
            }
        }
    }
}

impl Store {
    /// Returns how many more jobs of these places may start, as of now.
    pub(crate) async fn rooms(&self, places: &[Place]) -> Result<Rooms, DbErr> {
        if places.is_empty() { Ok(Rooms::default()) } else { self.rooms_in(&self.db, places).await }
    }

    pub(super) async fn rooms_in<C: ConnectionTrait>(&self, db: &C, places: &[Place]) -> Result<Rooms, DbErr> {
        let keys: HashSet<_> =
            places.iter().flat_map(Place::counted).map(|(limit, key, _)| (limit.scope.as_str(), key)).collect();
        let keys: Vec<_> = keys.into_iter().collect();
        let counted: Vec<_> = keys
            .iter()
            .enumerate()
            .map(|(ordinal, (scope, limit_key))| Counted { ordinal, scope, limit_key: *limit_key })
            .collect();
        let rows =
            db.query_all_raw(statement(self.dialect, self.dialect.limited.rooms, [json(&counted)?.into()])).await?;
        let mut rooms = HashMap::with_capacity(rows.len());
        for row in &rows {
            let (scope, key) = keys[ordinal(row)?];
            // Less than none, if the limit was lowered.
            let room: Option<i64> = row.try_get("", "room")?;
            let room = Room {
                counted_by: row.try_get("", "counted_by")?,
                room: room.map(|room| usize::try_from(room).unwrap_or(0)),
            };
            rooms.insert((scope.to_owned(), key.map(str::to_owned)), room);
        }
        Ok(Rooms(rooms))
    }
}
