//! Which jobs: the conditions of a filter, and the language in which they are written.

mod condition;
mod display;
mod error;
mod field;
mod members;
mod parameter;
mod parse;
mod select;
mod values;
mod words;

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::model::{JobId, JobStatus};
pub(super) use condition::Label;
use condition::{Condition, Moment, State, Term};
pub use error::ParseFilterError;
use members::Members;

/// The largest page.
const MAX_LIMIT: u64 = 1_000;
const DEFAULT_LIMIT: u64 = 100;

/// Selects the jobs to list or count. All given conditions must hold; a new filter has none.
///
/// A job has one status, one name and so on: several statuses mean any of them, and so do several names, queues, users, sessions, events,
/// keys and ids.
///
/// # The language
///
/// A filter is read from text and written as text, the same in code, on the command line and in URLs. Words are separated by spaces, and
/// each is a field, a colon and a value. `-` in front of a word means that it must not hold. A value with spaces is put in quotes, in which
/// `\"` stands for a quote and `\\` for a backslash.
///
/// ```
/// # use jobs::{JobFilter, JobStatus};
/// let filter: JobFilter = r#"status:failed -name:Mail queue:images error:"timed out" width:>64"#.parse()?;
/// assert_eq!("queue:images".parse::<JobFilter>()?, JobFilter::new().queue("images"));
/// assert_eq!(filter.to_string(), r#"status:failed -name:Mail queue:images error:"timed out" width:>64"#);
/// # Ok::<(), jobs::ParseFilterError>(())
/// ```
///
/// | word | jobs | example |
/// | --- | --- | --- |
/// | a number | with this id | `42` |
/// | `status:` | in this status, or in one of several | `status:failed`, `status:failed,canceled` |
/// | `name:` | of the definition with this name | `name:Resize` |
/// | `queue:` | in this queue | `queue:images` |
/// | `user:` | that run on behalf of this user | `user:ada` |
/// | `session:` | requested by this session | `session:4f1c` |
/// | `event:` | requested by this event | `event:order-7` |
/// | `key:` | scheduled with this [`unique_key`](crate::JobOptions::unique_key); `name:` must be given too, because a key counts among the jobs of its name | `name:Sync key:acme` |
/// | `error:` | whose `last_error` contains this text, in upper or lower case; `error:""`: that have one | `error:"timed out"` |
/// | `since:` | scheduled (`created_at`) at this time or later; the time is a duration before now, by the database's clock, or a time in UTC | `since:2h`, `since:2026-11-28`, `since:2026-11-28T10:30:00Z` |
/// | `until:` | scheduled before this time | `until:1d12h` |
/// | `is:due` | that wait, and whose time has come | `is:due` |
/// | `is:retrying` | that wait for another attempt, after one that failed | `is:retrying` |
/// | `is:long` | that have been running for more than an hour | `is:long` |
/// | `is:unserved` | that are due in a queue, or with a name, that no live worker serves | `is:unserved` |
/// | any other field | whose parameter of this name is equal to the value, or is greater or less: `>`, `>=`, `<`, `<=` | `width:64`, `width:>64`, `paid:true` |
/// | `param.…:` | the same, if the parameter has the name of a field | `param.user:ada` |
///
/// Texts are compared whole and by case, except in `error:`. Parameters:
///
/// - Dots lead to members: `user.name:ada`. If a value is an array, one of its elements must match.
/// - `64` is the number or the text `64`, and `"64"` only the text; likewise `true`, `false` and `null`.
/// - Numbers are greater or less than numbers, and texts than texts, by their characters: `day:>=2026-11-01`.
/// - A job without the parameter matches no condition on it, so it matches the condition with `-`.
/// - Secrets match no condition, with `-` or without: a page [says](crate::JobPage::secrets) for which parameters that mattered.
///
/// What can't be read is a [`ParseFilterError`], which points at the word.
///
/// # JSON
///
/// It can be read from the query of a URL, or from JSON, in which each condition has the name of its method. What has no method is in the
/// member `filter`, in the language:
///
/// ```
/// # use jobs::{JobFilter, JobStatus};
/// let json = r#"{"status": "failed,canceled", "queue": "images", "filter": "width:>64", "limit": 20}"#;
/// let filter: JobFilter = serde_json::from_str(json)?;
/// let same: JobFilter = "status:failed,canceled queue:images width:>64".parse().expect("it is written right");
/// assert_eq!(filter, same.limit(20));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// `status` is one status, several separated by commas, or a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "Members")]
#[must_use]
pub struct JobFilter {
    /// In the order of their kinds, so that the order in which they are given does not matter.
    terms: Vec<Term>,
    after: Option<JobId>,
    limit: Option<u64>,
}

impl JobFilter {
    /// Creates a filter that matches all jobs.
    pub fn new() -> Self {
        Self::default()
    }

