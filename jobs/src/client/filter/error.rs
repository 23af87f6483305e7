//! What is wrong with a filter's text, and where.

use std::fmt::{self, Write as _};
use std::ops::Range;

use crate::error::Error;

/// The error of reading a [`JobFilter`](crate::JobFilter) from a text.
///
/// It says what is wrong and what to write instead, and points at the word:
///
/// ```
/// # use jobs::JobFilter;
/// let error = "queue:images staus:failed".parse::<JobFilter>().unwrap_err();
/// assert_eq!(error.span(), 13..18);
/// let expected = "\
/// `staus` is not a field: did you mean `status`? (For a parameter of this name, write `param.staus:`)
///   queue:images staus:failed
///                ^^^^^";
/// assert_eq!(error.to_string(), expected);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseFilterError {
    pub(super) text: String,
    pub(super) span: Range<usize>,
    pub(super) reason: String,
    pub(super) help: String,
}

impl ParseFilterError {
    /// The text that could not be read.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where the mistake is, in bytes of the text.
    #[must_use]
    pub fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Returns the reason: what is wrong.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns what to write instead.
    #[must_use]
    pub fn help(&self) -> &str {
        &self.help
    }
}

/// Writes what is wrong, the text, and carets below the mistake: three lines.
impl fmt::Display for ParseFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.reason, self.help)?;
        f.write_str("  ")?;
        // One column for each character, on one line.
        for character in self.text.chars() {
            f.write_char(if character.is_control() { ' ' } else { character })?;
        }
        let columns = |range: Range<usize>| self.text.get(range).map_or(0, |text| text.chars().count());
        let before = " ".repeat(columns(0..self.span.start));
        write!(f, "\n  {before}{}", "^".repeat(columns(self.span()).max(1)))
    }
}

impl std::error::Error for ParseFilterError {}

impl From<ParseFilterError> for Error {
    fn from(error: ParseFilterError) -> Self {
        Self::invalid("filter", error.to_string())
    }
}
