//! Inserting jobs: their rows, the statements, and the announcement to those who may execute them.

use std::borrow::Borrow;
use std::time::Duration;

use chrono::{DateTime, Datelike as _, SecondsFormat, Utc};
use sea_orm::{ConnectionTrait, DbErr, TransactionSession as _};
use serde_json::Value;
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::client::options::{Due, default_queue};
use crate::client::{JobOptions, metrics};
use crate::error::Error;
use crate::job::limit::limit_key;
use crate::job::parameters::check_name;
use crate::job::registry::KeyOf;
use crate::job::{Job, JobDefaults, parameters};
use crate::store::connection::Connection;
use crate::store::insert::{self, InsertResult};
use crate::store::row::NewJob;
use crate::store::{self, LONGEST, millis, unique, wake};

/// A job that can be converted into a row. No other crate can name this trait.
pub trait IntoRow {
    fn into_row(self, options: JobOptions) -> Result<NewJob, Error>;
}

impl<J: Job> IntoRow for J {
    fn into_row(self, options: JobOptions) -> Result<NewJob, Error> {
        options.into_row(J::DEFAULTS.name, &J::DEFAULTS, parameters::encode(&self)?, |of| of.values(&self))
    }
}

impl JobOptions {
    /// The row of a job with these options, over its definition's defaults. `values` returns those of its keys, if it has any.
    pub(crate) fn into_row(
        self,
        name: &str,
        defaults: &JobDefaults,
        parameters: String,
        values: impl Fn(KeyOf) -> Result<Value, Error>,
    ) -> Result<NewJob, Error> {
        let queue = self.queue.or_else(|| defaults.queue.map(Into::into)).unwrap_or_else(default_queue);
        check_name("name", name)?;
        check_name("queue", &queue)?;
        for (what, value) in [("user", &self.user), ("session", &self.session), ("event", &self.event)] {
            value.as_deref().map_or(Ok(()), |value| check_name(what, value))?;
        }
        let (at, delay) = match self.due {
            None => (None, None),
            Some(Due::In(delay)) => (None, Some(checked("delay", delay)?)),
            Some(Due::At(at)) => (Some(checked_time(at)?), None),
        };
        let timeout = self.timeout.or(defaults.timeout);
        if timeout == Some(Duration::ZERO) {
            return Err(Error::invalid("timeout", "it is zero: leave it out if there is none"));
        }
        // An alias is an old name of the same definition.
        let key = self.unique.into_key(defaults.known_as(name), defaults.unique, || values(KeyOf::Unique))?;
        Ok(NewJob {
            key,
            // Without the definition there is none, and a worker that has the definition writes it.
            limit_key: limit_key(&defaults.limits, || values(KeyOf::Limit))?,
            name: name.to_owned(),
            queue,
            priority: checked_priority(self.priority.unwrap_or(defaults.priority))?,
            max_attempts: checked_attempts(self.max_attempts.unwrap_or(defaults.max_attempts))?,
            timeout_ms: timeout.map(|timeout| checked("timeout", timeout)).transpose()?,
            parameters,
            at,
            delay_ms: delay,
            user_id: self.user,
            session_id: self.session,
            event_id: self.event,
        })
    }
}

fn checked(what: &str, duration: Duration) -> Result<i64, Error> {
    if duration > LONGEST {
        return Err(Error::invalid(what, "it is longer than a hundred years"));
    }
    Ok(millis(duration))
}

fn checked_time(at: DateTime<Utc>) -> Result<String, Error> {
    if !(1970..=9000).contains(&at.year()) {
        return Err(Error::invalid("at", format!("{at} is not between the years 1970 and 9000")));
    }
    Ok(at.to_rfc3339_opts(SecondsFormat::Micros, true))
}

fn checked_priority(priority: i16) -> Result<i16, Error> {
    if (-100..=100).contains(&priority) {
        Ok(priority)
    } else {
        Err(Error::invalid("priority", format!("{priority} is not between −100 and 100")))
    }
}

