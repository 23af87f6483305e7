//! The parts of a filter's text: words, which are a field and a value, bare or in quotes.

use std::ops::Range;

use super::ParseFilterError;

/// Reads a text from left to right.
pub(super) struct Words<'t> {
    text: &'t str,
    position: usize,
}

/// A name or a value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) is_quoted: bool,
    pub(super) span: Range<usize>,
}

impl<'t> Words<'t> {
    pub(super) const fn of(text: &'t str) -> Self {
        Self { text, position: 0 }
    }

    pub(super) const fn text(&self) -> &'t str {
        self.text
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    fn rest(&self) -> &'t str {
        &self.text[self.position..]
    }

    /// Moves to the next word, if there is one.
    pub(super) fn next_word(&mut self) -> bool {
        self.position = self.text.len() - self.rest().trim_start().len();
        self.position < self.text.len()
    }

    /// Whether no character of the word is left.
    pub(super) fn is_at_end_of_word(&self) -> bool {
        self.rest().chars().next().is_none_or(char::is_whitespace)
    }

    /// Moves past this text, if it comes next.
    pub(super) fn take(&mut self, text: &str) -> bool {
        let comes_next = self.rest().starts_with(text);
        self.position += if comes_next { text.len() } else { 0 };
        comes_next
    }

    /// Reads what ends with the word, or with a character for which `ends` is true.
    pub(super) fn part(&mut self, ends: fn(char) -> bool) -> Result<Part, ParseFilterError> {
        let start = self.position;
        if self.take("\"") {
            return self.quoted(start, ends);
        }
        let is_outside = |character: char| character.is_whitespace() || ends(character);
        let length = self.rest().find(is_outside).unwrap_or(self.rest().len());
        self.position += length;
        let text = &self.text[start..self.position];
        if let Some(quote) = text.find('"') {
            let span = start + quote..start + quote + 1;
            return Err(self.error(
                span,
                "there is a quote inside a word",
                r#"begin and end with `"`, and write `\"` for a quote between them"#,
            ));
        }
        Ok(Part { text: text.to_owned(), is_quoted: false, span: start..self.position })
    }

    fn quoted(&mut self, start: usize, ends: fn(char) -> bool) -> Result<Part, ParseFilterError> {
        let mut text = String::new();
        let mut characters = self.rest().char_indices();
        while let Some((index, character)) = characters.next() {
            match character {
                '"' => {
                    self.position += index + 1;
                    let span = start..self.position;
                    if !self.is_at_end_of_word() && !self.rest().starts_with(ends) {
                        let end = self.rest().find(char::is_whitespace).unwrap_or(self.rest().len());
                        let span = self.position..self.position + end;
                        return Err(self.error(
                            span,
                            "this follows a quote",
                            r#"put a space before it, or write `\"` for a quote inside quotes"#,
                        ));
                    }
                    return Ok(Part { text, is_quoted: true, span });
                }
                // A backslash before any other character is one.
                '\\' => match characters.clone().next() {
                    Some((_, escaped @ ('"' | '\\'))) => {
                        characters.next();
                        text.push(escaped);
                    }
                    _ => text.push('\\'),
                },
                character => text.push(character),
            }
        }
        Err(self.error(start..self.text.len(), "the quote is not closed", r#"end it with `"`"#))
    }

    pub(super) fn error(
        &self,
        span: Range<usize>,
        reason: impl Into<String>,
        help: impl Into<String>,
    ) -> ParseFilterError {
        ParseFilterError { text: self.text.to_owned(), span, reason: reason.into(), help: help.into() }
    }
}
