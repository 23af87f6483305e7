//! What those who follow jobs learn: the states of the jobs, and the messages after those that are known.
//!
//! The key of a message is (version, number). Keys become visible in their order: whoever writes messages locks the job's row first and
//! checks the version, so that all messages of a version are written before the next one exists, and an attempt writes its own in their
//! order. Therefore a key that is known stands for all before it.

use std::collections::HashMap;

use sea_orm::prelude::DateTimeUtc;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, DbErr, EntityTrait as _, FromQueryResult as _, QueryFilter as _, QueryTrait as _,
};
use serde::Serialize;

use super::entity::{job, message};
use super::row::Columns;
use super::{dialect, json, statement};
use crate::model::JobStatus;

/// How many messages of a job are read at once, as the statements say.
pub(crate) const MAX_MESSAGES: usize = 100;

/// How many places may be read at once, so that what a read returns is bounded.
pub(crate) const MAX_PLACES: usize = 200;

/// How many jobs that have ended are read at once.
pub(crate) const MAX_RECORDS: usize = 100;

/// A job, and the key of the last message that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    pub(crate) job: i64,
    pub(crate) version: i64,
    pub(crate) number: i64,
}

/// A job's state, and its first messages after the place from which it was asked.
#[derive(Debug, Clone)]
pub(crate) struct News {
    pub(crate) version: i64,
    pub(crate) status: JobStatus,
    pub(crate) attempt: i32,
    pub(crate) progress: i16,
    pub(crate) scheduled_at: DateTimeUtc,
    pub(crate) cancel_requested_at: Option<DateTimeUtc>,
    /// The error after which the job waits.
    pub(crate) last_error: Option<String>,
    pub(crate) messages: Vec<message::Model>,
}

impl News {
    /// Whether there may be more messages than these.
    pub(crate) const fn is_full(&self) -> bool {
        self.messages.len() >= MAX_MESSAGES
    }

    /// Whether the job is closed, and these are the last of its messages.
    pub(crate) fn has_ended(&self) -> bool {
        self.status.is_closed() && !self.is_full()
    }
}

/// A place as the statement reads it.
#[derive(Serialize)]
struct Asked {
    place: usize,
    id: i64,
    version: i64,
    number: i64,
}

/// Reads the news at each of these places, all as of the same moment. There are none of a job that does not exist. What can't be decoded is
/// an error at its own place only.
pub(crate) async fn news<C: ConnectionTrait>(
    db: &C,
    places: &[Place],
) -> Result<HashMap<Place, Result<News, DbErr>>, DbErr> {
    let dialect = dialect::of(db.get_database_backend())?;
    let asked: Vec<_> = places.iter().enumerate().map(|(place, at)| at.asked(place)).collect();
    let rows = db.query_all_raw(statement(dialect, dialect.news, [json(&asked)?.into()])).await?;
    let mut news: HashMap<Place, Result<News, DbErr>> = HashMap::with_capacity(places.len());
    for row in &rows {
        let mut columns = Columns::of(row);
        let place: i64 = columns.next()?;
        let Some(place) = usize::try_from(place).ok().and_then(|place| places.get(place)) else { continue };
        match state(&mut columns).and_then(|state| Ok((state, message(place.job, &mut columns)?))) {
            Ok((state, message)) => {
                if let Ok(news) = news.entry(*place).or_insert(Ok(state)) {
                    news.messages.extend(message);
                }
            }
            Err(error) => _ = news.insert(*place, Err(error)),
        }
    }
    for news in news.values_mut().flatten() {
        // Some statements return more than was asked for, but never leave out what comes before.
        news.messages.sort_unstable_by_key(|message| (message.version, message.number));
        news.messages.truncate(MAX_MESSAGES);
    }
    Ok(news)
}

impl Place {
    const fn asked(self, place: usize) -> Asked {
        Asked { place, id: self.job, version: self.version, number: self.number }
    }
}

fn state(columns: &mut Columns<'_>) -> Result<News, DbErr> {
    Ok(News {
        version: columns.next()?,
        status: columns.next()?,
        attempt: columns.next()?,
        progress: columns.next()?,
        scheduled_at: columns.next()?,
        cancel_requested_at: columns.next()?,
        last_error: columns.next()?,
        messages: Vec::new(),
    })
}

/// Reads a row's message; `None` if there are no new ones.
fn message(job_id: i64, columns: &mut Columns<'_>) -> Result<Option<message::Model>, DbErr> {
    let Some(version) = columns.next()? else { return Ok(None) };
    Ok(Some(message::Model {
        job_id,
        version,
        number: columns.next()?,
        attempt: columns.next()?,
        level: columns.next()?,
        created_at: columns.next()?,
        text: columns.next()?,
    }))
}

/// Reads the rows of these jobs, as far as they exist, each with its id. What can't be decoded is an error of its own job only.
pub(crate) async fn records<C: ConnectionTrait>(
    db: &C,
    ids: &[i64],
) -> Result<Vec<(i64, Result<job::Model, DbErr>)>, DbErr> {
    let find = job::Entity::find().filter(job::Column::Id.is_in(ids.iter().copied()));
    let rows = db.query_all_raw(find.build(db.get_database_backend())).await?;
    rows.iter().map(|row| Ok((row.try_get("", "id")?, job::Model::from_query_result(row, "")))).collect()
}
