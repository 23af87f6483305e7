//! The places in which jobs wait whose number is limited, and those that learn of room there.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{ConnectionTrait as _, DbErr, QueryResult};
use serde::Serialize;

use super::{Asked, Place, PlaceLimit, ordinal};
use crate::store::claim::int;
use crate::store::dialect::Places;
use crate::store::{Store, json, statement};

/// A place with its first job.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) place: Place,
    pub(crate) scheduled_at: DateTimeUtc,
    /// How long until it is due; zero if it is.
    pub(crate) wait: Duration,
}

/// Understood by all databases.
const NEWEST: &str = "SELECT DISTINCT queue, priority, name, limit_key
FROM (SELECT status, queue, priority, name, limit_key FROM jobs_job ORDER BY id DESC LIMIT 100) AS newest
WHERE status = 0 AND limit_key <> '-'";

#[derive(Serialize)]
struct Ended<'a> {
    name: &'a str,
    limit_key: &'a str,
}

impl Store {
    /// Returns the groups of these names in a queue in which jobs wait whose number is limited: priority and name.
    pub(crate) async fn limited_groups(&self, queue: &str, names: &[&str]) -> Result<Vec<(i16, String)>, DbErr> {
        let values = [queue.into(), json(names)?.into()];
        let rows = self.db.query_all_raw(statement(self.dialect, self.dialect.limited.groups, values)).await?;
        rows.iter().map(|row| Ok((row.try_get("", "priority")?, row.try_get("", "name")?))).collect()
    }

    /// Returns those of these names that have no limit and of which jobs wait in a queue with the key of one: they were scheduled by a program
    /// whose definition has a limit that no worker has declared.
    pub(crate) async fn names_with_keys(&self, queue: &str, names: &[&str]) -> Result<Vec<String>, DbErr> {
        let values = [queue.into(), json(names)?.into()];
        let rows = self.db.query_all_raw(statement(self.dialect, self.dialect.limited.with_keys, values)).await?;
        rows.iter().map(|row| row.try_get("", "name")).collect()
    }

    /// Returns the priorities, names and keys of those of the newest jobs that wait in this queue.
    pub(crate) async fn newest_keys(&self, queue: &str) -> Result<Vec<(i16, String, String)>, DbErr> {
        let rows = self.db.query_all_raw(statement(self.dialect, NEWEST, [])).await?;
        let read = |row: &QueryResult| {
            Ok((
                row.try_get("", "queue")?,
                (row.try_get("", "priority")?, row.try_get("", "name")?, row.try_get("", "limit_key")?),
            ))
        };
        let keys: Vec<(String, _)> = rows.iter().map(read).collect::<Result<_, DbErr>>()?;
        Ok(keys.into_iter().filter(|(of, _)| of == queue).map(|(_, key)| key).collect())
    }

    /// Returns the heads of `number` places of a group, from this key on, in the order of the keys.
    pub(crate) async fn places(
        &self,
        queue: &str,
        (priority, name, limits): (i16, &str, &Arc<[PlaceLimit]>),
        from_key: &str,
        number: usize,
    ) -> Result<Vec<Head>, DbErr> {
        let read = |row: &QueryResult| {
            let place =
                Place { priority, name: name.into(), limits: limits.clone(), key: row.try_get("", "limit_key")? };
            head(place, row)
        };
        let group = |key: &str| [queue.into(), priority.into(), name.into(), key.into()];
        match self.dialect.limited.places {
            Places::Statement(sql) => {
                let values = group(from_key).into_iter().chain([int(number)]);
                let rows = self.db.query_all_raw(statement(self.dialect, sql, values)).await?;
                rows.iter().map(read).collect()
            }
            Places::Each { from, after } => {
                let (mut heads, mut key, mut sql) = (Vec::with_capacity(number), from_key.to_owned(), from);
                while heads.len() < number
                    && let Some(row) = self.db.query_one_raw(statement(self.dialect, sql, group(&key))).await?
                {
                    let head = read(&row)?;
                    (key, sql) = (head.place.key.clone(), after);
                    heads.push(head);
                }
                Ok(heads)
            }
        }
    }

    /// Returns the heads of those of these places in which jobs wait.
    pub(crate) async fn heads(&self, queue: &str, places: &[Place]) -> Result<Vec<Head>, DbErr> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<_> = places
            .iter()
            .enumerate()
            .map(|(ordinal, place)| Asked { ordinal: Some(ordinal), ..place.asked() })
            .collect();
        let values = [queue.into(), json(&asked)?.into()];
        let rows = self.db.query_all_raw(statement(self.dialect, self.dialect.limited.heads, values)).await?;
        rows.iter().map(|row| head(places[ordinal(row)?].clone(), row)).collect()
    }

    /// Returns the priority and the due time of the best due job of these names whose number is not limited.
    pub(crate) async fn best_unlimited(
        &self,
        queue: &str,
        names: &[&str],
    ) -> Result<Option<(i16, DateTimeUtc)>, DbErr> {
        let values = [queue.into(), json(names)?.into()];
        let row = self.db.query_one_raw(statement(self.dialect, self.dialect.limited.best_unlimited, values)).await?;
        row.map(|row| Ok((row.try_get("", "priority")?, row.try_get("", "scheduled_at")?))).transpose()
    }

    /// Wakes the workers of other processes that may wait for these jobs to end, each given by its name and its key.
    pub(crate) async fn tell_of_room(&self, ended: &HashSet<(&str, &str)>) -> Result<(), DbErr> {
        match self.dialect.limited.wake {
            Some(sql) if !ended.is_empty() => {
                let ended: Vec<_> = ended.iter().map(|(name, limit_key)| Ended { name, limit_key }).collect();
                self.db.query_all_raw(statement(self.dialect, sql, [json(&ended)?.into()])).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}

fn head(place: Place, row: &QueryResult) -> Result<Head, DbErr> {
    let wait_ms: i64 = row.try_get("", "wait_ms")?;
    let wait = Duration::from_millis(u64::try_from(wait_ms).unwrap_or(0));
    Ok(Head { place, scheduled_at: row.try_get("", "scheduled_at")?, wait })
}
