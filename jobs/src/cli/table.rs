//! Tables that fit the terminal. Every cell is made safe here.

use chrono::{DateTime, Utc};
use comfy_table::{ContentArrangement, Table, presets};

use super::text;

/// A table with a header.
pub(super) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = empty();
    table.set_header(header);
    fill(table, rows)
}

/// Names and what belongs to each.
pub(super) fn pairs(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    fill(empty(), rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
}

fn empty() -> Table {
    let mut table = Table::new();
    // Where standard output is no terminal, no line is broken.
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table
}

fn fill(mut table: Table, rows: impl IntoIterator<Item = Vec<String>>) -> String {
    for row in rows {
        table.add_row(row.iter().map(|cell| text::lines(cell)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// A time to the second.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A value that there may not be.
pub(super) fn or_nothing<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}
