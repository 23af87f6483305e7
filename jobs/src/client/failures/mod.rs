//! The jobs that have failed lately, in groups.

mod pattern;

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::JobFilter;
use crate::error::Error;
use crate::model::{JobId, JobStatus};
use crate::store::connection::Connection;
use crate::store::{clock, failures as store};
use pattern::Pattern;

/// How far back failures are looked for.
const AGE: TimeDelta = TimeDelta::hours(24);

/// How many jobs are examined.
const EXAMINED: u64 = 5_000;

/// The jobs that have failed in the last 24 hours, in groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailureGroups {
    /// The groups, the one with the latest failure first.
    pub groups: Vec<FailureGroup>,
    /// If more jobs have failed than are examined: when the first of those failed that were.
    pub searched_back_to: Option<DateTime<Utc>>,
}

/// Jobs with one name that have failed in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailureGroup {
    /// The name of their definition.
    pub name: String,
    /// What the first lines of their errors have in common: `#` stands for numbers and identifiers, `…` for what is in quotes. `None` if they
    /// have no error, or if errors are hidden.
    pub error: Option<String>,
    /// The number of jobs.
    pub jobs: u64,
    /// When the latest of them failed.
    pub last_at: DateTime<Utc>,
    /// The latest of them.
    pub last_job: JobId,
    /// A filter that finds them, and perhaps others with similar errors or from earlier.
    pub filter: JobFilter,
}

/// Groups the jobs that have failed in the last 24 hours, by their names and the first lines of their errors. Lines that differ only in
/// numbers, identifiers or what is in quotes are taken for the same: `order 17 not found` and `order 18 not found` are one group.
///
/// ```standalone_crate
/// # use jobs::prelude::*;
/// # #[derive(Job)] #[job_params] struct Ship { order: u32 }
/// # impl Execute for Ship { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult {
/// #     Err(JobError::fail(format!("order {} not found", self.order()))) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// # jobs::schedule_all(&db, [17, 18].map(Ship::new)).await?;
/// # jobs::testing::drain(&db).await?;
/// let failures = jobs::failures(&db).await?;
/// let group = &failures.groups[0];
/// assert_eq!((group.error.as_deref(), group.jobs), (Some("order # not found"), 2));
/// assert_eq!(jobs::list(&db, group.filter.clone()).await?.jobs.len(), 2);
/// # Ok(()) }
/// ```
///
/// The latest 5,000 are examined: [`FailureGroups::searched_back_to`] says if there were more.
pub async fn failures<C: Connection>(db: &C) -> Result<FailureGroups, Error> {
    grouped(db, true).await
}

/// Groups jobs that have failed, by their names alone if errors are hidden.
pub(super) async fn grouped<C: Connection>(db: &C, with_errors: bool) -> Result<FailureGroups, Error> {
    let since = clock(db).await? - AGE;
    let mut failed = store::failed_since(db, since, with_errors, EXAMINED + 1).await?;
    let are_more = failed.len() as u64 > EXAMINED;
    if are_more {
        failed.pop();
    }
    let searched_back_to = failed.last().map(|(_, _, at, _)| *at).filter(|_| are_more);
    Ok(FailureGroups { groups: group(failed), searched_back_to })
}

/// Groups jobs, given latest first.
fn group(failed: Vec<store::Failed>) -> Vec<FailureGroup> {
    let (mut groups, mut places) = (Vec::<FailureGroup>::new(), HashMap::<_, usize>::new());
    for (id, name, at, error) in failed {
        let pattern = error.as_deref().and_then(Pattern::of);
        let key = (name, pattern.as_ref().map(|pattern| pattern.text.clone()));
        if let Some(place) = places.get(&key) {
            groups[*place].jobs += 1;
            continue;
        }
        groups.push(FailureGroup {
            name: key.0.clone(),
            error: key.1.clone(),
            jobs: 1,
            last_at: at,
            last_job: JobId(id),
            filter: filter(&key.0, pattern.as_ref()),
        });
        places.insert(key, groups.len() - 1);
    }
    groups
}

/// A filter for the jobs of a group.
fn filter(name: &str, pattern: Option<&Pattern>) -> JobFilter {
    let by_name = JobFilter::new().status(JobStatus::Failed).name(name);
    match pattern.and_then(Pattern::longest_literal) {
        Some(literal) => by_name.error(literal),
        None => by_name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_grouped_by_name_and_error_with_the_latest_first() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let failed =
            |id, name: &str, second, error: Option<&str>| (id, name.to_owned(), at(second), error.map(str::to_owned));
        let groups = group(vec![
            failed(9, "Ship", 90, Some("order 18 not found\nat line 3")),
            failed(8, "Mail", 80, None),
            failed(7, "Ship", 70, Some("order 17 not found")),
            failed(6, "Mail", 60, Some("order 17 not found")),
        ]);
        let told: Vec<_> = groups
            .iter()
            .map(|group| (group.name.as_str(), group.error.as_deref(), group.jobs, group.last_job.0))
            .collect();
        let error = Some("order # not found");
        assert_eq!(told, [("Ship", error, 2, 9), ("Mail", None, 1, 8), ("Mail", error, 1, 6)]);
        assert_eq!(groups[0].last_at, at(90));
        assert_eq!(groups[0].filter.to_string(), "status:failed name:Ship error:\"not found\"");
        assert_eq!(groups[1].filter.to_string(), "status:failed name:Mail");
    }
}
