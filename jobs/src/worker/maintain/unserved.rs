//! Warnings of due jobs that no live worker serves.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use crate::store::{Store, unserved};

/// The time between two warnings of the same queue and name.
const WARN_AGAIN_AFTER: Duration = Duration::from_hours(1);

/// When each queue and name was last warned of.
#[derive(Default)]
pub(super) struct UnservedWarnings(HashMap<(String, String), Instant>);

impl UnservedWarnings {
    pub(super) async fn warn(&mut self, store: &Store) -> Result<(), DbErr> {
        self.0.retain(|_, when| when.elapsed() < WARN_AGAIN_AFTER);
        let mut oldest = BTreeMap::new();
        for group in unserved::groups(&store.db).await? {
            let first = oldest.entry((group.queue, group.name)).or_insert(group.oldest);
            *first = group.oldest.min(*first);
        }
        for ((queue, name), oldest) in oldest {
            let Entry::Vacant(unwarned) = self.0.entry((queue, name)) else { continue };
            let (queue, name) = unwarned.key();
            tracing::warn!(
                "jobs named `{name}` wait in queue `{queue}` since {oldest}, and no live worker serves them: is the crate that \
                 defines them linked, and the queue served?"
            );
            unwarned.insert(Instant::now());
        }
        Ok(())
    }
}
