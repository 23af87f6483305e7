//! Axes: where they end, and which of their values are written.

use std::time::Duration;

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

use crate::StatsRange;
use crate::web::format;

/// The value at which an axis ends, and the values at its lines, each a round number.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Axis {
    pub(super) end: u64,
    pub(super) lines: Vec<u64>,
}

/// The most lines above the first, which is at zero.
const MOST_LINES: u64 = 3;

impl Axis {
    /// An axis for numbers up to this one.
    pub(super) fn of_numbers(most: u64) -> Self {
        let powers = (0..).map_while(|exponent| 10_u64.checked_pow(exponent));
        Self::with_steps(most, powers.flat_map(|power| [1, 2, 5].map(|factor| power.saturating_mul(factor))))
    }

    /// An axis for durations up to this one, in microseconds.
    pub(super) fn of_micros(most: u64) -> Self {
        const MS: u64 = 1_000;
        const SECOND: u64 = 1_000 * MS;
        const MINUTE: u64 = 60 * SECOND;
        const HOUR: u64 = 60 * MINUTE;
        let below_a_minute =
            [MS, 10 * MS, 100 * MS, SECOND].into_iter().flat_map(|unit| [1, 2, 5].map(|factor| unit * factor));
        let by_sixty = [10, 15, 30].map(|factor| factor * SECOND).into_iter();
        let minutes = [1, 2, 5, 10, 15, 30].map(|factor| factor * MINUTE);
        let hours = [1, 2, 3, 6, 12].map(|factor| factor * HOUR);
        let days = (0..).map_while(|exponent| (24 * HOUR).checked_mul(10_u64.checked_pow(exponent)?));
        let days = days.flat_map(|days| [1, 2, 5].map(|factor| days.saturating_mul(factor)));
        Self::with_steps(most, below_a_minute.chain(by_sixty).chain(minutes).chain(hours).chain(days))
    }

    /// Takes the first of these steps, given in order, that needs few lines.
    fn with_steps(most: u64, mut steps: impl Iterator<Item = u64>) -> Self {
        let step = steps.find(|step| most.div_ceil(*step) <= MOST_LINES).unwrap_or(u64::MAX);
        let count = most.div_ceil(step).max(1);
        Self { end: step.saturating_mul(count), lines: (1..=count).map(|line| step.saturating_mul(line)).collect() }
    }
}

/// What is written for a period, if anything is.
pub(super) fn time_label(range: StatsRange, at: DateTime<Utc>) -> Option<String> {
    let is_labeled = match range {
        StatsRange::Day => at.hour().is_multiple_of(6),
        // Every second day: dates are long.
        StatsRange::Week => at.hour() == 0 && at.num_days_from_ce() % 2 == 0,
        _ => at.minute().is_multiple_of(15),
    };
    let format = if range == StatsRange::Week { "%b %-d" } else { "%H:%M" };
    is_labeled.then(|| at.format(format).to_string())
}

/// A duration of so many microseconds, as it is read.
pub(super) fn micros(micros: u64) -> String {
    format::duration(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_of_numbers_has_few_round_lines_and_room_for_all() {
        for (most, lines) in [
            (0, &[1][..]),
            (1, &[1]),
            (3, &[1, 2, 3]),
            (4, &[2, 4]),
            (7, &[5, 10]),
            (87, &[50, 100]),
            (1_234, &[500, 1_000, 1_500]),
        ] {
            assert_eq!(Axis::of_numbers(most), Axis { end: *lines.last().unwrap(), lines: lines.to_vec() }, "{most}");
        }
        for most in [u64::MAX, u64::MAX / 2, 10_u64.pow(19)] {
            let axis = Axis::of_numbers(most);
            assert!(axis.end >= most && axis.lines.len() <= 3, "{axis:?}");
        }
    }

    #[test]
    fn an_axis_of_durations_has_units_that_people_use() {
        let lines = |most| Axis::of_micros(most).lines.into_iter().map(micros).collect::<Vec<_>>();
        assert_eq!(lines(0), ["1ms"]);
        assert_eq!(lines(2_500), ["1ms", "2ms", "3ms"]);
        assert_eq!(lines(14_000_000), ["5s", "10s", "15s"]);
        assert_eq!(lines(40_000_000), ["15s", "30s", "45s"]);
        assert_eq!(lines(100_000_000), ["1m", "2m"]);
        assert_eq!(lines(7_000_000_000), ["1h", "2h"]);
        assert_eq!(lines(5 * 86_400_000_000), ["2d", "4d", "6d"]);
        assert_eq!(Axis::of_micros(u64::MAX).end, u64::MAX);
    }

    #[test]
    fn few_times_are_written() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        assert_eq!(time_label(StatsRange::Hour, at("2026-11-28T20:45:00Z")).as_deref(), Some("20:45"));
        assert_eq!(time_label(StatsRange::Hour, at("2026-11-28T20:44:00Z")), None);
        assert_eq!(time_label(StatsRange::Day, at("2026-11-28T18:00:00Z")).as_deref(), Some("18:00"));
        let days = ["2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z", "2026-11-04T00:00:00Z", "2026-11-05T00:00:00Z"];
        let labels: Vec<_> = days.iter().filter_map(|day| time_label(StatsRange::Week, at(day))).collect();
        assert_eq!(labels, ["Nov 2", "Nov 4"]);
        assert_eq!(time_label(StatsRange::Week, at("2026-11-02T06:00:00Z")), None);
    }
}
