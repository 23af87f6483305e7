//! Claiming jobs whose number is limited. A slot of a limit is a running job's row: whatever ends an attempt frees it by that same write.
//!
//! Only claims take slots, and every claim under a limit holds its stripe from before it counts until it commits. So what it counts can
//! only be too many.

mod claim;
mod places;
mod rooms;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use jobs_migrations::LIMIT_STRIPES;
use sea_orm::{DbErr, QueryResult};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

pub(crate) use claim::Slots;
pub(crate) use places::Head;

/// The key of a job whose definition has no limit. (Not an empty text, which some sessions of MariaDB take for `NULL`.)
pub(crate) const UNLIMITED: &str = "-";

/// Waiting jobs of one queue that count for the same limits.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) priority: i16,
    pub(crate) name: String,
    /// The limits for which its jobs count, as far as they are known.
    pub(crate) limits: Arc<[PlaceLimit]>,
    /// See [`NewJob::limit_key`](super::row::NewJob::limit_key).
    pub(crate) key: String,
}

/// The limits of one definition, as they are known. If the database has others meanwhile, nothing is claimed until those are known.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PlaceLimit {
    /// The name of the definition.
    pub(crate) scope: String,
    /// Whether the number of all its jobs is limited.
    pub(crate) of_all: bool,
    /// Whether the number of its jobs with the same key is limited.
    pub(crate) of_key: bool,
    /// See [`Scope::counted_by`](super::limits::Scope::counted_by).
    pub(crate) counted_by: String,
}

/// A part of what a statement is asked.
#[derive(Clone, Serialize)]
struct Asked<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    ordinal: Option<usize>,
    priority: i16,
    name: &'a str,
    limit_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    take: Option<usize>,
}

impl Place {
    fn asked(&self) -> Asked<'_> {
        Asked { ordinal: None, priority: self.priority, name: &self.name, limit_key: &self.key, take: None }
    }

    /// What counts for its limits: all jobs of each definition, and those with the key; each with whether there is a limit.
    fn counted(&self) -> impl Iterator<Item = (&PlaceLimit, Option<&str>, bool)> {
        self.limits.iter().flat_map(|limit| [(limit, None, limit.of_all), (limit, Some(&*self.key), limit.of_key)])
    }

    /// The stripes that a claim holds here.
    fn stripes(&self) -> impl Iterator<Item = i16> {
        let limited = self.counted().filter(|(.., is_limited)| *is_limited);
        limited.map(|(limit, key, _)| stripe(&limit.scope, key.unwrap_or_default()))
    }
}

/// Reads which part of what was asked a row is about.
fn ordinal(row: &QueryResult) -> Result<usize, DbErr> {
    let ordinal: i64 = row.try_get("", "ordinal")?;
    usize::try_from(ordinal).map_err(|_| DbErr::Custom(format!("the database returned the ordinal {ordinal}")))
}

fn stripe(scope: &str, key: &str) -> i16 {
    let digest = Sha256::new().chain_update(scope).chain_update([0]).chain_update(key).finalize();
    let number = u16::from_be_bytes([digest[0], digest[1]]) % LIMIT_STRIPES;
    i16::try_from(number).expect("there are fewer stripes than that")
}

/// The rows that claims lock.
pub(super) fn stripes() -> impl Iterator<Item = i16> {
    (0..=i16::MAX).take(LIMIT_STRIPES.into())
}
