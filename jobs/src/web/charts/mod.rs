//! Charts of what workers have counted: bars for each minute or hour, drawn as SVG.
//!
//! A drawing is as wide as its place, in percent; only the bars are stretched, and text is not. Colors are those of the classes.

mod axis;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::format;
use crate::{Stats, StatsPeriod, StatsRange};
use axis::Axis;

/// The height of an axis in the coordinates of the bars.
const HEIGHT: u64 = 1_000;

/// The least height of a bar, so that it is seen.
const LEAST: u64 = 12;

/// Where the axis ends, and its height, in pixels.
const TOP: u64 = 16;
const PIXELS: u64 = 112;

/// The charts of a range, and their numbers.
pub(super) struct Charts {
    pub(super) ranges: Vec<Link>,
    /// The range in words, such as `hour`.
    pub(super) range: StatsRange,
    pub(super) is_empty: bool,
    pub(super) all: [Chart; 3],
    pub(super) rows: Vec<Row>,
    pub(super) searched_back_to: Option<String>,
    pub(super) period: &'static str,
}

/// A link to a range.
pub(super) struct Link {
    pub(super) to: StatsRange,
    pub(super) label: &'static str,
    pub(super) is_current: bool,
}

/// A chart.
pub(super) struct Chart {
    pub(super) title: &'static str,
    /// What it says, in words.
    pub(super) essence: String,
    /// What the colors stand for: a class and a word.
    pub(super) legend: Vec<(&'static str, &'static str)>,
    pub(super) lines: Vec<Line>,
    pub(super) times: Vec<Label>,
    pub(super) columns: Vec<Column>,
    /// The number of columns, also of those without a bar.
    pub(super) width: usize,
}

/// A line at a round value.
pub(super) struct Line {
    pub(super) y: u64,
    /// The place of its label.
    pub(super) label_y: u64,
    pub(super) label: String,
}

/// A time below the axis.
pub(super) struct Label {
    /// In percent.
    pub(super) x: String,
    pub(super) text: String,
}

/// The bars of a period.
pub(super) struct Column {
    pub(super) x: usize,
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
}

pub(super) struct Bar {
    pub(super) class: &'static str,
    pub(super) y: u64,
    pub(super) height: u64,
}

/// The numbers of a period.
pub(super) struct Row {
    pub(super) time: String,
    pub(super) terminated: String,
    pub(super) failed: String,
    pub(super) canceled: String,
    pub(super) retried: String,
    pub(super) median: String,
    pub(super) p95: String,
}

impl Charts {
    pub(super) fn of(stats: &Stats) -> Self {
        let range = stats.range;
        Self {
            ranges: StatsRange::ALL
                .iter()
                .map(|other| Link { to: *other, label: label(*other), is_current: *other == range })
                .collect(),
            range,
            is_empty: !stats.periods.iter().any(has_ends),
            all: [ends(stats), failures(stats), waits(stats)],
            rows: stats
                .periods
                .iter()
                .rev()
                .filter(|period| has_ends(period))
                .map(|period| Row::of(range, period))
                .collect(),
            searched_back_to: stats.searched_back_to.map(|time| at(range, time)),
            period: period_name(range),
        }
    }
}

impl Row {
    fn of(range: StatsRange, StatsPeriod { starts_at, totals, .. }: &StatsPeriod) -> Self {
        let duration = |time: Option<_>| time.map_or_else(|| "–".to_owned(), format::duration);
        Self {
            time: at(range, *starts_at),
            terminated: format::number(totals.terminated),
            failed: format::number(totals.failed),
            canceled: format::number(totals.canceled),
            retried: format::number(totals.retried),
            median: duration(totals.wait.median),
            p95: duration(totals.wait.p95),
        }
    }
}

/// Jobs that were closed, by status, above each other.
fn ends(stats: &Stats) -> Chart {
    let total = &stats.total;
    let classes = [("terminated", "terminated"), ("canceled", "canceled"), ("failed", "failed")];
    let mut chart = Chart::stacked("Jobs ended", stats, &classes, |period| {
        let totals = &period.totals;
        [totals.terminated, totals.canceled, totals.failed]
    });
    chart.essence = format!(
        "{} terminated, {} canceled, {} failed in the last {}",
        format::number(total.terminated),
        format::number(total.canceled),
        format::number(total.failed),
        stats.range,
    );
    chart
}

/// What went wrong: jobs that failed, and attempts that are repeated.
fn failures(stats: &Stats) -> Chart {
    let total = &stats.total;
    let classes = [("failed", "jobs failed"), ("retried", "attempts retried")];
    let mut chart = Chart::stacked("Failures", stats, &classes, |period| [period.totals.failed, period.totals.retried]);
    chart.essence = format!(
        "{} failed and {} retried in the last {}",
        format::counted(total.failed, "job", "jobs"),
        format::counted(total.retried, "attempt was", "attempts were"),
        stats.range,
    );
    chart
}

