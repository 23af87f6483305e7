//! Searching failed jobs in the order in which they have failed, the latest first.
//!
//! On every database, the index of closed jobs has them in this order, so a piece is a range of it. Jobs that have failed at the same time
//! are in the same piece: there are no more of them than one statement ends.

use chrono::DateTime;
use sea_orm::{ColumnTrait as _, Condition, ConnectionTrait};

use super::{EXAMINED, Search, indexed_texts};
use crate::client::JobFilter;
use crate::error::Error;
use crate::store::entity::job::Column;
use crate::store::search::{self, Place};
use crate::store::{clock, dialect, failed};

impl<'f> Search<'f> {
    /// The latest piece of a search that only failed jobs match, from this place on.
    pub(in crate::client) async fn failed<C: ConnectionTrait>(
        db: &C,
        filter: &'f JobFilter,
        after: Option<Place>,
    ) -> Result<Self, Error> {
        let now = clock(db).await?;
        let mut search = Self::at(db, filter, now).await?;
        let dialect = dialect::of(db.get_database_backend())?;
        // What comes from a link may be a time that databases do not know.
        let after = after.map(|(id, time)| (id, time.clamp(DateTime::UNIX_EPOCH, now)));
        let are_few = !filter.ids().is_empty() || texts_are_few(db, filter).await?;
        let failed_at = if are_few { failed::failed_at_without_index() } else { failed::failed_at() };
        let mut among = Condition::all().add_option(after.map(|place| failed::is_after(&failed_at, dialect, place)));
        if !are_few {
            // A job is scheduled before it fails.
            let since = filter.period(now).0.map(search::somewhat_before);
            let bound = failed::boundary(db, since, after.map(|(_, time)| time), EXAMINED).await?;
            among = among.add_option(bound.or(since).map(|time| failed::is_since(&failed_at, dialect, time)));
            search.next = bound.map(|time| (0, time));
        }
        search.condition = search.condition.add(among);
        search.keys = vec![failed_at, Column::Id.into_expr()];
        search.time = Column::FinishedAt;
        Ok(search)
    }
}

/// Whether the filter has texts to which an index leads, and so few jobs have one of them that all can be examined.
async fn texts_are_few<C: ConnectionTrait>(db: &C, filter: &JobFilter) -> Result<bool, Error> {
    let Some((label, texts)) = indexed_texts(filter) else { return Ok(false) };
    let among = Condition::all().add(label.column().is_in(texts));
    Ok(search::count_up_to(db, among, EXAMINED + 1).await? <= EXAMINED)
}
