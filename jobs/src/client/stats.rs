//! Sums of what workers have counted, period by period.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::job::parameters::check_name;
use crate::model::StatsRange;
use crate::model::histogram::Histogram;
use crate::model::tally::{Tallies, Tally};
use crate::store::clock;
use crate::store::connection::Connection;
use crate::store::stats::{self as store, Period, Place, Wanted};

/// Which of the jobs to sum up, and how far back. Made of a [`StatsRange`], it is for all jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[must_use]
pub struct StatsFilter {
    range: StatsRange,
    #[serde(skip_serializing_if = "Option::is_none")]
    queue: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl StatsFilter {
    /// All jobs, in this time.
    pub fn new(range: StatsRange) -> Self {
        Self { range, ..Self::default() }
    }

    /// Jobs in this queue.
    pub fn queue(mut self, queue: impl Into<String>) -> Self {
        self.queue = Some(queue.into());
        self
    }

    /// Jobs with this name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Whether a row's total does not tell: it takes what it has counted by queue and name.
    fn is_by_job(&self) -> bool {
        self.queue.is_some() || self.name.is_some()
    }

    fn sum_of(&self, tallies: &Tallies) -> Tally {
        tallies.sum(self.queue.as_deref(), self.name.as_deref())
    }
}

impl From<StatsRange> for StatsFilter {
    fn from(range: StatsRange) -> Self {
        Self::new(range)
    }
}

/// The attempts that workers have counted in a range: how they ended, and how long they had waited and ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// The range.
    pub range: StatsRange,
    /// Of all periods.
    pub total: StatsTotals,
    /// Every period of the range, also those in which nothing has ended, oldest first. The last has only just begun.
    pub periods: Vec<StatsPeriod>,
    /// If the search stopped at its bound: the period up to which it has searched back. Those before it read as if nothing had ended.
    pub searched_back_to: Option<DateTime<Utc>>,
}

/// A minute or an hour.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatsPeriod {
    /// When it began, by the database's clock.
    pub starts_at: DateTime<Utc>,
    /// What has ended in it.
    pub totals: StatsTotals,
}

/// Attempts that have ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct StatsTotals {
    /// Jobs that have ended well.
    pub terminated: u64,
    /// Jobs that have failed.
    pub failed: u64,
    /// Jobs that were canceled while they ran. Those that were canceled while they waited had no attempt, and are not counted.
    pub canceled: u64,
    /// Attempts that went wrong, after which the job waits for another.
    pub retried: u64,
    /// How long jobs had been due when their attempts started.
    pub wait: StatsTimes,
    /// How long attempts ran.
    pub run: StatsTimes,
}

impl StatsTotals {
    /// The number of jobs that were closed.
    #[must_use]
    pub const fn closed(&self) -> u64 {
        self.terminated.saturating_add(self.failed).saturating_add(self.canceled)
    }
}

/// How long something took. As JSON: `mean_seconds`, `median_seconds`, `p95_seconds`, numbers. `None` if it never happened.
///
/// Workers count durations in classes of which each is twice as long as the one before it, so the median and the 95th percentile may be up
/// to twice as long as they should be, or half as long; the mean is exact. Those below a millisecond are in one class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct StatsTimes {
    /// The mean.
    #[serde(rename = "mean_seconds", with = "super::seconds")]
    pub mean: Option<Duration>,
    /// What half of them did not exceed.
    #[serde(rename = "median_seconds", with = "super::seconds")]
    pub median: Option<Duration>,
    /// What 95 of 100 did not exceed.
    #[serde(rename = "p95_seconds", with = "super::seconds")]
    pub p95: Option<Duration>,
}

impl From<&Histogram> for StatsTimes {
    fn from(histogram: &Histogram) -> Self {
        Self { mean: histogram.mean(), median: histogram.percentile(50), p95: histogram.percentile(95) }
    }
}

impl From<&Tally> for StatsTotals {
    fn from(tally: &Tally) -> Self {
        let Tally { terminated, failed, canceled, retried, wait, run } = tally;
        Self {
            terminated: *terminated,
            failed: *failed,
            canceled: *canceled,
            retried: *retried,
            wait: wait.into(),
            run: run.into(),
        }
    }
}

