//! The schedules of definitions, written by the workers that start with them.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbErr};
use serde_json::json;

use super::times::Times;
use super::{CronSource, UTC};
use crate::error::Error;
use crate::job::registry::{Definition, Registry};
use crate::store::cron::{self as store, NewSchedule, Row};
use crate::store::{Store, clock, notify, retry_contention, wake};

/// Refuses a schedule that could not be written.
pub(crate) fn check(definition: &Definition) -> Result<(), Error> {
    let Some(new) = schedule_of(definition) else { return Ok(()) };
    let refused = |error| Error::Setup(format!("the schedule of {definition:?}: {}", crate::error::chain(&error)));
    Times::new(&new.expression, &new.timezone).map_err(refused)?;
    definition.defaults.missed.check().map_err(refused)?;
    definition.decode(&json!({}).into()).map(drop).map_err(|error| {
        Error::Setup(format!("{definition:?} has a schedule, so each of its parameters needs a default ({error})"))
    })
}

/// Writes the schedules of these definitions, and removes those that they no longer have.
pub(crate) async fn schedules(store: &Store, registry: &Registry) -> Result<(), Error> {
    let declared: Vec<_> = registry.definitions().iter().filter_map(schedule_of).collect();
    // Older releases may have schedules under aliases of these definitions, or of definitions that no longer have `cron`.
    let names = registry.names();
    let rows = store::named(&store.db, &names, false).await?;
    if let Some(other) = declared.iter().find(|new| rows.iter().any(|row| row.name == new.name && !is_declared(row))) {
        let name = &other.name;
        return Err(Error::Setup(format!(
            "the definition `{name}` has a schedule, and another named `{name}` was added at run time: remove that with \
             `jobs::cron::remove`, or `cron remove`"
        )));
    }
    if !changes(&declared, &rows).is_empty() {
        retry_contention(|| async {
            let transaction = store.begin().await?;
            let rows = store::named(&transaction, &names, true).await?;
            for change in changes(&declared, &rows) {
                write(&transaction, change).await?;
            }
            notify::send(&transaction, "jobs_cron", "").await?;
            transaction.commit().await
        })
        .await?;
        wake::cron_changed();
    }
    log(&store.db, &declared).await.map_err(Error::from)
}

enum Change<'a> {
    Add(&'a NewSchedule),
    Update(&'a NewSchedule, &'a Row),
    Remove(&'a Row),
}

fn changes<'a>(declared: &'a [NewSchedule], rows: &'a [Row]) -> Vec<Change<'a>> {
    let row_of = |new: &NewSchedule| rows.iter().find(|row| row.name == new.name);
    let written = declared.iter().filter_map(|new| match row_of(new) {
        None => Some(Change::Add(new)),
        Some(row) if new.has_times_of(row) && new.missed == row.missed && new.job == row.job => None,
        Some(row) => Some(Change::Update(new, row)),
    });
    let is_gone = |row: &&Row| is_declared(row) && !declared.iter().any(|new| new.name == row.name);
    written.chain(rows.iter().filter(is_gone).map(Change::Remove)).collect()
}

fn is_declared(row: &Row) -> bool {
    row.source == CronSource::Definition.as_str()
}

async fn write(transaction: &DatabaseTransaction, change: Change<'_>) -> Result<(), DbErr> {
    match change {
        // If another worker has added it, that worker is of the same release, or has started later.
        Change::Add(new) => {
            let next_at = times(new)?.next(clock(transaction).await?);
            store::insert(transaction, new, next_at).await.map(drop)
        }
        Change::Update(new, row) => {
            let next_at = if new.has_times_of(row) { None } else { times(new)?.next(clock(transaction).await?) };
            store::update(transaction, new, next_at).await.map(drop)
        }
        Change::Remove(row) => store::remove(transaction, &row.name).await.map(drop),
    }
}

async fn log<C: ConnectionTrait>(db: &C, declared: &[NewSchedule]) -> Result<(), DbErr> {
    if declared.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = declared.iter().map(|new| new.name.as_str()).collect();
    for row in store::named(db, &names, false).await? {
        let Ok(times) = Times::new(&row.expression, &row.timezone) else { continue };
        let next = match row.next_at {
            _ if row.paused_at.is_some() => "is paused".to_owned(),
            Some(next) => format!("next at {}", next.with_timezone(&times.zone()).format("%F %T %Z")),
            None => "no longer fires".to_owned(),
        };
        tracing::info!(
            "schedule `{}`: `{}` ({}) in {}, {next}",
            row.name,
            row.expression,
            times.describe(),
            row.timezone
        );
    }
    Ok(())
}

/// The schedule of a definition. Its parameters take their defaults when the job is executed.
fn schedule_of(definition: &Definition) -> Option<NewSchedule> {
    let defaults = &definition.defaults;
    Some(NewSchedule {
        name: defaults.name.into(),
        job: defaults.name.into(),
        expression: defaults.cron?.into(),
        timezone: defaults.timezone.unwrap_or(UTC).into(),
        parameters: json!({}),
        options: json!({}),
        missed: defaults.missed.to_string(),
        source: CronSource::Definition.as_str(),
    })
}

/// The times of a schedule, which were validated when the worker was set up.
fn times(new: &NewSchedule) -> Result<Times, DbErr> {
    Times::new(&new.expression, &new.timezone).map_err(|error| DbErr::Custom(error.to_string()))
}