fn checked_attempts(max_attempts: u32) -> Result<i32, Error> {
    match i32::try_from(max_attempts) {
        Ok(attempts @ 1..=32767) => Ok(attempts),
        _ => Err(Error::invalid("max_attempts", format!("{max_attempts} is not between 1 and 32767"))),
    }
}

/// Inserts one job, and announces it.
pub(super) async fn insert_one<C: Connection>(db: &C, row: NewJob) -> Result<InsertResult, Error> {
    let result = insert_unannounced(db, &row).await?;
    announce(std::iter::once((&row, &result)));
    Ok(result)
}

/// Inserts one job; the caller announces it.
pub(crate) async fn insert_unannounced<C: Connection>(db: &C, row: &NewJob) -> Result<InsertResult, Error> {
    let rows = std::slice::from_ref(row);
    let span = tracing::debug_span!("jobs.schedule", name = row.name, queue = row.queue, job = Empty);
    let inserted = async || {
        if row.key.is_none() || unique::is_one_statement(db) {
            return insert(db, rows).await;
        }
        match unique::result_if_certain(db, row).await? {
            Some(existing) => Ok(vec![existing]),
            None => insert_in_transaction(db, rows).await,
        }
    };
    let results = store::repeat_call(db, inserted).instrument(span.clone()).await?;
    span.record("job", results.first().map(|result| result.id));
    // There is one for each row.
    results.first().copied().ok_or_else(|| Error::Database(DbErr::RecordNotInserted))
}

/// Inserts all jobs or none, and announces them.
pub(super) async fn insert_all<C: Connection>(db: &C, rows: &[NewJob]) -> Result<Vec<InsertResult>, Error> {
    let name = rows.first().map(|row| row.name.as_str());
    let span = tracing::debug_span!("jobs.schedule", name, count = rows.len());
    let results = store::repeat_call(db, || insert_in_transaction(db, rows)).instrument(span).await?;
    announce(rows.iter().zip(&results));
    Ok(results)
}

async fn insert_in_transaction<C: Connection>(db: &C, rows: &[NewJob]) -> Result<Vec<InsertResult>, Error> {
    // Without options: inside the caller's transaction this is a savepoint, which takes none.
    let transaction = db.begin().await?;
    let results = insert(&transaction, rows).await?;
    transaction.commit().await?;
    Ok(results)
}

/// Inserts jobs with and without keys, and returns them in order. If there is more than one, call it in a transaction.
pub(crate) async fn insert<C: ConnectionTrait, R: Borrow<NewJob>>(
    db: &C,
    rows: &[R],
) -> Result<Vec<InsertResult>, Error> {
    let (keyed, others): (Vec<_>, Vec<_>) =
        rows.iter().map(Borrow::borrow).partition(|row: &&NewJob| row.key.is_some());
    let mut others = insert::insert(db, &others).await?.into_iter().map(|id| InsertResult { id, existed: false });
    if keyed.is_empty() {
        return Ok(others.collect());
    }
    let mut keyed = unique::insert(db, &keyed).await?.into_iter();
    // Both return as many as they were given.
    Ok(rows.iter().filter_map(|row| if row.borrow().key.is_some() { keyed.next() } else { others.next() }).collect())
}

/// Announces inserted jobs: counts the new ones, and wakes the workers that may execute them.
pub(crate) fn announce<'r>(results: impl Iterator<Item = (&'r NewJob, &'r InsertResult)> + Clone) {
    let new =
        results.clone().filter(|(_, result)| !result.existed).map(|(row, _)| [row.queue.as_str(), row.name.as_str()]);
    metrics::count_each(metrics::SCHEDULED_TOTAL, ["queue", "name"], new);
    let mut queues: Vec<_> = results.map(|(row, _)| row.queue.as_str()).collect();
    queues.sort_unstable();
    queues.dedup();
    queues.into_iter().for_each(wake::scheduled);
}
