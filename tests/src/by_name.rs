//! Jobs that are known by their names, for cases to which only the identifier matters.

use jobs::{Connection, Error, JobId, JobOptions, NamedJob};
use serde_json::Value;

/// Schedules a job by its name.
///
/// # Errors
///
/// Those of [`NamedJob::schedule`].
pub async fn schedule_by_name<C: Connection>(db: &C, name: &str, parameters: Value) -> Result<JobId, Error> {
    schedule_by_name_with(db, name, parameters, JobOptions::new()).await
}

/// Schedules a job by its name, with options.
///
/// # Errors
///
/// Those of [`NamedJob::schedule`].
pub async fn schedule_by_name_with<C: Connection>(
    db: &C,
    name: &str,
    parameters: Value,
    options: JobOptions,
) -> Result<JobId, Error> {
    Ok(NamedJob::new(name, parameters).with_options(options).schedule(db).await?.id())
}