    /// The job with this id; if called more than once, any of them.
    pub fn id(self, id: impl Into<JobId>) -> Self {
        self.with(Condition::Id(id.into()))
    }

    /// Jobs in this status; if called more than once, in any of them.
    pub fn status(self, status: JobStatus) -> Self {
        self.with(Condition::Status(status))
    }

    /// Jobs of the definition with this name; if called more than once, of any of them.
    pub fn name(self, name: impl Into<String>) -> Self {
        self.with(Condition::Label(Label::Name, name.into()))
    }

    /// Jobs in this queue; if called more than once, in any of them.
    pub fn queue(self, queue: impl Into<String>) -> Self {
        self.with(Condition::Label(Label::Queue, queue.into()))
    }

    /// Jobs that run on behalf of this user; if called more than once, of any of them.
    pub fn user(self, user: impl Into<String>) -> Self {
        self.with(Condition::Label(Label::User, user.into()))
    }

    /// Jobs requested by this session; if called more than once, by any of them.
    pub fn session(self, session: impl Into<String>) -> Self {
        self.with(Condition::Label(Label::Session, session.into()))
    }

    /// Jobs requested by this event; if called more than once, by any of them.
    pub fn event(self, event: impl Into<String>) -> Self {
        self.with(Condition::Label(Label::Event, event.into()))
    }

    /// Jobs scheduled with this [`unique_key`](crate::JobOptions::unique_key). A [name](Self::name) must be given too.
    pub fn key(self, key: impl Into<String>) -> Self {
        self.with(Condition::Key(key.into()))
    }

    /// Jobs whose last error contains this text, in upper or lower case.
    pub fn error(self, text: impl Into<String>) -> Self {
        self.with(Condition::Error(text.into()))
    }

    /// Jobs scheduled at this time or later.
    pub fn created_from(self, time: DateTime<Utc>) -> Self {
        self.with(Condition::Since(Moment::at(time)))
    }

    /// Jobs scheduled before this time.
    pub fn created_until(self, time: DateTime<Utc>) -> Self {
        self.with(Condition::Until(Moment::at(time)))
    }

    /// Jobs scheduled no longer ago than this, by the database's clock. Rounded up to milliseconds.
    pub fn created_within(self, age: Duration) -> Self {
        self.with(Condition::Since(Moment::ago(age)))
    }

    /// Due jobs: those that wait, and whose time has come.
    pub fn due(self) -> Self {
        self.with(Condition::Is(State::Due))
    }

    /// Jobs that wait for another attempt, after one that failed.
    pub fn retrying(self) -> Self {
        self.with(Condition::Is(State::Retrying))
    }

    /// Jobs that have been running for more than an hour.
    pub fn long_running(self) -> Self {
        self.with(Condition::Is(State::Long))
    }

    /// Due jobs in a queue, or with a name, that no live worker serves.
    pub fn unserved(self) -> Self {
        self.with(Condition::Is(State::Unserved))
    }

    /// The conditions of both filters. If both say which page, that of the other counts.
    ///
    /// ```
    /// # use jobs::JobFilter;
    /// let wide: JobFilter = "width:>64".parse()?;
    /// assert_eq!(wide.and(JobFilter::new().queue("images")).to_string(), "queue:images width:>64");
    /// # Ok::<(), jobs::ParseFilterError>(())
    /// ```
    pub fn and(self, other: Self) -> Self {
        let Self { terms, after, limit } = other;
        let both = terms.into_iter().fold(self, Self::with_term);
        Self { after: after.or(both.after), limit: limit.or(both.limit), ..both }
    }

    /// The page after this job: where [`JobPage::next`](crate::JobPage::next) says that the search goes on.
    pub fn after(mut self, last: impl Into<JobId>) -> Self {
        self.after = Some(last.into());
        self
    }

    /// The most jobs in a page, 1 to 1000; 100 by default.
    pub fn limit(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// The limit, or the default.
    pub(super) fn page_size(&self) -> Result<usize, Error> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        let is_valid = (1..=MAX_LIMIT).contains(&limit);
        let size = usize::try_from(limit).ok().filter(|_| is_valid);
        size.ok_or_else(|| Error::invalid("limit", format!("{limit} is not between 1 and {MAX_LIMIT}")))
    }

    /// The same conditions, but for those on the status.
    #[cfg(feature = "web")]
    pub(crate) fn in_any_status(mut self) -> Self {
        self.terms.retain(|term| !matches!(term.condition, Condition::Status(_)));
        self
    }

    /// The jobs of all pages.
    pub(super) fn all_pages(self) -> Self {
        Self { after: None, limit: None, ..self }
    }

    fn with(self, condition: Condition) -> Self {
        self.with_term(Term { is_negated: false, condition })
    }

    fn with_term(mut self, term: Term) -> Self {
        if !self.terms.contains(&term) {
            let place = self.terms.partition_point(|other| other.rank() <= term.rank());
            self.terms.insert(place, term);
        }
        self
    }
}