/// Sums up what workers have counted: for the last hour by minute, for the last day or week by hour.
///
/// An attempt counts in the period in which its end was written. Each worker writes what it has counted every few seconds, and adds a minute
/// to its hour when the minute is over; what a worker that crashes has not written yet is not counted. By queue or name, 100 pairs of them
/// are counted for each worker and period; what comes after these counts only in sums of all jobs.
///
/// ```
/// # use jobs::prelude::*;
/// use jobs::{StatsFilter, StatsRange};
/// # #[derive(Job)] #[job_params] struct Greet { name: String }
/// # impl Execute for Greet { type Output = (); async fn execute(&self, _: &JobContext) -> JobResult { Ok(()) } }
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), jobs::Error> {
/// # let db = jobs::testing::database().await?;
/// let hour = jobs::stats(&db, StatsRange::Hour).await?;
/// assert_eq!((hour.periods.len(), hour.total.terminated), (60, 0));
/// let greetings = jobs::stats(&db, StatsFilter::new(StatsRange::Week).name("Greet")).await?;
/// assert_eq!(greetings.periods.len(), 7 * 24);
/// # Ok(()) }
/// ```
///
/// A call reads at most 20,000 rows, or by queue or name 100,000 pairs, the latest: [`Stats::searched_back_to`] says if there were more.
///
/// [`Error::InvalidValue`] if no queue or job can have the name.
pub async fn stats<C: Connection>(db: &C, filter: impl Into<StatsFilter>) -> Result<Stats, Error> {
    let filter = filter.into();
    filter.queue.as_deref().map_or(Ok(()), |queue| check_name("queue", queue))?;
    filter.name.as_deref().map_or(Ok(()), |name| check_name("name", name))?;
    let mut sums = Sums::until(clock(db).await?, filter.range);
    let searched_back_to = sums.read(db, &filter).await?;
    Ok(sums.into_stats(filter.range, searched_back_to))
}

/// How many rows a statement reads. Those by queue and name are long.
const PAGE: u64 = 1_000;
const PAGE_BY_JOB: u64 = 100;

/// How many rows are read at most, and how many pairs of queue and name.
const MOST_ROWS: usize = 20_000;
const MOST_PAIRS: usize = 100_000;

/// The sums of a range, from its first period to its last.
struct Sums {
    period: Period,
    from: DateTime<Utc>,
    tallies: Vec<Tally>,
}

impl Sums {
    fn until(now: DateTime<Utc>, range: StatsRange) -> Self {
        let period = if range.period() == Period::Hour.len() { Period::Hour } else { Period::Minute };
        let before = u32::try_from(range.periods() - 1).unwrap_or(u32::MAX);
        let from = period.start(now) - period.len() * before;
        Self { period, from, tallies: vec![Tally::default(); range.periods()] }
    }

    /// Reads rows, the latest first. Returns the start of the last if it stops before the end.
    async fn read<C: Connection>(&mut self, db: &C, filter: &StatsFilter) -> Result<Option<DateTime<Utc>>, Error> {
        let limit = if filter.is_by_job() { PAGE_BY_JOB } else { PAGE };
        let mut wanted = Wanted { period: self.period, from: self.from, before: None, limit };
        let (mut rows, mut pairs) = (0, 0);
        loop {
            let page: Vec<(Place, Tally)> = if filter.is_by_job() {
                let page = store::by_job(db, wanted).await?;
                pairs += page.iter().map(|(_, tallies)| tallies.pairs()).sum::<usize>();
                page.into_iter().map(|(place, tallies)| (place, filter.sum_of(&tallies))).collect()
            } else {
                store::totals(db, wanted).await?
            };
            rows += page.len();
            for ((starts_at, _), tally) in &page {
                self.add(*starts_at, tally);
            }
            match page.last() {
                Some((last, _)) if page.len() as u64 == limit => wanted.before = Some(*last),
                _ => return Ok(None),
            }
            if rows >= MOST_ROWS || pairs >= MOST_PAIRS {
                return Ok(wanted.before.map(|(starts_at, _)| starts_at));
            }
        }
    }

    fn add(&mut self, starts_at: DateTime<Utc>, tally: &Tally) {
        let index = (starts_at - self.from).num_seconds() / self.seconds();
        // A row from the future has no place here: some clock was wrong.
        if let Some(sum) = usize::try_from(index).ok().and_then(|index| self.tallies.get_mut(index)) {
            sum.add(tally);
        }
    }

    fn seconds(&self) -> i64 {
        i64::try_from(self.period.len().as_secs()).unwrap_or(i64::MAX)
    }

    fn into_stats(self, range: StatsRange, searched_back_to: Option<DateTime<Utc>>) -> Stats {
        let mut total = Tally::default();
        for tally in &self.tallies {
            total.add(tally);
        }
        let starts = (0..).map(|index| self.from + TimeDelta::seconds(self.seconds() * index));
        let periods = starts.zip(&self.tallies);
        Stats {
            range,
            total: (&total).into(),
            periods: periods.map(|(starts_at, tally)| StatsPeriod { starts_at, totals: tally.into() }).collect(),
            searched_back_to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_of_any_numbers_has_a_value() {
        let totals = StatsTotals { terminated: u64::MAX, failed: 1, canceled: u64::MAX, ..StatsTotals::default() };
        assert_eq!(totals.closed(), u64::MAX);
    }
}
