//! The filter of the list: the text that was typed, what is wrong with it, and links that change a part of it.

use crate::client::counts::MOST_COUNTED;
use crate::web::format;
use crate::web::pages::overview;
use crate::{BoundedCounts, Error, JobFilter, JobStatus, ParseFilterError};

/// What is wrong with a filter, and where.
pub(super) struct Problem {
    /// The text before the word.
    pub(super) before: String,
    pub(super) word: String,
    pub(super) after: String,
    pub(super) reason: String,
    pub(super) help: String,
}

impl Problem {
    /// A mistake in the text.
    pub(super) fn of_text(error: &ParseFilterError) -> Self {
        let (text, span) = (error.text(), error.span());
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default().to_owned();
        Self {
            before: part(0..span.start),
            word: part(span.clone()),
            after: part(span.end..text.len()),
            reason: error.reason().to_owned(),
            help: error.help().to_owned(),
        }
    }

    /// A filter that can be read, and can't be asked.
    pub(super) fn of_error(error: &Error) -> Self {
        Self {
            before: String::new(),
            word: String::new(),
            after: String::new(),
            reason: error.to_string(),
            help: String::new(),
        }
    }
}

/// A link to the same filter in one status, or in all.
pub(super) struct Tab {
    pub(super) label: &'static str,
    pub(super) filter: String,
    pub(super) count: String,
    pub(super) is_current: bool,
}

pub(super) fn tabs(filter: &JobFilter, counts: &BoundedCounts) -> Vec<Tab> {
    let any = filter.clone().in_any_status();
    let tab = |label, to: JobFilter, count| Tab { label, is_current: to == *filter, filter: to.to_string(), count };
    let mut tabs = vec![tab("all", any.clone(), total(counts))];
    tabs.extend(
        JobStatus::ALL
            .iter()
            .map(|status| tab(status.as_str(), any.clone().status(*status), overview::count(counts, *status))),
    );
    // A filter that is as long as it may be has no place for a status.
    tabs.retain(|tab| tab.filter.parse::<JobFilter>().is_ok());
    tabs
}

fn total(counts: &BoundedCounts) -> String {
    let is_exact = JobStatus::ALL.iter().all(|status| counts.is_exact(*status));
    let bounded: u64 = JobStatus::ALL.iter().map(|status| counts.counts.of(*status).min(MOST_COUNTED)).sum();
    format::found(bounded, is_exact)
}
