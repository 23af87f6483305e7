//! Durations, counted in classes that double in length.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The first class has durations below a millisecond, each other one those below twice the bound of the one before it. Longer ones, of
/// more than 24 days, are in the last.
const CLASSES: usize = 32;

/// How many durations are in each class, and their sum.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub(crate) struct Histogram {
    counts: [u64; CLASSES],
    sum: Duration,
}

/// A histogram as JSON, without empty classes.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Stored {
    /// By the bound of the class, in milliseconds.
    below_ms: BTreeMap<u64, u64>,
    sum_us: u64,
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        let count = &mut self.counts[class(duration.as_millis())];
        *count = count.saturating_add(1);
        self.sum = self.sum.saturating_add(duration);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (count, others) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(others);
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// The mean. `None` if there is no duration.
    pub(crate) fn mean(&self) -> Option<Duration> {
        let micros = self.sum.as_micros().checked_div(self.count().into())?;
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)))
    }

    /// The duration that so many percent do not exceed. It is estimated as if those of a class were spread over it evenly, so at worst it is
    /// twice as long, or half as long, except in the first class and the last. `None` if there is no duration.
    pub(crate) fn percentile(&self, percent: u64) -> Option<Duration> {
        let mut rank = (u128::from(self.count()) * u128::from(percent)).div_ceil(100);
        for (class, count) in self.counts.iter().enumerate() {
            let count = u128::from(*count);
            if count > 0 && rank <= count {
                let lower = if class == 0 { 0 } else { micros_below(class - 1) };
                let micros = lower + (micros_below(class) - lower) * rank / count;
                return Some(Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX)));
            }
            rank -= count;
        }
        None
    }
}

/// The class of a duration of so many milliseconds.
fn class(ms: u128) -> usize {
    let bits = usize::try_from(u128::BITS - ms.leading_zeros()).unwrap_or(CLASSES);
    bits.min(CLASSES - 1)
}

/// The bound of a class in microseconds.
fn micros_below(class: usize) -> u128 {
    (1 << class) * 1_000
}

impl From<Histogram> for Stored {
    fn from(histogram: Histogram) -> Self {
        let classes = histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        Self {
            below_ms: classes.map(|(class, count)| (1 << class, *count)).collect(),
            sum_us: u64::try_from(histogram.sum.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

impl From<Stored> for Histogram {
    fn from(stored: Stored) -> Self {
        let mut histogram = Self { counts: [0; CLASSES], sum: Duration::from_micros(stored.sum_us) };
        for (bound, count) in stored.below_ms {
            // Another release may have other classes.
            let count_here = &mut histogram.counts[class(bound.saturating_sub(1).into())];
            *count_here = count_here.saturating_add(count);
        }
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ms: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        for ms in ms {
            histogram.record(Duration::from_millis(ms));
        }
        histogram
    }

    #[test]
    fn a_percentile_is_at_most_twice_as_long_as_it_should_be() {
        let histogram = of(1..=1_000);
        for percent in [1, 25, 50, 95, 100] {
            let exact = Duration::from_millis(percent * 10);
            let estimated = histogram.percentile(percent).unwrap();
            assert!(estimated * 2 >= exact && estimated <= exact * 2, "{percent}: {estimated:?}");
        }
        assert_eq!(histogram.mean(), Some(Duration::from_micros(500_500)));
    }

    #[test]
    fn no_duration_has_no_percentile_and_no_mean() {
        assert_eq!((of([]).percentile(50), of([]).mean(), of([]).count()), (None, None, 0));
    }

    #[test]
    fn any_duration_has_a_class() {
        let mut histogram = of([0]);
        histogram.record(Duration::MAX);
        histogram.record(Duration::MAX);
        assert_eq!(histogram.count(), 3);
        assert!(histogram.percentile(100).unwrap() > Duration::from_hours(24 * 24));
        assert_eq!(histogram.percentile(1), Some(Duration::from_millis(1)));
    }

    #[test]
    fn what_is_written_is_read() {
        let histogram = of([0, 1, 1, 3, 4, 5_000, u64::MAX]);
        let json = serde_json::to_string(&of([0, 1, 1, 3])).unwrap();
        assert_eq!(json, r#"{"below_ms":{"1":1,"2":2,"4":1},"sum_us":5000}"#);
        let value = serde_json::to_value(&histogram).unwrap();
        let read: Histogram = serde_json::from_value(value).unwrap();
        assert_eq!(read.counts, histogram.counts);
        assert_eq!(serde_json::from_str::<Histogram>("{}").unwrap(), Histogram::default());
    }

    #[test]
    fn those_of_two_are_as_if_one_had_counted_all() {
        let mut sum = of([1, 20]);
        sum.add(&of([300, 20]));
        assert_eq!(sum, of([1, 20, 20, 300]));
    }
}
