//! Writing a filter in its language.

use std::fmt::{self, Write as _};

use chrono::SecondsFormat;

use super::JobFilter;
use super::condition::{Condition, Moment, Parameter, Term};
use super::field::{Field, PARAMETER};
use crate::client::durations;

/// Writes the filter in its language, from which it can be read. Page and limit are not in it.
impl fmt::Display for JobFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, term) in self.terms.iter().enumerate() {
            if index > 0 {
                f.write_char(' ')?;
            }
            term.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_negated {
            f.write_char('-')?;
        }
        match &self.condition {
            Condition::Id(id) => write!(f, "{id}"),
            Condition::Parameter(parameter) => parameter.fmt(f),
            Condition::Status(status) => field(f, Field::Status, status.as_str()),
            Condition::Label(label, text) => field(f, Field::Label(*label), text),
            Condition::Key(key) => field(f, Field::Key, key),
            Condition::Error(text) => field(f, Field::Error, text),
            Condition::Since(moment) => field(f, Field::Since, &moment.to_string()),
            Condition::Until(moment) => field(f, Field::Until, &moment.to_string()),
            Condition::Is(state) => field(f, Field::Is, state.as_str()),
        }
    }
}

fn field(f: &mut fmt::Formatter<'_>, field: Field, value: &str) -> fmt::Result {
    write!(f, "{}:", field.as_str())?;
    write_value(f, value)
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ago(age) => f.write_str(&durations::exact(*age)),
            Self::At(time) => f.write_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if Field::mistakes_for(&self.path) { PARAMETER } else { "" };
        let name = format!("{mark}{}", self.path);
        // A colon would end the name, and a hyphen before it would negate the word.
        if needs_quotes(&name) || name.contains(':') || name.starts_with('-') {
            write_quoted(f, &name)?;
        } else {
            f.write_str(&name)?;
        }
        write!(f, ":{}", self.comparison.sign())?;
        if self.is_text { write_quoted(f, &self.value) } else { write_value(f, &self.value) }
    }
}

fn write_value(f: &mut fmt::Formatter<'_>, value: &str) -> fmt::Result {
    if needs_quotes(value) { write_quoted(f, value) } else { f.write_str(value) }
}

fn needs_quotes(text: &str) -> bool {
    text.is_empty() || text.contains(|character: char| character.is_whitespace() || character == '"')
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(character)?;
    }
    f.write_char('"')
}
