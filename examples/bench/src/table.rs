//! The output: a table for people, JSON for machines.

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::figure::{Figure, Goal, Samples, Unit};

/// Prints one row for each figure.
pub(crate) fn print(figures: &[Figure]) {
    let mut table = Table::new();
    table.load_preset(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header([
        "figure",
        "ours (least – most)",
        "floor (least – most)",
        "what the floor is",
        "ratio",
        "goal",
        "met",
    ]);
    for column in [1, 2, 4] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for figure in figures {
        table.add_row(row(figure).map(Cell::new));
    }
    println!("{table}");
}

fn row(figure: &Figure) -> [String; 7] {
    let (floor, what) = match &figure.floor {
        Some(floor) => (spread(&floor.samples), floor.what.clone()),
        None => ("–".into(), "–".into()),
    };
    let met = figure.is_met().map_or("", |met| if met { "yes" } else { "no" });
    [
        format!("{}, {}", figure.name, figure.unit.symbol()),
        spread(&figure.ours),
        floor,
        what,
        figure.ratio().map_or("–".into(), |ratio| format!("{ratio:.2}")),
        figure.goal.map_or("–".into(), |goal| goal.text(figure.unit)),
        met.into(),
    ]
}

fn spread(samples: &Samples) -> String {
    format!("{} ({} – {})", number(samples.median()), number(samples.least()), number(samples.most()))
}

/// Formats a number with three significant digits and a thousands separator.
fn number(number: f64) -> String {
    if number.abs() < 10.0 {
        format!("{number:.2}")
    } else if number.abs() < 100.0 {
        format!("{number:.1}")
    } else {
        let digits = format!("{number:.0}");
        let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
        groups.join(",")
    }
}

impl Unit {
    fn symbol(self) -> &'static str {
        match self {
            Self::JobsPerSecond => "jobs/s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "µs",
            Self::StatementsPerMinute => "statements/min",
            Self::StatementsPerSecond => "statements/s",
            Self::Percent => "%",
            Self::Mebibytes => "MiB",
        }
    }
}

impl Goal {
    fn text(self, unit: Unit) -> String {
        match self {
            Self::RatioAtLeast(least) => format!("ratio ≥ {least:.2}"),
            Self::RatioAtMost(most) => format!("ratio ≤ {most:.2}"),
            Self::AtMost(most) => format!("≤ {most} {}", unit.symbol()),
        }
    }

    fn json(self) -> Value {
        match self {
            Self::RatioAtLeast(least) => json!({ "ratio_at_least": least }),
            Self::RatioAtMost(most) => json!({ "ratio_at_most": most }),
            Self::AtMost(most) => json!({ "at_most": most }),
        }
    }
}

/// Prints one object for each figure.
pub(crate) fn print_json(figures: &[Figure]) {
    let figures: Vec<_> = figures.iter().map(object).collect();
    println!("{:#}", Value::from(figures));
}

fn object(figure: &Figure) -> Value {
    let samples =
        |samples: &Samples| json!({ "median": samples.median(), "least": samples.least(), "most": samples.most() });
    json!({
        "figure": figure.name,
        "unit": figure.unit.symbol(),
        "ours": samples(&figure.ours),
        "floor": figure.floor.as_ref().map(|floor| samples(&floor.samples)),
        "floor_is": figure.floor.as_ref().map(|floor| &floor.what),
        "ratio": figure.ratio(),
        "goal": figure.goal.map(Goal::json),
        "met": figure.is_met(),
    })
}
