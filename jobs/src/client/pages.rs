//! What the dashboard's pages read: a bounded part of what may be long, without what they do not show.

use sea_orm::{ColumnTrait as _, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _};

use super::counts::MOST_COUNTED;
use super::queue::{self, QueueRecord};
use super::record::MessageKey;
use super::search::{Found, JobPage, Search};
use super::{Attempt, JobFilter, Message, Session};
use crate::error::Error;
use crate::model::{Action, JobId};
use crate::store::bounded;
use crate::store::entity::{attempt, message};
use crate::store::search::Place;
use crate::store::unserved::Unserved;

type KeyedMessage = (MessageKey, Message);

impl Session {
    /// Like [`list`](Self::list), with records that have neither parameters nor results. Takes the same.
    pub(crate) async fn list_without_values(&self, filter: JobFilter) -> Result<JobPage, Error> {
        let db = self.to_search(&filter)?;
        self.page_without_values(Search::piece(db, &filter).await?, &filter).await.map(JobPage::from)
    }

    /// The same, for a filter that only failed jobs match: those that have failed last first, from this place on.
    pub(crate) async fn failed_without_values(&self, filter: JobFilter, after: Option<Place>) -> Result<Found, Error> {
        let db = self.to_search(&filter)?;
        self.page_without_values(Search::failed(db, &filter, after).await?, &filter).await
    }

    async fn page_without_values(&self, mut search: Search<'_>, filter: &JobFilter) -> Result<Found, Error> {
        search.has_values = false;
        let mut page = search.page(self.to_search(filter)?, filter.page_size()?).await?;
        self.hide(&mut page.jobs, super::JobRecord::hide_payload);
        Ok(page)
    }

    /// Like [`queues`](Self::queues), but counts no more than 10,001 waiting jobs in each. Takes the same.
    pub(crate) async fn bounded_queues(&self) -> Result<Vec<QueueRecord>, Error> {
        let db = self.to_read(Action::View)?;
        queue::records(db, bounded::open_jobs(db, (MOST_COUNTED + 1).cast_signed()).await?).await
    }

    /// Like [`unserved`](Self::unserved), but counts no more than 10,001 jobs of a queue and name. Takes the same.
    pub(crate) async fn bounded_unserved(&self) -> Result<Vec<Unserved>, Error> {
        Ok(bounded::unserved(self.to_read(Action::View)?, MOST_COUNTED + 1).await?)
    }

    /// The newest messages of a job, oldest first, and whether there are older ones. Takes and hides the same as
    /// [`messages`](Self::messages).
    pub(crate) async fn newest_messages(&self, id: JobId, most: usize) -> Result<(Vec<KeyedMessage>, bool), Error> {
        let rows = message::Entity::find()
            .filter(message::Column::JobId.eq(id.0))
            .order_by_desc(message::Column::Version)
            .order_by_desc(message::Column::Number)
            .limit(one_more(most))
            .all(self.to_read(Action::View)?)
            .await?;
        let keyed = |row| (MessageKey::of(&row), Message::of(row));
        let (mut messages, are_more) = newest(rows.into_iter().map(keyed).collect(), most);
        self.hide(&mut messages, |(_, message)| message.hide_payload());
        Ok((messages, are_more))
    }

    /// The newest unsuccessful attempts of a job, in order, and whether there are older ones. Takes and hides the same as
    /// [`failed_attempts`](Self::failed_attempts).
    pub(crate) async fn newest_failed_attempts(&self, id: JobId, most: usize) -> Result<(Vec<Attempt>, bool), Error> {
        let rows = attempt::Entity::find()
            .filter(attempt::Column::JobId.eq(id.0))
            .order_by_desc(attempt::Column::Attempt)
            .limit(one_more(most))
            .all(self.to_read(Action::View)?)
            .await?;
        let (mut attempts, are_more) = newest(rows.into_iter().map(Attempt::of).collect(), most);
        self.hide(&mut attempts, Attempt::hide_payload);
        Ok((attempts, are_more))
    }
}

/// One more shows whether there are others.
fn one_more(most: usize) -> u64 {
    u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1)
}

/// Takes this many from the beginning, turns them around, and tells whether there are others.
fn newest<T>(mut all: Vec<T>, most: usize) -> (Vec<T>, bool) {
    let are_more = all.len() > most;
    all.truncate(most);
    all.reverse();
    (all, are_more)
}