/// How long jobs had been due when they were started: the median before the 95th percentile.
fn waits(stats: &Stats) -> Chart {
    let micros = |time: Option<Duration>| time.map_or(0, |time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    let axis = Axis::of_micros(stats.periods.iter().map(|period| micros(period.totals.wait.p95)).max().unwrap_or(0));
    let columns = stats.periods.iter().enumerate().filter_map(|(x, period)| {
        let wait = &period.totals.wait;
        let (median, p95) = (wait.median?, wait.p95?);
        let bar = |class, time| {
            let height = height(micros(Some(time)), axis.end);
            Bar { class, y: HEIGHT - height, height }
        };
        let title = format!("median {}, 95th percentile {}", format::duration(median), format::duration(p95));
        Some(Column {
            x,
            title: format!("{}: {title}", at(stats.range, period.starts_at)),
            bars: vec![bar("p95", p95), bar("median", median)],
        })
    });
    let essence = match (stats.total.wait.median, stats.total.wait.p95) {
        (Some(median), Some(p95)) => format!(
            "Half of the attempts in the last {} waited up to {}, 95 of 100 up to {}",
            stats.range,
            format::duration(median),
            format::duration(p95),
        ),
        _ => format!("No attempt has ended in the last {}", stats.range),
    };
    Chart {
        title: "Waiting time",
        essence,
        legend: vec![("median", "median"), ("p95", "95th percentile")],
        times: times(stats),
        columns: columns.collect(),
        width: stats.periods.len(),
        lines: lines(&axis, axis::micros),
    }
}

impl Chart {
    /// A chart of numbers above each other, the first at the bottom. Their classes come with what they count.
    fn stacked<const N: usize>(
        title: &'static str,
        stats: &Stats,
        classes: &[(&'static str, &'static str); N],
        numbers: impl Fn(&StatsPeriod) -> [u64; N],
    ) -> Self {
        let sum = |period: &StatsPeriod| numbers(period).into_iter().fold(0, u64::saturating_add);
        let axis = Axis::of_numbers(stats.periods.iter().map(sum).max().unwrap_or(0));
        let columns = stats.periods.iter().enumerate().filter(|(_, period)| sum(period) > 0);
        let column = |(x, period): (usize, &StatsPeriod)| {
            let (mut bars, mut words, mut y) = (Vec::new(), Vec::new(), HEIGHT);
            for (&(class, word), number) in classes.iter().zip(numbers(period)) {
                if number > 0 {
                    let height = height(number, axis.end);
                    y = y.saturating_sub(height);
                    bars.push(Bar { class, y, height });
                    words.push(format!("{} {word}", format::number(number)));
                }
            }
            Column { x, title: format!("{}: {}", at(stats.range, period.starts_at), words.join(", ")), bars }
        };
        Self {
            title,
            essence: String::new(),
            legend: classes.to_vec(),
            lines: lines(&axis, format::number),
            times: times(stats),
            columns: columns.map(column).collect(),
            width: stats.periods.len(),
        }
    }
}

/// The height of a bar: something, if the value is not zero.
fn height(value: u64, end: u64) -> u64 {
    if value == 0 {
        return 0;
    }
    let height = u128::from(value) * u128::from(HEIGHT) / u128::from(end.max(1));
    u64::try_from(height).unwrap_or(HEIGHT).clamp(LEAST, HEIGHT)
}

fn lines(axis: &Axis, label: impl Fn(u64) -> String) -> Vec<Line> {
    let count = axis.lines.len() as u64;
    let line = |(index, value): (u64, &u64)| {
        let y = TOP + PIXELS - PIXELS * (index + 1) / count;
        Line { y, label_y: y + 4, label: label(*value) }
    };
    (0..).zip(&axis.lines).map(line).collect()
}

/// The times below the axis, except for those that would reach over its ends.
fn times(stats: &Stats) -> Vec<Label> {
    let width = stats.periods.len();
    let label = |(x, period): (usize, &StatsPeriod)| {
        let permille = x * 1_000 / width;
        let text = axis::time_label(stats.range, period.starts_at)?;
        (40..=960).contains(&permille).then(|| Label { x: format!("{}.{}%", permille / 10, permille % 10), text })
    };
    stats.periods.iter().enumerate().filter_map(label).collect()
}

fn has_ends(StatsPeriod { totals, .. }: &StatsPeriod) -> bool {
    totals.closed() > 0 || totals.retried > 0 || totals.wait.mean.is_some()
}

fn label(range: StatsRange) -> &'static str {
    match range {
        StatsRange::Hour => "Hour",
        StatsRange::Day => "Day",
        StatsRange::Week => "Week",
    }
}

const fn period_name(range: StatsRange) -> &'static str {
    match range {
        StatsRange::Hour => "minute",
        StatsRange::Day | StatsRange::Week => "hour",
    }
}

/// When a period begins.
fn at(range: StatsRange, time: DateTime<Utc>) -> String {
    let format = if range == StatsRange::Hour { "%H:%M" } else { "%b %-d, %H:%M" };
    time.format(format).to_string()
}
