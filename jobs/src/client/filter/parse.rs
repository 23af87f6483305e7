//! Reading a filter from its language.

use std::str::FromStr;

use super::condition::{Comparison, Condition, Label, Parameter, State, Term};
use super::field::{Field, PARAMETER};
use super::values::{self, example};
use super::words::{Part, Words};
use super::{JobFilter, ParseFilterError};
use crate::model::JobStatus;

/// The most words of a filter: SQLite nests an expression no more than a thousand levels deep.
const MAX_WORDS: usize = 100;

impl FromStr for JobFilter {
    type Err = ParseFilterError;

    fn from_str(text: &str) -> Result<Self, ParseFilterError> {
        Self::new().and_words(text)
    }
}

impl JobFilter {
    /// Adds the conditions of a text.
    pub(crate) fn and_words(self, text: &str) -> Result<Self, ParseFilterError> {
        let mut words = Words::of(text);
        let mut filter = self;
        let mut key = None;
        let mut count = 0;
        while words.next_word() {
            let start = words.position();
            count += 1;
            if count > MAX_WORDS {
                let reason = format!("there are more than {MAX_WORDS} words");
                return Err(words.error(start..text.len(), reason, "leave some out, or ask several times"));
            }
            let is_negated = words.take("-");
            let conditions = conditions(&mut words)?;
            if key.is_none() && matches!(conditions[..], [Condition::Key(_)]) {
                key = Some(start..words.position());
            }
            filter = conditions
                .into_iter()
                .fold(filter, |filter, condition| filter.with_term(Term { is_negated, condition }));
        }
        match key {
            Some(key) if !filter.has_name() => {
                let reason = "a key counts among the jobs of one name";
                Err(words.error(key, reason, "add that name, such as `name:Resize`"))
            }
            _ => Ok(filter),
        }
    }

    /// Whether a name is given, which a key needs.
    pub(super) fn has_name(&self) -> bool {
        let is_name = |term: &Term| !term.is_negated && matches!(term.condition, Condition::Label(Label::Name, _));
        self.terms.iter().any(is_name)
    }
}

/// Reads a word: a condition, or several that are separated by commas.
fn conditions(words: &mut Words<'_>) -> Result<Vec<Condition>, ParseFilterError> {
    let first = words.part(|character| character == ':')?;
    if !words.take(":") {
        return bare(words, &first).map(|condition| vec![condition]);
    }
    let field = match (Field::named(&first.text), first.text.strip_prefix(PARAMETER)) {
        (Some(field), _) => field,
        (None, Some(path)) => return parameter(words, &first, path).map(|condition| vec![condition]),
        (None, None) => {
            if let Some(field) = Field::like(&first.text) {
                return Err(misspelled(words, &first, field));
            }
            return parameter(words, &first, &first.text).map(|condition| vec![condition]);
        }
    };
    let value = words.part(|_| false)?;
    // Every error contains the empty text.
    if value.text.is_empty() && !(value.is_quoted && field == Field::Error) {
        let span = first.span.start..value.span.end;
        return Err(words.error(
            span,
            format!("`{}:` has no value", field.as_str()),
            format!("write {}", example(field)),
        ));
    }
    values::read(words, field, &value)
}

/// Reads a word without a field: the id of a job.
fn bare(words: &Words<'_>, word: &Part) -> Result<Condition, ParseFilterError> {
    let text = &word.text;
    if !word.is_quoted && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return values::id(words, word);
    }
    if text.is_empty() && !word.is_quoted {
        let span = word.span.start.saturating_sub(1)..word.span.end;
        return Err(words.error(
            span,
            "`-` stands alone",
            "put it directly in front of what must not hold, as in `-name:Mail`",
        ));
    }
    let meant = match (text.parse::<JobStatus>(), State::named(text)) {
        (Ok(status), _) => format!("write `status:{}`", status.as_str()),
        (_, Some(state)) => format!("write `is:{}`", state.as_str()),
        _ => {
            let part = &words.text()[word.span.clone()];
            format!("write `name:{part}` for jobs of this name, or `error:{part}` for jobs with this error")
        }
    };
    Err(words.error(word.span.clone(), format!("`{text}` has no field"), meant))
}

fn misspelled(words: &Words<'_>, name: &Part, meant: Field) -> ParseFilterError {
    let (text, meant) = (&name.text, meant.as_str());
    let help = format!("did you mean `{meant}`? (For a parameter of this name, write `{PARAMETER}{text}:`)");
    words.error(name.span.clone(), format!("`{text}` is not a field"), help)
}

fn parameter(words: &mut Words<'_>, name: &Part, path: &str) -> Result<Condition, ParseFilterError> {
    if path.is_empty() {
        let span = name.span.start..words.position();
        return Err(words.error(
            span,
            "the name before the colon is missing",
            "write a field, such as `name:Resize`, or a parameter, such as `width:64`",
        ));
    }
    let signed = Comparison::SIGNED.into_iter().find(|comparison| words.take(comparison.sign()));
    let value = words.part(|_| false)?;
    if value.text.is_empty() && !value.is_quoted {
        let span = name.span.start..value.span.end;
        return Err(words.error(
            span,
            format!("`{path}` is compared with nothing"),
            format!("write a value, such as `{path}:64`, or `{path}:\"\"` for a text that is empty"),
        ));
    }
    let comparison = signed.unwrap_or(Comparison::Equal);
    let parameter = Parameter { path: path.to_owned(), comparison, value: value.text, is_text: value.is_quoted };
    Ok(Condition::Parameter(parameter))
}

#[cfg(test)]
mod tests;
