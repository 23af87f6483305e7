//! Tables that fit the terminal. Every cell is made safe here.

use chrono::{DateTime, Utc};
use comfy_table::{ColumnConstraint, ContentArrangement, Table, Width, presets};

use super::text;

/// The space between two columns.
const GAP: u16 = 2;

/// A longer word may be broken.
const LONG_WORD: u16 = 30;

/// A table with a header. On a narrow terminal the columns in `spared` are dropped, in that order.
pub(super) fn table(header: &[&str], spared: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = filled(rows);
    table.set_header(header);
    fit(&mut table, header, spared);
    table.trim_fmt()
}

/// Names with their values.
pub(super) fn pairs(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let mut table = filled(rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]));
    fit(&mut table, &[], &[]);
    table.trim_fmt()
}

fn filled(rows: impl IntoIterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    for row in rows {
        table.add_row(row.iter().map(|cell| text::lines(cell)));
    }
    table
}

/// Breaks lines between words, and drops columns if that is not enough.
fn fit(table: &mut Table, header: &[&str], spared: &[&str]) {
    table.column_iter_mut().for_each(|column| _ = column.set_padding((0, GAP)));
    // If standard output is not a terminal, or its width is unknown, no line is broken.
    let Some(room) = table.width().filter(|width| *width > 0) else { return };
    let mut needed: Vec<_> = word_widths(table).into_iter().map(|width| width.min(LONG_WORD) + GAP).collect();
    for name in spared {
        let column = header.iter().position(|known| known == name);
        if let Some(column) = column.filter(|_| needed.iter().sum::<u16>() > room) {
            needed[column] = 0;
        }
    }
    for (column, width) in table.column_iter_mut().zip(needed) {
        column.set_constraint(match width {
            0 => ColumnConstraint::Hidden,
            width => ColumnConstraint::LowerBoundary(Width::Fixed(width)),
        });
    }
    table.set_content_arrangement(ContentArrangement::Dynamic);
}

/// The width of the longest word in each column.
fn word_widths(table: &Table) -> Vec<u16> {
    let mut words = Table::new();
    for row in table.header().into_iter().chain(table.row_iter()) {
        words.add_row(row.cell_iter().map(|cell| cell.content().replace(' ', "\n")));
    }
    words.column_max_content_widths()
}

/// A time to the second.
pub(super) fn time(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A value, or nothing.
pub(super) fn or_nothing<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of one row in a terminal of this width.
    fn shown(width: u16, header: &[&str], spared: &[&str], row: &[&str]) -> String {
        let mut table = filled([row.iter().copied().map(str::to_owned).collect()]);
        table.set_header(header).set_width(width);
        fit(&mut table, header, spared);
        table.trim_fmt()
    }

    const HEADER: [&str; 4] = ["ID", "QUEUE", "TIME", "ERROR"];
    const ROW: [&str; 4] = ["1234567", "long-running", "due 2026-11-25 02:49:00Z", "the disk is full"];

    #[test]
    fn a_line_is_broken_only_between_words() {
        for width in 40..100 {
            let shown = shown(width, &HEADER, &[], &ROW);
            for word in HEADER.into_iter().chain(ROW).flat_map(|cell| cell.split(' ')) {
                assert!(shown.contains(word), "{width}, {word}:\n{shown}");
            }
            assert!(shown.lines().all(|line| line.len() <= width.into()), "{width}:\n{shown}");
        }
    }

    #[test]
    fn a_narrow_terminal_does_without_what_can_be_spared() {
        let columns = |width| shown(width, &HEADER, &["QUEUE", "TIME"], &ROW).lines().next().unwrap().to_owned();
        let names = |width| columns(width).split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(names(50), HEADER);
        assert_eq!(names(30), ["ID", "TIME", "ERROR"]);
        assert_eq!(names(18), ["ID", "ERROR"]);
    }

    #[test]
    fn a_word_without_end_is_broken_and_one_of_wide_letters_is_not() {
        let shown = shown(60, &["A", "B"], &[], &[&"x".repeat(200), "日本語日本語日本語"]);
        assert!(shown.lines().count() > 3, "{shown}");
        assert!(shown.contains("日本語日本語日本語"), "{shown}");
    }
}
