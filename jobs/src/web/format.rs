//! How times, numbers and texts are written on pages.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::JobFilter;
use crate::client::counts::MOST_COUNTED;
use crate::client::durations;

/// A time: as it is read, and exactly.
pub(super) struct Time {
    pub(super) text: String,
    pub(super) exact: String,
    /// For machines.
    pub(super) iso: String,
}

impl Time {
    /// To the second, in UTC.
    pub(super) fn full(time: DateTime<Utc>) -> Self {
        Self::with_text(time, time.format("%Y-%m-%d %H:%M:%S").to_string())
    }

    /// The time of the day, in UTC.
    pub(super) fn clock(time: DateTime<Utc>) -> Self {
        Self::with_text(time, time.format("%H:%M:%S").to_string())
    }

    /// Before or after now, by this machine's clock: `5m ago`, `in 2h10m`.
    pub(super) fn relative(time: DateTime<Utc>, now: DateTime<Utc>) -> Self {
        let text = match (now - time).to_std() {
            Ok(past) if past < Duration::from_secs(1) => "now".to_owned(),
            Ok(past) => format!("{} ago", duration(past)),
            Err(_) => format!("in {}", duration((time - now).to_std().unwrap_or_default())),
        };
        Self::with_text(time, text)
    }

    fn with_text(time: DateTime<Utc>, text: String) -> Self {
        let exact = time.format("%Y-%m-%d %H:%M:%S%.3f UTC").to_string();
        Self { text, exact, iso: time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true) }
    }
}

/// The two largest units; milliseconds only below a second.
pub(super) fn duration(duration: Duration) -> String {
    let seconds = Duration::from_secs(duration.as_secs());
    durations::show(if seconds.is_zero() { duration } else { seconds })
}

/// The time between two times; none if clocks disagree.
pub(super) fn between(start: DateTime<Utc>, end: DateTime<Utc>) -> String {
    duration((end - start).to_std().unwrap_or_default())
}

/// A count that ends above 10,000.
pub(super) fn bounded(count: u64) -> String {
    found(count.min(MOST_COUNTED), count <= MOST_COUNTED)
}

/// How many were found, with a mark if there may be more.
pub(super) fn found(count: u64, is_exact: bool) -> String {
    format!("{}{}", number(count), if is_exact { "" } else { "+" })
}

/// A number with commas.
pub(super) fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and its noun.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// The filter of the jobs in this queue.
pub(super) fn queue_filter(queue: &str) -> String {
    JobFilter::new().queue(queue).to_string()
}

/// The first line, and no more than this many characters of it.
pub(super) fn first_line(text: &str, characters: usize) -> String {
    let line = text.lines().next().unwrap_or_default();
    let beginning = beginning(line, characters);
    if beginning.len() < text.len() { format!("{beginning}…") } else { beginning.to_owned() }
}

/// The first characters.
pub(super) fn beginning(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

/// The paragraphs of a documentation comment.
pub(super) fn paragraphs(docs: &str) -> Vec<String> {
    let lines: Vec<_> = docs.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    let paragraphs = lines.split(|line| line.is_empty()).map(|lines| lines.join("\n"));
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(number(value), text);
        }
        assert_eq!(counted(1, "job", "jobs"), "1 job");
        assert_eq!(counted(2_000, "job", "jobs"), "2,000 jobs");
    }

    #[test]
    fn times_are_told_from_now() {
        let now = DateTime::from_timestamp(1_700_000_000, 500_000_000).expect("a time");
        let text = |seconds| Time::relative(now + chrono::TimeDelta::seconds(seconds), now).text;
        assert_eq!(text(0), "now");
        assert_eq!(text(-125), "2m5s ago");
        assert_eq!(text(3_600), "in 1h");
        assert_eq!(Time::full(now).text, "2023-11-14 22:13:20");
        assert_eq!(Time::full(now).iso, "2023-11-14T22:13:20.500Z");
        assert_eq!(between(now, now - chrono::TimeDelta::seconds(1)), "0s");
    }

    #[test]
    fn empty_lines_separate_paragraphs() {
        assert_eq!(paragraphs(" One\n line.\n\n\n Two.\n"), ["One\nline.", "Two."]);
        assert!(paragraphs("").is_empty() && paragraphs("\n \n").is_empty());
    }

    #[test]
    fn a_cut_text_says_so() {
        assert_eq!(first_line("one\ntwo", 10), "one…");
        assert_eq!(first_line("äöü", 2), "äö…");
        assert_eq!(first_line("äöü", 3), "äöü");
    }
}
