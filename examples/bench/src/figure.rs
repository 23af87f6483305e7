//! A figure: what was measured for us and for the floor, and its goal.

use std::time::Duration;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    pub(crate) name: String,
    pub(crate) unit: Unit,
    pub(crate) ours: Samples,
    pub(crate) floor: Option<Floor>,
    pub(crate) goal: Option<Goal>,
}

/// The floor that ours is compared with.
#[derive(Debug, Clone)]
pub(crate) struct Floor {
    pub(crate) what: String,
    pub(crate) samples: Samples,
}

/// The unit of the numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unit {
    JobsPerSecond,
    Milliseconds,
    Microseconds,
    StatementsPerMinute,
    StatementsPerSecond,
    Percent,
    Mebibytes,
}

/// The goal of a figure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// Ours is at least this fraction of the floor.
    RatioAtLeast(f64),
    /// Ours is at most this multiple of the floor.
    RatioAtMost(f64),
    /// Ours is at most this.
    AtMost(f64),
}

impl Figure {
    pub(crate) fn new(name: impl Into<String>, unit: Unit, ours: Samples) -> Self {
        Self { name: name.into(), unit, ours, floor: None, goal: None }
    }

    pub(crate) fn floor(mut self, what: impl Into<String>, samples: Samples) -> Self {
        self.floor = Some(Floor { what: what.into(), samples });
        self
    }

    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Ours over the floor, of the medians.
    pub(crate) fn ratio(&self) -> Option<f64> {
        self.floor.as_ref().map(|floor| self.ours.median() / floor.samples.median())
    }

    /// Whether the goal is met; `None` without a goal.
    pub(crate) fn is_met(&self) -> Option<bool> {
        match self.goal? {
            Goal::AtMost(most) => Some(self.ours.median() <= most),
            Goal::RatioAtLeast(_) | Goal::RatioAtMost(_) => self.is_within(1.0),
        }
    }

    /// Whether the ratio reaches this fraction of its goal; `None` without such a goal.
    pub(crate) fn is_within(&self, fraction: f64) -> Option<bool> {
        let ratio = self.ratio()?;
        match self.goal? {
            Goal::RatioAtLeast(least) => Some(ratio >= least * fraction),
            Goal::RatioAtMost(most) => Some(ratio <= most / fraction),
            Goal::AtMost(_) => None,
        }
    }
}

/// The measured values, one per repeat.
#[derive(Debug, Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, sample: f64) {
        self.0.push(sample);
        self.0.sort_by(f64::total_cmp);
    }

    /// Adds a rate: this many jobs in this time, as jobs per second.
    pub(crate) fn push_rate(&mut self, jobs: u64, time: Duration) {
        self.push(per_second(jobs, time));
    }

    /// Adds a time in milliseconds.
    pub(crate) fn push_millis(&mut self, time: Duration) {
        self.push(time.as_secs_f64() * 1_000.0);
    }

    /// Adds the time for each job, in microseconds.
    pub(crate) fn push_micros_each(&mut self, jobs: u64, time: Duration) {
        self.push(1_000_000.0 / per_second(jobs, time));
    }

    /// The median; for an even number of samples, the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        match self.0.len() {
            0 => f64::NAN,
            length => f64::midpoint(self.0[(length - 1) / 2], self.0[length / 2]),
        }
    }

    pub(crate) fn least(&self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn most(&self) -> f64 {
        self.0.last().copied().unwrap_or(f64::NAN)
    }
}

impl From<f64> for Samples {
    fn from(sample: f64) -> Self {
        Self(vec![sample])
    }
}

/// This many jobs in this time, as jobs per second.
#[expect(clippy::cast_precision_loss, reason = "numbers of jobs are far below 2^52")]
pub(crate) fn per_second(jobs: u64, time: Duration) -> f64 {
    jobs as f64 / time.as_secs_f64()
}

/// The time that this fraction of all times does not exceed: 0.99 for p99.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "an index")]
pub(crate) fn percentile(times: &mut [Duration], part: f64) -> Duration {
    times.sort_unstable();
    let rank = (times.len() as f64 * part).ceil() as usize;
    times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}
