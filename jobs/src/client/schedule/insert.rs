//! Inserting jobs, and announcing them.

use std::borrow::Borrow;

use sea_orm::{ConnectionTrait, DbErr, TransactionSession as _};
use tracing::Instrument as _;
use tracing::field::Empty;

use crate::client::metrics;
use crate::error::Error;
use crate::store::connection::Connection;
use crate::store::insert;
use crate::store::row::NewJob;
use crate::store::unique::{self, InsertResult};
use crate::store::{self, wake};

/// Inserts one job, and announces it.
pub(super) async fn insert_one<C: Connection>(db: &C, row: NewJob) -> Result<InsertResult, Error> {
    let rows = [row];
    let [row] = &rows;
    let span = tracing::debug_span!("jobs.schedule", name = row.name, queue = row.queue, job = Empty);
    let inserted = async || {
        if row.key.is_none() || unique::is_one_statement(db) {
            return insert(db, &rows).await;
        }
        match unique::result_if_certain(db, row).await? {
            Some(existing) => Ok(vec![existing]),
            None => insert_in_transaction(db, &rows).await,
        }
    };
    let results = store::repeat_call(db, inserted).instrument(span.clone()).await?;
    span.record("job", results.first().map(|result| result.id));
    announce(rows.iter().zip(&results));
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
