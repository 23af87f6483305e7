//! Assertions about scheduled jobs.

use std::fmt::Write as _;
use std::panic::Location;

use crate::error::{Error, chain};
use crate::job::Job;
use crate::job::parameters::secrets::Parameters;
use crate::store::testing;
use crate::{Connection, JobFilter, JobRecord, counts, list};

/// Returns the waiting jobs of this type, due or not, oldest first, each with its record. Inside a transaction, those that it sees.
///
/// ```
/// # use jobs::prelude::*;
/// # use jobs::testing;
/// # #[derive(Job)] #[job_params] struct Greet { name: String }
/// # impl Execute for Greet { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// let db = testing::database().await?;
/// Greet::new("ada").schedule(&db).priority(-5).await?;
/// let (record, greet) = testing::scheduled::<Greet>(&db).await?.remove(0);
/// assert_eq!((record.priority, greet.name()), (-5, "ada"));
/// # Ok(()) }
/// ```
///
/// [`Error::Decode`] if the parameters of one do not decode.
pub async fn scheduled<J: Job>(db: &impl Connection) -> Result<Vec<(JobRecord, J)>, Error> {
    let names: Vec<_> = std::iter::once(J::DEFAULTS.name).chain(J::DEFAULTS.aliases.iter().copied()).collect();
    let decoded = testing::waiting(db, &names).await?.into_iter().map(|row| {
        let job = Parameters::from(row.parameters.0.clone()).decode()?;
        Ok((JobRecord::of(row), job))
    });
    decoded.collect()
}

/// Asserts that a waiting job of this type matches.
///
/// ```
/// # use jobs::prelude::*;
/// # use jobs::testing;
/// # #[derive(Job)] #[job_params] struct Resize { file: String, #[param(default = 32)] width: u32 }
/// # impl Execute for Resize { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// let db = testing::database().await?;
/// Resize::new("a.png").with_width(64).schedule(&db).await?;
/// testing::assert_scheduled::<Resize>(&db, |job| job.width() == 64).await;
/// testing::refute_scheduled::<Resize>(&db, |job| job.file() == "b.png").await;
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// If none matches, the parameters of one do not decode, or the database can't be read. The message has the caller's location and
/// the jobs that exist.
#[track_caller]
pub fn assert_scheduled<J: Job>(db: &impl Connection, matches: impl Fn(&J) -> bool) -> impl Future<Output = ()> {
    let here = Location::caller();
    async move {
        let found = found(db, &matches, here).await;
        assert!(
            !found.is_empty(),
            "{here}: no `{}` that matches is scheduled; {}",
            J::DEFAULTS.name,
            there_is(db).await
        );
    }
}

/// Asserts that no waiting job of this type matches.
///
/// # Panics
///
/// If one matches, the parameters of one do not decode, or the database can't be read. The message has the caller's location and
/// the jobs that match.
#[track_caller]
pub fn refute_scheduled<J: Job>(db: &impl Connection, matches: impl Fn(&J) -> bool) -> impl Future<Output = ()> {
    let here = Location::caller();
    async move {
        let found = found(db, &matches, here).await;
        let lines: String = found.iter().take(SHOWN).map(line).collect();
        let (name, number) = (J::DEFAULTS.name, found.len());
        assert!(found.is_empty(), "{here}: no `{name}` that matches should be scheduled, but {number} are:{lines}");
    }
}

async fn found<J: Job>(db: &impl Connection, matches: impl Fn(&J) -> bool, here: &Location<'_>) -> Vec<JobRecord> {
    match scheduled::<J>(db).await {
        Ok(all) => all.into_iter().filter(|(_, job)| matches(job)).map(|(record, _)| record).collect(),
        Err(error) => panic!("{here}: scheduled jobs can't be read: {}", chain(&error)),
    }
}

/// How many jobs a message shows.
const SHOWN: usize = 20;

/// The newest jobs of the database: the expected one may have another name, or have run already.
async fn there_is(db: &impl Connection) -> String {
    let all = async {
        let total = counts(db, JobFilter::new()).await?.total();
        Ok::<_, Error>((total, list(db, JobFilter::new().limit(SHOWN as u64)).await?.jobs))
    };
    match all.await {
        Ok((0, _)) => "there are no jobs at all".into(),
        Ok((total, newest)) => {
            let shown = if total > SHOWN as u64 { format!(", the newest {SHOWN}") } else { String::new() };
            format!("there are {total} jobs{shown}:{}", newest.iter().map(line).collect::<String>())
        }
        Err(error) => format!("the existing jobs can't be read: {}", chain(&error)),
    }
}

/// How many characters of a job's parameters are shown.
const SHOWN_CHARS: usize = 300;

fn line(job: &JobRecord) -> String {
    let mut line = format!("\n  {} `{}` {} in `{}`", job.id, job.name, job.status, job.queue);
    let parameters: String = job.parameters.to_string().chars().take(SHOWN_CHARS).collect();
    // Writing to a String can't fail.
    let _ = write!(line, ", due {}: {parameters}", job.scheduled_at.format("%F %T%.3f"));
    line
}
